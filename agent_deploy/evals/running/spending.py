"""Keeping a run under its cost cap: no question is asked that could take it over."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from agent_deploy.evals.errors import CapReached, CaseError
from agent_deploy.evals.results import Result


class Spending:
    """What a run has cost, in US dollars, and what those under way may cost yet: as much as the dearest so far.

    The first question is asked alone, for only then is known what one costs. An attempt that gave no answer is counted
    as the dearest one: it may have been billed, and nobody says. Answers kept from an earlier time cost nothing.
    """

    def __init__(self, cap: Decimal | None, spent: Decimal = Decimal()):
        self.spent = spent
        self._cap = cap
        self._dearest = Decimal()
        self._known = False
        self._under_way = 0
        self._unknown = ""
        self._settled: asyncio.Event | None = None

    async def admit(self) -> None:
        """Wait until one more question can be paid for. Raises CapReached when it cannot, and nothing is under way."""
        while self._cap is not None and not self._fits(self._cap):
            if self._unknown:
                raise CapReached(self._unknown)
            if not self._under_way:
                raise CapReached(
                    f"another question could exceed --max-cost-usd {self._cap:f} (${self.spent:.4f} spent)"
                )
            self._settled = self._settled or asyncio.Event()
            self._settled.clear()
            await self._settled.wait()
        self._under_way += 1

    def failed(self, error: CaseError) -> None:
        """An attempt gave no answer."""
        if error.kind != "rate_limit":
            self.spent += self._dearest

    def settle(self, result: Result) -> None:
        """A question is answered. Raises CapReached when there is a cap and nobody knows what the answer cost."""
        self._under_way -= 1
        cost = cost_now(result)
        if cost is not None:
            self.spent += cost
            self._dearest = max(self._dearest, cost)
            self._known = self._known or not result.cached
        elif self._cap is not None and (result.calls or result.status != "errored"):
            why = _why(result)
            self._unknown = f"what case {result.case!r} cost is unknown, so --max-cost-usd cannot hold: {why}"
        if self._settled:
            self._settled.set()
        if self._unknown:
            raise CapReached(self._unknown)

    def _fits(self, cap: Decimal) -> bool:
        if self._unknown:
            return False
        if not self._known:
            return not self._under_way and self.spent < cap
        return self.spent + self._dearest * (self._under_way + 1) <= cap


def cost_now(result: Result) -> Decimal | None:
    """What a result cost this time, its scorers' calls included; None when unknown."""
    judged = any(score.calls for score in result.scores)
    judges = result.judge_cost_usd if judged or result.judge_cost_usd is not None else Decimal()
    agent = Decimal() if result.cached else result.cost_usd
    return None if judges is None or agent is None else agent + judges


def _why(result: Result) -> str:
    calls = [*result.calls, *(call for score in result.scores for call in score.calls)]
    if not result.calls and not result.cached:
        return "the agent says nothing of its model calls"
    return f"no price for {', '.join(sorted({f'{call.provider}/{call.model}' for call in calls}))}"
