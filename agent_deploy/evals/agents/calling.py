"""Calling the agent's function once, and what became of it as a line. Never raises: whatever happens is an answer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from agent_deploy.costs.usage import ModelCall, Usage
from agent_deploy.evals.agents.loading import where
from agent_deploy.evals.errors import CaseError
from agent_deploy.evals.results import Reply
from agent_deploy.telemetry.taxonomy import failure_mode, http_status


def called(function: Callable[..., Any], bundle: Any, question: dict[str, Any]) -> str:
    """The answer of a function that is not async; of what it returns to be awaited, too."""
    started = time.perf_counter()
    try:
        output = function(bundle, question["input"])
        if hasattr(output, "__await__"):
            output = _awaited(output)
    except BaseException as error:  # noqa: BLE001 - also what means to end a process: it is told as an answer
        return raised(question["id"], error)
    return _answer(question["id"], output, (time.perf_counter() - started) * 1000)


async def called_async(function: Callable[..., Any], bundle: Any, question: dict[str, Any]) -> str:
    """The answer of an async function. Raises CancelledError when its task is cancelled."""
    import asyncio

    started = time.perf_counter()
    try:
        output = await function(bundle, question["input"])
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # noqa: BLE001 - also what means to end a process: it is told as an answer
        return raised(question["id"], error)
    return _answer(question["id"], output, (time.perf_counter() - started) * 1000)


def _awaited(awaitable: Any) -> Any:
    import asyncio

    async def wait() -> Any:
        return await awaitable

    return asyncio.run(wait())


def _answer(id_: int, output: Any, latency_ms: float) -> str:
    answer: dict[str, Any] = {"id": id_, "latency_ms": round(latency_ms, 3)}
    if isinstance(output, Reply):
        answer["calls"] = [_call_document(call) for call in output.calls]
        answer["tool_calls"] = [{"name": call.name, "arguments": call.arguments} for call in output.tool_calls]
        answer["latency_ms"] = output.latency_ms or answer["latency_ms"]
        output = output.output
    try:
        return json.dumps(answer | {"output": output}, allow_nan=False)
    except (TypeError, ValueError, RecursionError, AttributeError) as error:
        return _failed(id_, f"returned {type(output).__name__}, which is not JSON: {error}", kind="parse_error")


def _call_document(call: ModelCall) -> dict[str, Any]:
    usage = {name: getattr(call.usage, name) for name in Usage.__slots__}
    return {"provider": call.provider, "model": call.model, "usage": usage}


def raised(id_: int, error: BaseException) -> str:
    """The answer that tells of an exception: as sorted by the agent, else as a call of an application would be."""
    if isinstance(error, CaseError):
        after = error.retry_after_s
        return _failed(id_, error.message, kind=error.kind, retry=error.retry, after=after)
    message = f"{type(error).__name__}: {error}{where(error)}"
    return _failed(id_, message, kind=failure_mode(error), retry=_may_pass(error))


def _may_pass(error: BaseException) -> bool:
    """Whether the other side may answer in a moment: it was late, busy or away, and did not refuse."""
    mode = failure_mode(error)
    if mode == "downstream_error":
        return (http_status(error) or 500) >= 500
    return mode in ("timeout", "rate_limit")


def _failed(id_: int, message: str, *, kind: str = "other", retry: bool = False, after: float | None = None) -> str:
    error: dict[str, Any] = {"message": message, "kind": kind, "retry": retry}
    if after is not None:
        error["retry_after_s"] = after
    return json.dumps({"id": id_, "error": error})
