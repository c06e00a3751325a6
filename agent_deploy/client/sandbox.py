"""Where prompts are rendered. All of Jinja2 is in here; imported at the first render."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from jinja2 import Environment, StrictUndefined, TemplateSyntaxError, UndefinedError, meta
from jinja2.exceptions import SecurityError
from jinja2.utils import missing

from agent_deploy.client.errors import PromptError, RenderFailed, UndefinedVariable, UnsafeTemplate
from registry.templates import environment, used_variables


class _Undefined(UndefinedError):
    """Jinja2's own error, and the name that was asked for."""

    def __init__(self, message: str | None = None, *, name: str = "") -> None:
        super().__init__(message)
        self.name = name


class _Strict(StrictUndefined):
    """Any use of it is an error that knows the name; a sandbox violation stays what it is."""

    __slots__ = ()

    def __init__(self, hint: str | None = None, obj: Any = missing, name: str | None = None, exc: Any = UndefinedError):
        super().__init__(hint, obj, name, partial(_Undefined, name=name or "") if exc is UndefinedError else exc)  # type: ignore[arg-type]


def sandbox(texts: Mapping[str, str]) -> Environment:
    """The registry's environment over these prompts, which keeps what it compiled for good.

    Its cache is a plain dict: Jinja2's own one has a lock, which a fork may copy while it is held.
    """
    return environment(texts).overlay(undefined=_Strict, cache_size=-1, auto_reload=False)


def variables_of(name: str, texts: Mapping[str, str]) -> frozenset[str]:
    """What a prompt, and the prompts that it includes, take from outside. Raises BadInput for a broken template."""
    parser = environment({})
    found: set[str] = set()
    names, waiting = {name}, [name]
    while waiting:
        text = texts[current := waiting.pop()]
        found.update(used_variables(text, current, frozenset(texts)))
        included = {other for other in meta.find_referenced_templates(parser.parse(text)) if other is not None}
        waiting += included - names
        names |= included
    return frozenset(found)


def explain(prompt: str, error: Exception, passed: Mapping[str, object]) -> PromptError:
    """The client's error for what rendering raised. Names the variables that were passed, never their values."""
    if isinstance(error, _Undefined):
        given = ", ".join(sorted(passed)) or "nothing"
        message = f"prompt {prompt!r}: {error.message} (passed: {given})"
        return UndefinedVariable(message, prompt=prompt, variable=error.name)
    if isinstance(error, SecurityError):
        return UnsafeTemplate(f"prompt {prompt!r}: {error.message}", prompt=prompt)
    said = (
        f"{error.message}, line {error.lineno}"
        if isinstance(error, TemplateSyntaxError)
        else " ".join(str(error).split())
    )
    return RenderFailed(f"prompt {prompt!r}: {type(error).__name__}: {said}", prompt=prompt)
