"""Scorers as files write them, and as pydantic-evals does, as specs of ours. Whether they exist: `evals.scorers`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent_deploy.evals.cases import ScorerSpec


def specs_of(value: Any) -> tuple[ScorerSpec, ...]:
    """The scorers of a list, or a single one: `exact`, `{contains: x}`, `{name: contains, value: x}`.

    Raises ValueError.
    """
    return tuple(_spec(item) for item in (value if isinstance(value, list) else [value]))


def _spec(item: Any) -> ScorerSpec:
    if isinstance(item, str) and item:
        return ScorerSpec(_name(item))
    if not isinstance(item, dict) or not item:
        raise ValueError(f"a scorer is a name, {{name: option}} or {{name: …, value: …}}, not {item!r}")
    if "name" in item:
        options = {key: option for key, option in item.items() if key != "name"}
        return ScorerSpec(_name(item["name"]), options)
    if len(item) > 1:
        raise ValueError(f"a scorer of several keys has a `name` among them, and {', '.join(item)} has not")
    name, option = next(iter(item.items()))
    return ScorerSpec(_name(name), option if isinstance(option, dict) else {"value": option})


def _name(name: Any) -> str:
    if not isinstance(name, str) or not name:
        raise ValueError(f"the name of a scorer is text, not {name!r}")
    return name.replace("-", "_")


def evaluators_of(value: Any) -> tuple[ScorerSpec, ...]:
    """The scorers that evaluators of pydantic-evals come to (`EqualsExpected`, `{Contains: x}`); raises ValueError."""
    if not isinstance(value, list):
        raise ValueError(f"evaluators are a list, not {value!r}")
    return tuple(_evaluator(item) for item in value)


def _evaluator(item: Any) -> ScorerSpec:
    name, option = (item, {}) if isinstance(item, str) else _only_pair(item)
    options = option if isinstance(option, dict) else {"rubric" if name == "LLMJudge" else "value": option}
    if name == "EqualsExpected" and not options:
        return ScorerSpec("exact")
    if name == "Equals" and "value" in options:
        return ScorerSpec("exact", {"value": options["value"]})
    if name == "Contains" and isinstance(options.get("value"), str) and options.keys() <= {"value", "case_sensitive"}:
        ignore_case = {} if options.get("case_sensitive", True) else {"ignore_case": True}
        return ScorerSpec("contains", {"value": options["value"], **ignore_case})
    if name == "LLMJudge" and options.keys() <= {"rubric", "model"}:
        return ScorerSpec("judge", {"rubric": options.get("rubric"), **model_of(options.get("model"), "model")})
    raise ValueError(f"no scorer here does what evaluator {name!r} does with these options; write it as `scorers`")


def _only_pair(item: Any) -> tuple[Any, Any]:
    if not isinstance(item, dict) or len(item) != 1:
        raise ValueError(f"an evaluator is a name or {{name: options}}, not {item!r}")
    pair: tuple[Any, Any] = next(iter(item.items()))
    return pair


def model_of(named: Any, key: str) -> Mapping[str, str]:
    """Provider and model of `openai:gpt-5-mini` or `openai:chat:gpt-5-mini`; raises ValueError."""
    parts = named.split(":") if isinstance(named, str) else []
    if len(parts) < 2 or not all(parts):
        raise ValueError(f"the model that judges must be named: `{key}: openai:gpt-5-mini`, say")
    kinds = ("chat", "completion", "embedding", "embeddings", "responses", "converse")
    rest = parts[2:] if len(parts) > 2 and parts[1] in kinds else parts[1:]
    return {"provider": parts[0], "model": ":".join(rest)}
