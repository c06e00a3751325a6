"""Prompts as Jinja2 templates: the one environment in which they are checked at registration and rendered in use."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from registry.errors import BadInput

if TYPE_CHECKING:
    from jinja2.nodes import Template
    from jinja2.sandbox import SandboxedEnvironment


def environment(prompts: Mapping[str, str]) -> SandboxedEnvironment:
    """A sandbox over a bundle's prompts by name: text is verbatim, an undefined variable is an error."""
    from jinja2 import DictLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    return ImmutableSandboxedEnvironment(
        loader=DictLoader(dict(prompts)), undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False
    )


def used_variables(text: str, path: str, prompts: frozenset[str] = frozenset()) -> dict[str, int]:
    """The variables that a template takes from outside, each with the line of its first use.

    Raises BadInput naming `path` and the line for a syntax error, or for an include of no prompt in `prompts`.
    """
    from jinja2 import TemplateSyntaxError, meta, nodes

    try:
        tree = _bare_environment().parse(text)
        _check_included(tree, path, prompts)
        free = meta.find_undeclared_variables(tree)  # this is what finds an unknown filter or test
    except TemplateSyntaxError as error:
        raise BadInput(f"{path}:{error.lineno}: not a Jinja2 template: {error.message}") from error
    except RecursionError as error:
        raise BadInput(f"{path}: nested too deeply") from error
    lines: dict[str, int] = {}
    for name in tree.find_all(nodes.Name):
        if name.name in free and name.ctx == "load":
            lines[name.name] = min(name.lineno, lines.get(name.name, name.lineno))
    return lines


def _check_included(tree: Template, path: str, prompts: frozenset[str]) -> None:
    from jinja2 import meta, nodes

    for node in tree.find_all((nodes.Extends, nodes.FromImport, nodes.Import, nodes.Include)):
        for included in meta.find_referenced_templates(nodes.Template([node], lineno=node.lineno)):
            if included is None or included not in prompts:
                what = f"{included!r}" if included else "a name known only when rendered"
                raise BadInput(f"{path}:{node.lineno}: includes {what}, which is no prompt of this bundle")


@lru_cache(maxsize=1)
def _bare_environment() -> SandboxedEnvironment:
    return environment({})
