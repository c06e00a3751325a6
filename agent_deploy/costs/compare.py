"""The fair delta: what a call costs with one version and with another, whether that is sure, and why."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from agent_deploy.costs.drivers import Driver, drivers
from agent_deploy.costs.mix import Cell, Mix, match
from agent_deploy.statistics.bootstrap import Ratio, mean_ratio

Verdict = Literal["dearer", "cheaper", "same", "not_enough_data"]

CONFIDENCE = 0.95
# Two versions cost the same when the whole interval is within this share of no difference and holds it; within the
# second, less than which nobody minds, though it hold none.
SAME_WITHIN = 0.05
NEGLIGIBLE = 0.01
# Below these an interval from resampled tenants is not to be believed (tests/costs/test_coverage.py).
FEWEST_CALLS = 100
FEWEST_TENANTS = 5
FEWEST_EFFECTIVE = 2.0
# Of each version's calls, at least this share has to have its like with the other, and a known cost.
LEAST_MATCHED = 0.5
LEAST_KNOWN = 0.95
# More calls than so many times as many are no advice.
_MOST_MORE = 100


@dataclass(frozen=True, slots=True)
class Needed:
    """What a verdict takes: calls of each version, and tenants that have called both."""

    calls: int
    tenants: int


@dataclass(frozen=True, slots=True)
class CallCounts:
    """Calls of a version: all, and those whose cost is unknown."""

    total: int
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class CostDelta:
    """How the cost of a call differs from one version to another, both at the same prices.

    from_usd, to_usd: means over the same mix; ratio: to / from; low, high: its interval, 95 %, by resampled tenants.
    raw_…: without regard to the mix. drivers: why; their product is the ratio. price_change: what prices that moved
    meanwhile make of the ratio of what was paid, on top. Each None where it cannot be said.
    why, needed: what a verdict lacks, and takes; empty and None where there is one. enough: whether there are calls
    enough to believe the interval, though it may hold both dearer and cheaper. tenants: 0 where calls name none.
    matched_by_model: whether calls were matched by model too.
    """

    from_version: int
    to_version: int
    verdict: Verdict
    why: str
    needed: Needed | None
    enough: bool
    from_usd: float | None
    to_usd: float | None
    ratio: float | None
    low: float | None
    high: float | None
    raw_from_usd: float | None
    raw_to_usd: float | None
    drivers: tuple[Driver, ...]
    price_change: float | None
    calls_from: CallCounts
    calls_to: CallCounts
    matched_from: int
    matched_to: int
    tenants: int
    matched_by_model: bool

    @property
    def raw_ratio(self) -> float | None:
        """to / from, as the calls were."""
        return _quotient(self.raw_to_usd, self.raw_from_usd)


def compare(
    from_version: int, to_version: int, cells: Iterable[Cell], calls_from: CallCounts, calls_to: CallCounts
) -> CostDelta:
    """The delta of two versions. cells: of their calls whose cost is known. The same cells give the same answer."""
    mix = match(cells)
    ratio = _ratio(mix)
    lacking = _lacking(mix, calls_from, calls_to)
    verdict, why, needed = _judge(mix, ratio, lacking)
    from_usd, to_usd = (mix.from_.cost_usd, mix.to.cost_usd) if mix.clusters else (None, None)
    return CostDelta(
        from_version=from_version,
        to_version=to_version,
        verdict=verdict,
        why=why,
        needed=needed,
        enough=not lacking,
        from_usd=from_usd,
        to_usd=to_usd,
        ratio=ratio.value if ratio else None,
        low=ratio.low if ratio else None,
        high=ratio.high if ratio else None,
        raw_from_usd=mix.raw_from.cost_usd if mix.raw_from else None,
        raw_to_usd=mix.raw_to.cost_usd if mix.raw_to else None,
        drivers=drivers(mix.from_, mix.to),
        price_change=_quotient(_quotient(mix.to.paid_usd, mix.from_.paid_usd), ratio.value) if ratio else None,
        calls_from=calls_from,
        calls_to=calls_to,
        matched_from=mix.matched_from,
        matched_to=mix.matched_to,
        tenants=mix.tenants,
        matched_by_model=mix.by_model,
    )


def _ratio(mix: Mix) -> Ratio | None:
    """To / from over the same mix; None where there is nothing to compare, or it cost nothing."""
    if min(mix.from_.cost_usd, mix.to.cost_usd) <= 0:
        return None
    news, olds = ([getattr(cluster, side) for cluster in mix.clusters] for side in ("to_usd", "from_usd"))
    return mean_ratio(news, olds, confidence=CONFIDENCE)


def calls_to_tell(delta: CostDelta, limit: float) -> int | None:
    """About how many calls of each version would show on which side of `limit`, a ratio, theirs is, were it to stay.

    None where there is no interval, or it is so near that a hundred times as many would not do.
    """
    if not (delta.ratio and delta.low and delta.high):
        return None
    more = _more(Ratio(delta.ratio, delta.low, delta.high), abs(math.log(delta.ratio / limit)))
    return _rounded_up(math.ceil(more * min(delta.matched_from, delta.matched_to))) if more <= _MOST_MORE else None


def _judge(mix: Mix, ratio: Ratio | None, lacking: str) -> tuple[Verdict, str, Needed | None]:
    least = Needed(FEWEST_CALLS, FEWEST_TENANTS)
    if lacking:
        return "not_enough_data", lacking, least
    if ratio is None:
        both_free = mix.from_.cost_usd == mix.to.cost_usd
        return ("same", "", None) if both_free else ("not_enough_data", "one of the two cost nothing", least)
    if _within(ratio, NEGLIGIBLE):
        return "same", "", None
    if ratio.low > 1:
        return "dearer", "", None
    if ratio.high < 1:
        return "cheaper", "", None
    if _within(ratio, SAME_WITHIN):
        return "same", "", None
    return "not_enough_data", "the interval holds both dearer and cheaper", _needed(mix, ratio)


def _within(ratio: Ratio, share: float) -> bool:
    return ratio.high <= 1 + share and ratio.low >= 1 / (1 + share)


def _needed(mix: Mix, ratio: Ratio) -> Needed:
    """What would settle it, were the ratio to stay: an interval narrows with the square root of what it rests on.

    It has to be clear of 1, or wholly within what counts as the same, whichever takes less.
    """
    distance = abs(math.log(ratio.value))
    more = _more(ratio, max(distance, math.log1p(SAME_WITHIN) - distance))
    calls = math.ceil(more * min(mix.matched_from, mix.matched_to))
    return Needed(_rounded_up(calls), max(FEWEST_TENANTS, math.ceil(more * mix.tenants)))


def _more(ratio: Ratio, distance: float) -> float:
    """How many times as much it takes for half the interval to be no longer than a distance. Both are of logarithms."""
    half = math.log(ratio.high / ratio.low) / 2
    return max(half / distance, 1.0) ** 2 if distance else math.inf


def _lacking(mix: Mix, calls_from: CallCounts, calls_to: CallCounts) -> str:
    """Why there is no use in asking the interval; empty where there is."""
    for counts in (calls_from, calls_to):
        if counts.unknown > (1 - LEAST_KNOWN) * counts.total:
            return f"the cost of {counts.unknown:,} of {counts.total:,} calls is unknown"
    if min(mix.calls_from, mix.calls_to) < FEWEST_CALLS:
        return f"{mix.calls_from:,} and {mix.calls_to:,} calls, and {FEWEST_CALLS} of each are needed"
    for matched, calls in ((mix.matched_from, mix.calls_from), (mix.matched_to, mix.calls_to)):
        if matched < LEAST_MATCHED * calls:
            return f"only {matched:,} of {calls:,} calls have their like with the other version"
    if min(mix.matched_from, mix.matched_to) < FEWEST_CALLS:
        return f"{mix.matched_from:,} and {mix.matched_to:,} calls are alike, and {FEWEST_CALLS} of each are needed"
    if len(mix.clusters) < FEWEST_TENANTS:
        return f"{len(mix.clusters)} tenants have called both versions, and {FEWEST_TENANTS} are needed"
    if mix.effective_clusters < FEWEST_EFFECTIVE:
        largest = max(cluster.calls for cluster in mix.clusters) / sum(cluster.calls for cluster in mix.clusters)
        return f"one tenant makes {100 * largest:.0f} % of the calls: what holds for it need not hold for others"
    return ""


def _rounded_up(count: int) -> int:
    """To two digits: it is an estimate."""
    unit: int = 10 ** max(len(str(count)) - 2, 0)
    return -(-count // unit) * unit


def _quotient(a: float | None, b: float | None) -> float | None:
    return a / b if a is not None and b else None
