"""What became of a case: the agent's reply, its scores, and the result that is kept. Frozen values and their JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from agent_deploy.costs.usage import ModelCall, Usage
from agent_deploy.telemetry.taxonomy import FailureMode

Status = Literal["passed", "failed", "errored"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the model asked for, with its arguments, parsed."""

    name: str
    arguments: Any = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What an agent gave for an input. output: a JSON value, text as a rule.

    calls: the model calls behind it; empty when the agent said nothing of them (then cost is unknown, not 0).
    latency_ms: how long the agent took for this answer alone; waiting for a turn or before a retry not counted.
    cached: it was not asked this time; the response kept from an earlier time stands in.
    """

    output: Any
    calls: tuple[ModelCall, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    latency_ms: float = 0.0
    cached: bool = False


@dataclass(frozen=True, slots=True)
class Score:
    """What one scorer says of one output. value: 0 to 1 where the scorer grades, else 1 or 0.

    reason: why, in one short line, written for the person who reads the failed case.
    calls: the model calls that scoring itself took (a judge, embeddings); their cost is kept apart from the agent's.
    """

    scorer: str
    passed: bool
    value: float
    reason: str = ""
    calls: tuple[ModelCall, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """One case in one repeat (0, 1, 2…).

    passed: every scorer passed. failed: one did not. errored: there is no answer to judge, or no judgement of it;
    `error` says why and `error_kind` sorts it, in the words of traces. usage: None when the agent did not say.
    cost_usd: None when unknown.
    attempts: how often the agent was asked, the last time included.
    """

    case: str
    repeat: int
    status: Status
    output: Any = None
    scores: tuple[Score, ...] = ()
    error: str = ""
    error_kind: FailureMode | None = None
    attempts: int = 1
    latency_ms: float = 0.0
    calls: tuple[ModelCall, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    cost_usd: Decimal | None = None
    judge_cost_usd: Decimal | None = None
    cached: bool = False

    @property
    def usage(self) -> Usage | None:
        """The tokens of all its model calls together; None when the agent said nothing of them."""
        return sum((call.usage for call in self.calls), Usage()) if self.calls else None


def result_document(result: Result) -> dict[str, Any]:
    """The result as a JSON object, what is empty left out."""
    document: dict[str, Any] = {"case": result.case, "repeat": result.repeat, "status": result.status}
    optional: dict[str, Any] = {
        "output": result.output,
        "scores": [_score_document(score) for score in result.scores],
        "error": result.error,
        "error_kind": result.error_kind,
        "latency_ms": round(result.latency_ms, 3),
        "calls": [_call_document(call) for call in result.calls],
        "tool_calls": [{"name": call.name, "arguments": call.arguments} for call in result.tool_calls],
        "cost_usd": _money(result.cost_usd),
        "judge_cost_usd": _money(result.judge_cost_usd),
        "cached": result.cached,
    }
    document |= {name: value for name, value in optional.items() if value not in (None, "", [], False)}
    if result.attempts != 1:
        document["attempts"] = result.attempts
    if result.output is not None:
        document["output"] = result.output
    return document


def result_of(document: Mapping[str, Any]) -> Result:
    """The result that `result_document` wrote. Raises KeyError, TypeError or ValueError on anything else."""
    get = document.get
    return Result(
        case=document["case"],
        repeat=document["repeat"],
        status=document["status"],
        output=get("output"),
        scores=tuple(_score(score) for score in get("scores", ())),
        error=get("error", ""),
        error_kind=get("error_kind"),
        attempts=get("attempts", 1),
        latency_ms=get("latency_ms", 0.0),
        calls=tuple(_call(call) for call in get("calls", ())),
        tool_calls=tuple(ToolCall(call["name"], call["arguments"]) for call in get("tool_calls", ())),
        cost_usd=_decimal(get("cost_usd")),
        judge_cost_usd=_decimal(get("judge_cost_usd")),
        cached=get("cached", False),
    )


def _score_document(score: Score) -> dict[str, Any]:
    document: dict[str, Any] = {"scorer": score.scorer, "passed": score.passed, "value": score.value}
    if score.reason:
        document["reason"] = score.reason
    if score.calls:
        document["calls"] = [_call_document(call) for call in score.calls]
    return document


def _score(document: Mapping[str, Any]) -> Score:
    calls = tuple(_call(call) for call in document.get("calls", ()))
    return Score(document["scorer"], document["passed"], document["value"], document.get("reason", ""), calls)


def _call_document(call: ModelCall) -> dict[str, Any]:
    usage = {name: getattr(call.usage, name) for name in Usage.__slots__ if getattr(call.usage, name)}
    return {"provider": call.provider, "model": call.model, "usage": usage}


def _call(document: Mapping[str, Any]) -> ModelCall:
    return ModelCall(document["provider"], document["model"], Usage(**document["usage"]))


def _money(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
