"""Bootstrap intervals of a ratio new / old on paired cases: of mean costs, of latency percentiles.

A case is resampled whole, its old and new values and all its repeats together. Efron's percentile interval, with
deviations taken on the logarithm of the ratio, and for few cases widened by t sqrt(n / (n - 1)) / z (Hesterberg, "What
Teachers Should Know About the Bootstrap", The American Statistician 69, 2015, section 4.4). Random numbers are seeded:
the same values give the same interval. Large sets cost little more than small ones, by two means, each named below.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter

from agent_deploy.statistics.quantiles import percentile_of_sorted, t_quantile, value_at, z_quantile

_RESAMPLES = 400
_GROUPS = 200
_DRAWN = 200


@dataclass(frozen=True, slots=True)
class Ratio:
    """new / old, and its interval. inf where the old is 0 and the new is not; 1 where both are 0."""

    value: float
    low: float
    high: float


def mean_ratio(new: Sequence[float], old: Sequence[float], *, confidence: float = 0.9, seed: int = 0) -> Ratio:
    """The ratio of two means over the same cases.

    More than 200 cases are first dealt at random into 200 groups, whose sums are resampled in place of the cases: the
    variance of a mean is the same either way (random groups; Wolter, "Introduction to Variance Estimation", 2007,
    chapter 2). Raises ValueError when there are no cases or the two differ in number.
    """
    source = random.Random(seed)
    pairs = _grouped(list(zip(new, old, strict=True)), source)
    value = _ratio(math.fsum(new), math.fsum(old))
    news, olds = [pair[0] for pair in pairs], [pair[1] for pair in pairs]

    def once(draw: Sequence[int]) -> float:
        taken = itemgetter(*draw)
        return _ratio(sum(taken(news)), sum(taken(olds)))

    return _interval(value, len(pairs), len(pairs), once, confidence, source)


def percentile_ratio(
    new: Sequence[Sequence[float]],
    old: Sequence[Sequence[float]],
    q: float = 0.95,
    *,
    confidence: float = 0.9,
    seed: int = 0,
) -> Ratio:
    """The ratio of the q-quantiles of all values, over the same cases; one sequence of values a case, one a repeat.

    Of n > 200 cases only m = 200 are drawn each time, and the deviations scaled by sqrt(m / n): the m out of n
    bootstrap (Bickel, Götze and van Zwet, "Resampling fewer than n observations", Statistica Sinica 7, 1997).
    Raises ValueError when there are no values or the two differ in number of cases.
    """
    if len(new) != len(old):
        raise ValueError(f"{len(new)} new cases and {len(old)} old ones")
    whole_new, whole_old = sorted(chain.from_iterable(new)), sorted(chain.from_iterable(old))
    news, olds = _percentile_at(new, whole_new, q), _percentile_at(old, whole_old, q)

    def once(draw: Sequence[int]) -> float:
        return _ratio(news(draw), olds(draw))

    value = _ratio(percentile_of_sorted(whole_new, q), percentile_of_sorted(whole_old, q))
    return _interval(value, len(new), min(len(new), _DRAWN), once, confidence, random.Random(seed))


def _interval(
    value: float,
    count: int,
    drawn: int,
    once: Callable[[Sequence[int]], float],
    confidence: float,
    source: random.Random,
) -> Ratio:
    """The interval from resamples of `drawn` out of `count`. once: the ratio of the cases at these places."""
    if not count:
        raise ValueError("no cases to resample")
    if count == 1 or not 0 < value < math.inf:
        return Ratio(value, value, value)
    places = range(count)
    ratios = sorted(once(source.choices(places, k=drawn)) for _ in range(_RESAMPLES))
    tail = (1 - confidence) / 2
    widened = t_quantile(1 - tail, count - 1) / z_quantile(1 - tail) * math.sqrt(count / (count - 1))
    scale = math.sqrt(drawn / count) * widened
    low, high = (percentile_of_sorted(ratios, p) for p in (tail, 1 - tail))
    return Ratio(value, _scaled(low, value, scale), _scaled(high, value, scale))


def _percentile_at(cases: Sequence[Sequence[float]], whole: list[float], q: float) -> Callable[[Sequence[int]], float]:
    """The q-quantile of the cases at some places, as a function. whole: all their values, in ascending order.

    A high percentile of a resample lies among the high values: these alone are sorted, unless they are too few.
    """
    floor = percentile_of_sorted(whole, max(0.0, 3 * q - 2))
    high = [[value for value in values if value >= floor] for values in cases]
    sizes = [len(values) for values in cases]

    def at(draw: Sequence[int]) -> float:
        taken = itemgetter(*draw)
        top = sorted(chain.from_iterable(taken(high)))
        total = sum(taken(sizes))
        place = (total - 1) * q - (total - len(top))
        if place >= 0:
            return value_at(top, place)
        return percentile_of_sorted(sorted(chain.from_iterable(taken(cases))), q)

    return at


def _scaled(bound: float, value: float, scale: float) -> float:
    """The bound with its distance from the value, in logarithms, times the scale."""
    return value * math.pow(bound / value, scale)


def _grouped(pairs: list[tuple[float, float]], source: random.Random) -> list[tuple[float, float]]:
    if len(pairs) <= _GROUPS:
        return pairs
    source.shuffle(pairs)  # neighbours may resemble each other; groups must not differ for that
    dealt = (pairs[start::_GROUPS] for start in range(_GROUPS))
    return [(math.fsum(new for new, _ in group), math.fsum(old for _, old in group)) for group in dealt]


def _ratio(new: float, old: float) -> float:
    if old > 0:
        return new / old
    return 1.0 if new == old else math.inf
