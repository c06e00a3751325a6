"""What crosses to an agent and back: JSON, read strictly. Written down for agents' authors in docs/agents.md."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from agent_deploy.costs.usage import ModelCall, Usage
from agent_deploy.evals.errors import CaseError
from agent_deploy.evals.results import Reply, ToolCall
from agent_deploy.telemetry.taxonomy import FAILURE_MODES

if TYPE_CHECKING:
    from agent_deploy.client import Bundle
    from agent_deploy.evals.ports import Question

MAX_BYTES = 16 * 1024 * 1024
_QUOTED = 200
_CLASSES = Usage.__slots__


def bundle_json(bundle: Bundle) -> str:
    """The bundle as the JSON object that agents outside Python are given."""
    return json.dumps(
        {
            "workflow": bundle.workflow,
            "version": bundle.version,
            "tag": bundle.tag,
            "digest": bundle.digest,
            "prompts": {name: prompt.text for name, prompt in bundle.prompts.items()},
            "models": {
                step: {**model.parameters, "provider": model.provider, "name": model.name}
                for step, model in bundle.models.items()
            },
            "tools": bundle.tools,
            "output_schema": bundle.output_schema,
            "inputs": bundle.inputs,
            "metadata": bundle.metadata,
        }
    )


def main_model(bundle: Bundle) -> tuple[str, str]:
    """Provider and name of the model that usage is taken to be of: the `default` one, or the only one."""
    models = list(bundle.models.values())
    model = bundle.models.get("default") or (models[0] if len(models) == 1 else None)
    return (model.provider, model.name) if model is not None else ("", "")


def question_fields(question: Question) -> str:
    """The question as the inside of a JSON object, without braces, id and bundle."""
    document = {"input": question.input, "case": question.case, "repeat": question.repeat}
    return json.dumps(document | {"metadata": dict(question.metadata)})[1:-1]


def request_bytes(question: Question, bundle: str) -> bytes:
    """A whole request for an agent that is asked one question at a time; bundle: as `bundle_json` wrote it."""
    name = json.dumps(f"{question.case}/{question.repeat}")
    return f'{{"id": {name}, {question_fields(question)}, "bundle": {bundle}}}\n'.encode()


def decode(data: bytes | bytearray) -> dict[str, Any]:
    """The JSON object that an agent wrote. Raises CaseError (parse_error), quoting it, for anything else."""
    if len(data) > MAX_BYTES:
        refuse(data, f"is over {MAX_BYTES // 1024 // 1024} MB")
    try:
        text = data.decode()
        document = _DECODER.decode(text)
        if "\\u" in text:
            json.dumps(document, ensure_ascii=False).encode()  # half a surrogate pair cannot be stored
    except UnicodeError:
        refuse(data, "is not UTF-8")
    except (ValueError, RecursionError) as error:
        refuse(data, f"is not one JSON object ({error})" if data.strip() else "is empty")
    if not isinstance(document, dict):
        refuse(data, "is not a JSON object")
    return document


def reply_of(document: Mapping[str, Any], model: tuple[str, str], latency_ms: float) -> Reply:
    """The reply that an answer is. model: provider and name, for usage that names none.

    Raises the CaseError that the answer tells of, or one of kind parse_error when it has the wrong shape.
    """
    try:
        if document.get("error") is not None:
            raise _told(document["error"])
        if "output" not in document:
            raise _Wrong("has neither 'output' nor 'error'")
        return Reply(
            output=document["output"],
            calls=_calls(document, model),
            tool_calls=tuple(_tool_call(call) for call in _list(document, "tool_calls")),
            latency_ms=_number(document.get("latency_ms", latency_ms), "'latency_ms'"),
        )
    except _Wrong as wrong:
        refuse(json.dumps(document).encode(), str(wrong))


def refuse(data: bytes | bytearray, why: str) -> NoReturn:
    """Raise the parse_error that quotes the answer's beginning."""
    quoted = bytes(data[: _QUOTED * 4]).decode(errors="replace").strip()
    cut = "…" if len(quoted) > _QUOTED or len(data) > _QUOTED * 4 else ""
    raise CaseError(f"the agent's answer {why}: {quoted[:_QUOTED]}{cut}", kind="parse_error")


class _Wrong(Exception):
    """The answer has the wrong shape; the text says how."""


def _told(error: Any) -> CaseError:
    if isinstance(error, str):
        error = {"message": error}
    if not isinstance(error, dict) or not isinstance(error.get("message"), str):
        raise _Wrong("has an 'error' that is no object with a 'message'")
    kind, retry, after = error.get("kind", "other"), error.get("retry", False), error.get("retry_after_s")
    if kind not in FAILURE_MODES:
        raise _Wrong(f"has an error of kind {kind!r}; there are {', '.join(FAILURE_MODES)}")
    if not isinstance(retry, bool):
        raise _Wrong("has an error whose 'retry' is neither true nor false")
    after_s = None if after is None else _number(after, "'retry_after_s'")
    return CaseError(error["message"], kind=kind, retry=retry, retry_after_s=after_s)


def _calls(document: Mapping[str, Any], model: tuple[str, str]) -> tuple[ModelCall, ...]:
    calls = [_call(call, model) for call in _list(document, "calls")]
    if document.get("usage") is None:
        return tuple(calls)
    if calls:
        raise _Wrong("has both 'usage' and 'calls'; say the tokens once")
    return (_call(document, model),)


def _call(call: Any, model: tuple[str, str]) -> ModelCall:
    if not isinstance(call, Mapping) or not isinstance(call.get("usage"), dict):
        raise _Wrong("has usage that is no object")
    provider, name = call.get("provider", model[0]), call.get("model", model[1])
    if not isinstance(provider, str) or not isinstance(name, str):
        raise _Wrong("has a 'provider' or 'model' that is no text")
    return ModelCall(provider, name, _usage(call["usage"]))


def _usage(tokens: Mapping[str, Any]) -> Usage:
    for name, count in tokens.items():
        if name not in _CLASSES:
            raise _Wrong(f"has usage of {name!r}; there are {', '.join(_CLASSES)}")
        if type(count) is not int or count < 0:
            raise _Wrong(f"has usage whose {name!r} is no count of tokens: {count!r}")
    return Usage(**tokens)


def _tool_call(call: Any) -> ToolCall:
    if not isinstance(call, dict) or not isinstance(call.get("name"), str):
        raise _Wrong("has a tool call without a 'name'")
    return ToolCall(call["name"], call.get("arguments"))


def _list(document: Mapping[str, Any], name: str) -> list[Any]:
    found = document.get(name)
    if found is None:
        return []
    if not isinstance(found, list):
        raise _Wrong(f"has {name!r} that is no list")
    return found


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise _Wrong(f"has {name} that is no positive number: {value!r}")
    return float(value)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is too large a number")
    return number


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_float=_finite, parse_constant=_no_constant)
