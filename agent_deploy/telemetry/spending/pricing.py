"""What model calls cost, one at a time and quickly: rates are looked up once for all calls that pay the same.

Figures over many are priced in sums (`totals`, `cells`), by the same rule: `costs.unknown`.
"""

from __future__ import annotations

from decimal import Decimal

from agent_deploy.costs.periods import Period, Source, periods
from agent_deploy.costs.prices import Prices
from agent_deploy.costs.unknown import Unknown, why_unknown
from agent_deploy.telemetry.facts.charging import is_free, is_told, spoke, usage_of
from agent_deploy.telemetry.facts.fact import Fact

_MOST_SOURCES = 1000
_MOST_PERIODS = 50


class Pricing:
    """Prices facts of model calls. Threads may share one: at worst two look the same rates up."""

    def __init__(self, prices: Prices) -> None:
        self._prices = prices
        self._known: dict[Source, tuple[Period, ...]] = {}

    def cost(self, fact: Fact) -> Decimal | Unknown:
        """USD for the model call, or why that is unknown."""
        if is_free(fact):
            return Decimal(0)
        usage = usage_of(fact)
        rates = self._period(fact, usage.input).rates
        why = why_unknown(rates, told=is_told(fact, usage), spoke=spoke(fact))
        return why or (rates.total(usage, 1) if rates else "no price")

    def _period(self, fact: Fact, input_tokens: int) -> Period:
        source = source_of(fact)
        known = self._known.get(source, ())
        for period in known:
            if period.covers(fact.started_at, input_tokens):
                return period
        found = periods(self._prices, source, fact.started_at, fact.started_at)
        if len(self._known) >= _MOST_SOURCES or len(known) >= _MOST_PERIODS:  # a sender that makes up names or times
            self._known, known = {}, ()
        self._known[source] = known + found
        return next(period for period in found if period.covers(fact.started_at, input_tokens))


def source_of(fact: Fact) -> Source:
    """Whom the model call was paid to."""
    return Source(fact.provider, fact.model, fact.tier)
