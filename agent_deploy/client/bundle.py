"""What an application is served: one version's prompts, models, tools and schemas, whole and read-only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from agent_deploy.client.errors import UnknownModel, UnknownPrompt
from agent_deploy.client.frozen import FrozenDict, freeze
from agent_deploy.client.prompts import Prompt, Templates
from registry.errors import Damaged

Source = Literal["store", "disk", "fallback"]


@dataclass(frozen=True, slots=True)
class Model:
    """A model choice. A parameter is read as `model.parameters["temperature"]` or `model.temperature`."""

    provider: str
    name: str
    parameters: Mapping[str, Any]

    def __getattr__(self, parameter: str) -> Any:
        if parameter in Model.__slots__ or parameter.startswith("__"):  # asked for by copy and pickle, before it is set
            raise AttributeError(parameter)
        if parameter in self.parameters:
            return self.parameters[parameter]
        raise AttributeError(f"the model has no parameter {parameter!r}; it has {_listed(self.parameters)}")


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """What a digest stands for, wherever and as whatever version it is served.

    blobs: the digests of all that it was read from, the manifest's first.
    """

    digest: str
    workflow: str
    prompts: Mapping[str, Prompt]
    models: Mapping[str, Model]
    tools: Mapping[str, Any]
    output_schema: Any
    inputs: Mapping[str, str]
    metadata: Mapping[str, str]
    blobs: tuple[str, ...] = ()


def content_of(
    digest: str, config: Mapping[str, Any], files: Mapping[str, bytes], blobs: tuple[str, ...] = ()
) -> Content:
    """The content that a bundle's config and files (by path) make; raises Damaged when they do not fit together."""
    try:
        texts = {name: files[path].decode() for name, path in config["prompts"].items()}
        templates = Templates(FrozenDict(texts))
        return Content(
            digest=digest,
            workflow=config["workflow"],
            prompts=FrozenDict({name: Prompt(name, text, templates) for name, text in texts.items()}),
            models=FrozenDict({step: _model(table) for step, table in config["models"].items()}),
            tools=freeze({name: json.loads(files[path]) for name, path in config.get("tools", {}).items()}),
            output_schema=freeze(json.loads(files[config["output"]["schema"]])) if "output" in config else None,
            inputs=freeze(config.get("inputs", {})),
            metadata=freeze(config.get("metadata", {})),
            blobs=blobs,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Damaged(f"{digest} is not a whole bundle ({type(error).__name__}: {error})") from error


def _model(table: Mapping[str, Any]) -> Model:
    parameters = {key: value for key, value in table.items() if key not in ("provider", "name")}
    return Model(table["provider"], table["name"], freeze(parameters))


@dataclass(frozen=True, slots=True)
class Bundle:
    """One version of a workflow, as an environment is served it. It never changes; a release brings another one.

    generation: the release's number; 0 for the fallback, which also has version 0 and an empty tag.
    source: "store", "disk" (the last known good one, and the store has not confirmed it yet) or "fallback".
    """

    workflow: str
    environment: str
    generation: int
    version: int
    tag: str
    digest: str
    source: Source
    content: Content = field(repr=False, compare=False)

    @property
    def prompts(self) -> Mapping[str, Prompt]:
        """The prompts by name."""
        return self.content.prompts

    @property
    def models(self) -> Mapping[str, Model]:
        """The models by step."""
        return self.content.models

    @property
    def tools(self) -> Mapping[str, Any]:
        """The tools' JSON Schemas, parsed, by name. Read-only, and still dicts for `json.dumps`."""
        return self.content.tools

    @property
    def output_schema(self) -> Any:
        """The output's JSON Schema, parsed; None when the bundle has none."""
        return self.content.output_schema

    @property
    def inputs(self) -> Mapping[str, str]:
        """The declared template variables, and what each is."""
        return self.content.inputs

    @property
    def metadata(self) -> Mapping[str, str]:
        """The bundle's free strings."""
        return self.content.metadata

    def prompt(self, name: str) -> Prompt:
        """The prompt of that name; raises UnknownPrompt naming those there are."""
        try:
            return self.content.prompts[name]
        except KeyError:
            there = _listed(self.content.prompts)
            raise UnknownPrompt(f"{self.workflow}@{self.version} has no prompt {name!r}; it has {there}") from None

    def model(self, name: str = "default") -> Model:
        """The model of that step; raises UnknownModel naming those there are."""
        try:
            return self.content.models[name]
        except KeyError:
            there = _listed(self.content.models)
            raise UnknownModel(f"{self.workflow}@{self.version} has no model {name!r}; it has {there}") from None


def _listed(names: Mapping[str, Any]) -> str:
    return ", ".join(repr(name) for name in names) or "none"
