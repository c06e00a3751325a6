"""What an OpenAI-compatible endpoint answers, read strictly: many that are compatible are so only when all goes well.

Fields: https://platform.openai.com/docs/api-reference/chat/object, …/completions/object, …/embeddings.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from agent_deploy.costs.usage import ModelCall, Usage
from agent_deploy.evals.errors import CaseError
from agent_deploy.evals.ports import Completion
from agent_deploy.evals.results import ToolCall
from agent_deploy.evals.retry_after import retry_after_s

_QUOTED = 200
_Read = TypeVar("_Read")


def body_of(data: bytes) -> dict[str, Any]:
    """The JSON object of a 200; raises CaseError (downstream_error) for anything else, an error's body too."""
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _broken("is not JSON", data) from error
    if not isinstance(body, dict):
        raise _broken("is not a JSON object", data)
    said = body.get("error")
    if said:
        told = said if isinstance(said, dict) else {"message": said}
        status = told["code"] if isinstance(told.get("code"), int) else 500
        raise refused(status, f"200, and in it an error: {told.get('message')}", told.get("type"), {})
    return body


def refused(status: int, message: str, code: Any, headers: Mapping[str, str]) -> CaseError:
    """The error that a status tells of. A quota that is used up is no rate limit to wait for."""
    after = retry_after_s(headers)
    message = f"the provider answered {message}"[: 2 * _QUOTED]
    if status == 429 or code in ("rate_limit_error", "rate_limit_exceeded"):
        return CaseError(message, kind="rate_limit", retry=code != "insufficient_quota", retry_after_s=after)
    if status in (408, 504):
        return CaseError(message, kind="timeout", retry=True, retry_after_s=after)
    return CaseError(message, kind="downstream_error", retry=status >= 500 or status == 409, retry_after_s=after)


def chat_completion(body: dict[str, Any], provider: str, model: str, latency_ms: float) -> Completion:
    """What a chat model said, and the tools that it asked for."""
    return _read(lambda: _chat(body, provider, model, latency_ms), body)


def base_completion(body: dict[str, Any], provider: str, model: str, latency_ms: float) -> Completion:
    """How a base model went on. That it was cut off by `max_tokens` is no failure: such a model never stops."""

    def read() -> Completion:
        text = body["choices"][0]["text"]
        return Completion(_text(text), ModelCall(provider, model, _usage(body)), latency_ms=latency_ms)

    return _read(read, body)


def embedded(body: dict[str, Any], count: int) -> tuple[tuple[tuple[float, ...], ...], Usage]:
    """The vectors in the order of the texts, and the tokens that they took."""

    def read() -> tuple[tuple[tuple[float, ...], ...], Usage]:
        rows = sorted(body["data"], key=lambda row: row["index"])
        if len(rows) != count:
            raise ValueError(f"{len(rows)} vectors for {count} texts")
        return tuple(tuple(map(float, row["embedding"])) for row in rows), _usage(body)

    return _read(read, body)


def tools_of(tools: Mapping[str, Any]) -> dict[str, Any]:
    """The field `tools` of a request; nothing without any."""
    if not tools:
        return {}
    return {"tools": [{"type": "function", "function": _function(name, schema)} for name, schema in tools.items()]}


def _function(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    described = {"description": schema["description"]} if isinstance(schema.get("description"), str) else {}
    return {"name": name, **described, "parameters": schema}


def _chat(body: dict[str, Any], provider: str, model: str, latency_ms: float) -> Completion:
    choice = body["choices"][0]
    message, finish = choice["message"], choice.get("finish_reason")
    if finish == "content_filter":
        raise CaseError("the provider's content filter withheld the answer")
    calls = tuple(_tool_call(call["function"]) for call in message.get("tool_calls") or ())
    text = _text(message.get("content") or message.get("refusal") or "")
    if finish == "length" and not text and not calls:
        raise CaseError("the model used up max_tokens before it said anything; raise it in the bundle's model table")
    return Completion(text, ModelCall(provider, model, _usage(body)), calls, latency_ms)


def _tool_call(function: Mapping[str, Any]) -> ToolCall:
    """Arguments that are not JSON are the model's mistake, for a scorer to see: they are left as the text they are."""
    said = function["arguments"]
    try:
        arguments = json.loads(said) if isinstance(said, str) and said else said or {}
    except ValueError:
        arguments = said
    return ToolCall(str(function["name"]), arguments)


def _text(value: Any) -> str:
    """A message's text; some servers give it in parts."""
    if isinstance(value, list):
        return "".join(part.get("text", "") for part in value if part.get("type") == "text")
    if not isinstance(value, str):
        raise TypeError(f"the text is {type(value).__name__}")
    return value


def _usage(body: Mapping[str, Any]) -> Usage:
    """Tokens; none at all when the server does not say. Here, too, input has the cached and output the reasoning."""
    said = body.get("usage") or {}
    read = (said.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    reasoning = (said.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0
    return Usage(
        input=said.get("prompt_tokens") or 0,
        output=said.get("completion_tokens") or 0,
        cache_read=read,
        reasoning=reasoning,
    )


def _read(read: Callable[[], _Read], body: Mapping[str, Any]) -> _Read:
    try:
        return read()
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise _broken(f"has not the shape it should ({type(error).__name__}: {error})", json.dumps(body)) from error


def _broken(why: str, data: bytes | str) -> CaseError:
    quoted = (data if isinstance(data, str) else data[: 4 * _QUOTED].decode(errors="replace"))[:_QUOTED]
    return CaseError(f"the provider's answer {why}: {quoted}", kind="downstream_error", retry=True)
