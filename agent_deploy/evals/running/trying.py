"""One case in one repeat: asked, scored, and made a result, whatever happens."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from inspect import isawaitable
from typing import Any

from agent_deploy.costs.usage import ModelCall
from agent_deploy.evals.cases import Case
from agent_deploy.evals.errors import CaseError, ScorerFailed
from agent_deploy.evals.ports import Agent, Question
from agent_deploy.evals.providers.limits import Limits
from agent_deploy.evals.results import Reply, Result, Score
from agent_deploy.evals.running.asking import Answer, Patience, in_time, persist, unforeseen
from agent_deploy.evals.running.spending import Spending
from agent_deploy.evals.scorers.findings import BuiltScorer
from agent_deploy.telemetry.taxonomy import FAILURE_MODES


@dataclass(frozen=True, slots=True)
class Bench:
    """What every case of a run is tried with.

    scorers: by case id. price: what some model calls cost together in US dollars, None when unknown. limits: the turns
    at each provider, by its name. answer_s: seconds for one answer, where they are not those of `patience`.
    """

    agent: Agent
    scorers: Mapping[str, tuple[BuiltScorer, ...]]
    price: Callable[[tuple[ModelCall, ...]], Decimal | None]
    limits: defaultdict[str, Limits]
    patience: Patience
    spending: Spending
    answer_s: float | None = None


async def try_case(bench: Bench, case: Case, repeat: int) -> Result:
    """What became of it. Raises nothing for what agent and scorers do: that ends as an errored result."""
    question = Question(case.id, repeat, case.input, case.metadata)
    asked: Callable[[], Awaitable[Reply]] = partial(bench.agent.answer, question)
    answer_s = bench.patience.timeout_s if bench.answer_s is None else bench.answer_s
    reply, attempts = await _persist(bench, bench.agent.provider, asked, bench.spending.failed, answer_s)
    if isinstance(reply, CaseError):
        return errored(case, repeat, reply, attempts=attempts)
    scores, error, judges = await _score(bench, case, reply)
    known: dict[str, Any] = {
        "output": reply.output,
        "scores": scores,
        "attempts": attempts,
        "latency_ms": reply.latency_ms,
        "calls": reply.calls,
        "tool_calls": reply.tool_calls,
        "cost_usd": bench.price(reply.calls) if reply.calls else None,
        "judge_cost_usd": bench.price(judges) if judges else None,
        "cached": reply.cached,
    }
    if error:
        return errored(case, repeat, error, **known)
    passed = all(score.passed for score in scores)
    return Result(case.id, repeat, "passed" if passed else "failed", **known)


def errored(case: Case, repeat: int, error: CaseError, **known: Any) -> Result:
    """The result of a case without an answer, or without a judgement. known: further fields of it."""
    kind = error.kind if error.kind in FAILURE_MODES else "other"  # an agent's author may have written anything
    return Result(case.id, repeat, "errored", error=error.message, error_kind=kind, **known)


async def _persist(
    bench: Bench,
    provider: str,
    ask: Callable[[], Awaitable[Answer]],
    failed: Callable[[CaseError], None],
    limit_s: float,
) -> tuple[Answer | CaseError, int]:
    """An answer after as many attempts as it takes, each in its turn and its time; the provider's pace kept."""
    limits = bench.limits[provider]

    async def attempt() -> Answer:
        async with limits.turn():
            answer = await in_time(ask(), limit_s)
        limits.went_well()
        return answer

    def noted(error: CaseError) -> None:
        if error.kind == "rate_limit":
            limits.rate_limited(error.retry_after_s)
        failed(error)

    return await persist(attempt, bench.patience, noted)


async def _score(
    bench: Bench, case: Case, reply: Reply
) -> tuple[tuple[Score, ...], CaseError | None, tuple[ModelCall, ...]]:
    """The scores of every scorer that gave one, the first error of those that did not, and all calls that it took."""
    scores: list[Score] = []
    calls: list[ModelCall] = []
    first: CaseError | None = None

    def failed(error: CaseError) -> None:
        if isinstance(error, ScorerFailed):
            calls.extend(error.calls)

    for scorer in bench.scorers[case.id]:
        found = await _judged(bench, scorer, case, reply, failed)
        if isinstance(found, Score):
            scores.append(found)
            calls.extend(found.calls)
        else:
            first = first or _named(scorer.name, found)
    return tuple(scores), first, tuple(calls)


async def _judged(
    bench: Bench, scorer: BuiltScorer, case: Case, reply: Reply, failed: Callable[[CaseError], None]
) -> Score | CaseError:
    """One scorer's word. One that asks no model and answers at once needs neither turn nor time limit."""

    if scorer.provider:
        judging = partial(_asked, scorer, case, reply)
        found, _ = await _persist(bench, scorer.provider, judging, failed, bench.patience.timeout_s)
        return found
    try:
        score = scorer.score(case, reply)
        return await in_time(score, bench.patience.timeout_s) if isawaitable(score) else score
    except CaseError as error:
        return error
    except Exception as error:  # noqa: BLE001 - a scorer's own bug costs one case, not the run
        return unforeseen(error)


async def _asked(scorer: BuiltScorer, case: Case, reply: Reply) -> Score:
    score: Score | Awaitable[Score] = scorer.score(case, reply)
    return await score if isawaitable(score) else score


def _named(scorer: str, error: CaseError) -> CaseError:
    """The error with the scorer's name in it, which a scorer's own errors have already."""
    if isinstance(error, ScorerFailed):
        return error
    return CaseError(f"scorer {scorer!r} failed: {error.message}", kind=error.kind)
