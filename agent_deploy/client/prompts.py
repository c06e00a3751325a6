"""A bundle's prompts: their text, what they need, and how they are rendered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from registry.errors import BadInput

if TYPE_CHECKING:
    from jinja2 import Environment, Template


class Templates:
    """The prompts of one bundle by name, compiled when first rendered.

    There is no lock: threads that render first at the same time compile the same thing, and the last one's stays.
    """

    __slots__ = ("_environment", "_variables", "texts")

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.texts = texts
        self._environment: Environment | None = None
        self._variables: dict[str, frozenset[str]] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return Templates, (self.texts,)

    def compiled(self, name: str) -> Template:
        """The compiled prompt; may raise any of Jinja2's errors."""
        if self._environment is None:
            from agent_deploy.client.sandbox import sandbox

            self._environment = sandbox(self.texts)
        return self._environment.get_template(name)

    def variables(self, name: str) -> frozenset[str]:
        """What a prompt and those that it includes take from outside; raises BadInput for a broken template."""
        if name not in self._variables:
            from agent_deploy.client.sandbox import variables_of

            self._variables[name] = variables_of(name, self.texts)
        return self._variables[name]


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt: a Jinja2 template, which may include the bundle's other prompts by name."""

    name: str
    text: str = field(repr=False)
    templates: Templates = field(repr=False, compare=False)

    @property
    def variables(self) -> frozenset[str]:
        """The names that `render` needs, those of included prompts too. Raises RenderFailed for a broken template."""
        try:
            return self.templates.variables(self.name)
        except BadInput as error:
            from agent_deploy.client.errors import RenderFailed

            raise RenderFailed(f"prompt {self.name!r}: {error}", prompt=self.name) from error

    def render(self, /, **variables: object) -> str:
        """The text with the variables put in.

        Raises UndefinedVariable when one that is read was not passed, UnsafeTemplate when the template tries what
        the sandbox forbids, and RenderFailed for all else.
        """
        try:
            return self.templates.compiled(self.name).render(variables)
        except Exception as error:
            from agent_deploy.client.sandbox import explain

            raise explain(self.name, error, variables) from error
