"""Stretches of time and prompt length in which a model's calls all pay the same rates.

Within one, what calls cost is linear in their tokens: their sum may be priced instead of each call.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from agent_deploy.costs.prices import Prices
from agent_deploy.costs.rates import Rates

# More than any prompt has: the end of the last stretch.
ANY_LENGTH = 2**62
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Source:
    """Whom calls are paid to, and for what. tier: empty at standard rates."""

    provider: str
    model: str
    tier: str = ""

    def __str__(self) -> str:
        name = f"{self.provider or '?'}/{self.model or '?'}"
        return f"{name} ({self.tier})" if self.tier else name


@dataclass(frozen=True, slots=True)
class Period:
    """Calls from `since`, before `until`, with more than `over` and at most `up_to` input tokens.

    rates: None where their price is unknown.
    """

    since: datetime
    until: datetime
    over: int
    up_to: int
    rates: Rates | None

    def covers(self, at: datetime, input_tokens: int) -> bool:
        """Whether a call falls into it."""
        return self.since <= at < self.until and self.over < input_tokens <= self.up_to


def periods(prices: Prices, source: Source, first: datetime, last: datetime) -> tuple[Period, ...]:
    """The periods of calls made from `first` to `last`, as few as there can be; each such call is in just one."""
    found: list[Period] = []
    for over, up_to in _lengths(prices, source):
        open_at = len(found)
        for since, until in _stretches(prices, source, first, last):
            rates = prices.rates(source.provider, source.model, min(over + 1, up_to), since, source.tier)
            if len(found) > open_at and found[-1].rates == rates:
                found[-1] = replace(found[-1], until=until)
            else:
                found.append(Period(since, until, over, up_to, rates))
    return tuple(found)


def _lengths(prices: Prices, source: Source) -> list[tuple[int, int]]:
    ends = [-1, *prices.lengths(source.provider, source.model), ANY_LENGTH]
    return list(pairwise(ends))


def _stretches(prices: Prices, source: Source, first: datetime, last: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The shortest stretches at whose ends alone a price may change, from the one that `first` is in."""
    turns = prices.turns(source.provider, source.model)
    midnight = first.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    while midnight <= last:
        starts = [datetime.combine(midnight, turn, UTC) for turn in turns]
        yield from zip(starts, [*starts[1:], midnight + _DAY], strict=True)
        midnight += _DAY
