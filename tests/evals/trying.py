"""Agents and scorers that do as they are told, and the bench to try cases on."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from agent_deploy.costs.usage import ModelCall, Usage
from agent_deploy.evals.cases import Case, EvalSet
from agent_deploy.evals.ports import Question
from agent_deploy.evals.providers.limits import Limits
from agent_deploy.evals.results import Reply, Result, Score
from agent_deploy.evals.running.asking import Patience
from agent_deploy.evals.running.runner import plan, run_cases
from agent_deploy.evals.running.spending import Spending
from agent_deploy.evals.running.trying import Bench
from agent_deploy.evals.runs import RunStarted
from agent_deploy.evals.scorers.assembly import scorers_for

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
DIGEST = "sha256:" + "0" * 64
CALL = ModelCall("openai", "gpt-5-mini", Usage(input=100, output=10))

Answer = Callable[[Question], Awaitable[Reply]]


def set_of(*cases: Case) -> EvalSet:
    """An eval set of these cases."""
    return EvalSet("evals/set.yaml", cases)


def numbered(count: int) -> EvalSet:
    """Cases c0, c1…: the input 0, 1… is what is expected."""
    return set_of(*(Case(f"c{number}", str(number), str(number)) for number in range(count)))


def started_of(eval_set: EvalSet, repeats: int = 1, **changes: Any) -> RunStarted:
    """A run of this set, about to begin."""
    facts: dict[str, Any] = {
        "id": "run-0123456789", "workflow": "support-triage", "version": 1, "digest": DIGEST,
        "environment": "production", "set_path": eval_set.path, "set_digest": eval_set.digest,
        "cases": len(eval_set.cases), "repeats": repeats, "agent": "fake", "origin": "eval", "tag": "", "actor": "ann",
        "started_at": NOON,
    }  # fmt: skip
    return RunStarted(**(facts | changes))


@dataclass
class FakeAgent:
    """Answers as it is told, by default with the input itself; remembers what it was asked and how many at once."""

    reply: Answer | None = None
    name: str = "fake"
    provider: str = "fakes"
    asked: list[tuple[str, int]] = field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0
    cancelled: int = 0

    async def answer(self, question: Question) -> Reply:
        self.asked.append((question.case, question.repeat))
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            return await self.reply(question) if self.reply else Reply(question.input, latency_ms=1.0)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.under_way -= 1

    async def close(self) -> None:
        pass


@dataclass
class FakeScorer:
    """Scores as it is told."""

    judge: Callable[[Case, Reply], Score | Awaitable[Score]]
    name: str = "fake"
    provider: str = ""
    digest: str = ""
    wanted: None = None

    def score(self, case: Case, reply: Reply) -> Score | Awaitable[Score]:
        return self.judge(case, reply)


@dataclass
class Clock:
    """Sleeps without waiting, and remembers for how long."""

    slept: list[float] = field(default_factory=list)
    now: float = 0.0

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


def cents(calls: tuple[ModelCall, ...]) -> Decimal | None:
    """A cent a call; none of model `mystery` has a price."""
    return None if any(call.model == "mystery" for call in calls) else Decimal("0.01") * len(calls)


def bench_of(
    eval_set: EvalSet,
    agent: FakeAgent,
    scorers: Sequence[FakeScorer] | None = None,
    *,
    cap: str | None = None,
    attempts: int = 3,
    timeout_s: float = 5.0,
    clock: Clock | None = None,
) -> Bench:
    """What these cases are tried with; a clock makes back-off, pauses and the journal's sync pass in no time."""
    sleep = clock.sleep if clock else asyncio.sleep
    limits = Limits(clock=lambda: clock.now, sleep=clock.sleep) if clock else Limits()
    given: Any = {case.id: tuple(scorers) for case in eval_set.cases} if scorers is not None else None
    return Bench(
        agent=agent,
        scorers=given if given is not None else scorers_for(eval_set),
        price=cents,
        limits=defaultdict(lambda: limits),
        patience=Patience(timeout_s, attempts, sleep, lambda: 1.0),
        spending=Spending(None if cap is None else Decimal(cap)),
    )


def run(eval_set: EvalSet, bench: Bench, *, repeats: int = 1, concurrency: int = 4) -> list[Result]:
    """The results, in the order in which they came."""
    results: list[Result] = []
    work = plan(eval_set.cases, repeats)
    asyncio.run(run_cases(work, bench, concurrency, results.append, lambda: None))
    return results
