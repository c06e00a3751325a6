"""What the model calls that come in cost, quickly: rates are looked up once for all calls that pay the same."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from agent_deploy.costs.periods import Period, Source, periods
from agent_deploy.costs.prices import Prices
from agent_deploy.costs.usage import Usage
from agent_deploy.telemetry.facts.fact import Fact

# Why a cost is unknown.
Unknown = Literal["no price", "no token counts"]

_MOST_SOURCES = 1000
_MOST_PERIODS = 50


class Pricing:
    """Prices facts of model calls. Threads may share one: at worst two look the same rates up."""

    def __init__(self, prices: Prices) -> None:
        self._prices = prices
        self._known: dict[Source, tuple[Period, ...]] = {}

    def cost(self, fact: Fact) -> Decimal | Unknown:
        """USD for the model call, or why that is unknown. A call that failed without any tokens cost nothing."""
        usage = usage_of(fact)
        if fact.failed and fact.input_tokens is None and fact.output_tokens is None:
            return Decimal(0)
        period = self._period(fact, usage.input)
        if period.rates is None:
            return "no price"
        cost = period.rates.price(usage)
        return "no token counts" if cost is None else cost

    def _period(self, fact: Fact, input_tokens: int) -> Period:
        source = Source(fact.provider, fact.model, fact.tier)
        known = self._known.get(source, ())
        for period in known:
            if period.covers(fact.started_at, input_tokens):
                return period
        found = periods(self._prices, source, fact.started_at, fact.started_at)
        if len(self._known) >= _MOST_SOURCES or len(known) >= _MOST_PERIODS:  # a sender that makes up names or times
            self._known, known = {}, ()
        self._known[source] = known + found
        return next(period for period in found if period.covers(fact.started_at, input_tokens))


def usage_of(fact: Fact) -> Usage:
    """The fact's tokens; none where it says nothing of them."""
    return Usage(
        fact.input_tokens or 0,
        fact.output_tokens or 0,
        fact.cache_read_tokens or 0,
        fact.cache_write_tokens or 0,
        fact.reasoning_tokens or 0,
    )
