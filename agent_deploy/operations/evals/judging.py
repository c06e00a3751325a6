"""Answers on record, judged again: the runner as it is, with an agent that answers as it did."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent_deploy.config import EvalSettings
from agent_deploy.costs.usage import ModelCall
from agent_deploy.evals.cases import EvalSet
from agent_deploy.evals.errors import CaseError
from agent_deploy.evals.ports import Question
from agent_deploy.evals.results import Reply, Result
from agent_deploy.evals.running.asking import Patience
from agent_deploy.evals.running.runner import plan, run_cases
from agent_deploy.evals.running.spending import Spending
from agent_deploy.evals.running.trying import Bench

if TYPE_CHECKING:
    from agent_deploy.costs.prices import Prices
    from agent_deploy.evals.providers import Providers
    from agent_deploy.evals.scorers.assembly import CaseScorers

Answers = Mapping[tuple[str, int], Result]


@dataclass(frozen=True, slots=True)
class Judging:
    """What answers are judged by. schema: the bundle's output schema, None without one.

    set_folder: what the scorers' files are relative to. at: the moment whose prices the judges' calls have.
    """

    eval_set: EvalSet
    schema: Any
    set_folder: Path
    settings: EvalSettings
    prices: Prices
    at: datetime

    def price(self, calls: tuple[ModelCall, ...]) -> Decimal | None:
        """What calls cost together; None when unknown."""
        from agent_deploy.costs.prices import cost_of

        return cost_of(calls, self.prices, self.at)[0]

    def priced(self, call: ModelCall) -> bool:
        """Whether a call has a price."""
        return self.prices.price(call, self.at) is not None

    def scorers(self, providers: Providers) -> CaseScorers:
        """The scorers of every case. Raises BadInput."""
        from agent_deploy.evals.scorers.assembly import scorers_for

        return scorers_for(
            self.eval_set, output_schema=self.schema, providers=providers.get, folder=self.set_folder,
            modules=self.settings.folder,
        )  # fmt: skip


async def judge(
    judging: Judging, repeats: int, answers: Answers
) -> tuple[dict[tuple[str, int], Result], dict[str, str]]:
    """The answers with today's scores, and the judges' rubric digests. Raises BadInput before anyone is asked."""
    from agent_deploy.evals.providers import Providers
    from agent_deploy.evals.providers.limits import Limits
    from agent_deploy.evals.scorers.assembly import judges_of

    results: dict[tuple[str, int], Result] = {}
    providers = Providers()

    def keep(result: Result) -> None:
        key = (result.case, result.repeat)
        results[key] = _with_old_figures(result, answers[key])

    try:
        scorers = judging.scorers(providers)
        patience = Patience(judging.settings.timeout_s, judging.settings.attempts)
        spending = Spending(None)
        bench = Bench(_Replaying(answers), scorers, judging.price, defaultdict(Limits), patience, spending)
        await run_cases(plan(judging.eval_set.cases, repeats), bench, judging.settings.concurrency, keep, lambda: None)
    finally:
        await providers.close()
    return results, judges_of(scorers)


class _Replaying:
    """An agent that answers as it did."""

    name = "replay"
    provider = ""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    async def answer(self, question: Question) -> Reply:
        """The answer on record, or the error in its stead."""
        found = self._answers[question.case, question.repeat]
        if found.status == "errored" and found.output is None and not found.tool_calls:
            raise CaseError(found.error, kind=found.error_kind or "other")
        return Reply(found.output, found.calls, found.tool_calls, found.latency_ms, found.cached)

    async def close(self) -> None:
        """Nothing is open."""


def _with_old_figures(result: Result, then: Result) -> Result:
    """What the agent took, as it was measured and priced when it was asked."""
    return replace(
        result, cost_usd=then.cost_usd, latency_ms=then.latency_ms, attempts=then.attempts, calls=then.calls,
        cached=then.cached,
    )  # fmt: skip
