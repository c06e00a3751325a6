"""Standard errors when cases resemble each other, or were tried more than once.

A case is one value: its mean over repeats, so that repeats do not pass for cases. Cases of one cluster count as one
draw. Formulas: Miller, "Adding Error Bars to Evals", arXiv 2411.00640, section 2.2, with the usual correction
G / (G - 1) for G clusters: without clusters it is the textbook standard error of a mean.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from agent_deploy.statistics.rates import wilson


def standard_error(values: Sequence[float], clusters: Sequence[str] = ()) -> float:
    """The clustered standard error of a mean. Of paired differences too: hand in the differences.

    clusters: one a value, empty text for a case on its own; none at all: every case on its own. inf where there are
    fewer than two clusters: nothing is known of the variation then.
    """
    count = len(values)
    mean = math.fsum(values) / count if count else 0.0
    sums = _cluster_sums([value - mean for value in values], clusters)
    if len(sums) < 2:
        return math.inf
    return math.sqrt(math.fsum(total * total for total in sums) * len(sums) / (len(sums) - 1)) / count


def cluster_count(count: int, clusters: Sequence[str]) -> int:
    """How many clusters there are among so many cases; a case on its own is one."""
    named = [cluster for cluster in clusters if cluster]
    return count - len(named) + len(set(named))


def t_above(values: Sequence[float], floor: float, clusters: Sequence[str] = ()) -> tuple[float, int]:
    """Student's t of "the mean is above the floor", and its degrees of freedom: clusters less one.

    With no variation at all it is infinite, by the sign of the distance; with fewer than two clusters (0.0, 0).
    """
    degrees = cluster_count(len(values), clusters) - 1
    if degrees < 1:
        return 0.0, 0
    above = math.fsum(values) / len(values) - floor
    error = standard_error(values, clusters)
    if error > 0:
        return above / error, degrees
    return (math.copysign(math.inf, above) if above else 0.0), degrees


def rate_interval(
    rates: Sequence[float], clusters: Sequence[str] = (), *, repeats: int = 1, confidence: float = 0.95
) -> tuple[float, float]:
    """Wilson's interval of a mean pass rate at the number of cases that the clustered standard error is worth.

    The effective sample size of Korn and Graubard, "Confidence intervals for proportions with small expected number of
    positive counts estimated from survey data", Survey Methodology 24, 1998; at most cases times repeats, and the
    number of clusters where nothing varies. For single tries without clusters it is `wilson`.
    """
    count = len(rates)
    rate = math.fsum(rates) / count if count else 0.0
    groups = cluster_count(count, clusters)
    error = standard_error(rates, clusters)
    if not 0 < error < math.inf or not 0 < rate < 1:
        return wilson(rate * groups, groups, confidence)
    effective = min(rate * (1 - rate) * count / ((count - 1) * error * error), count * repeats)
    return wilson(rate * effective, effective, confidence)


def _cluster_sums(values: Sequence[float], clusters: Sequence[str]) -> list[float]:
    if not any(clusters):
        return list(values)
    alone: list[float] = []
    sums: dict[str, float] = {}
    for value, cluster in zip(values, clusters, strict=True):
        if cluster:
            sums[cluster] = sums.get(cluster, 0.0) + value
        else:
            alone.append(value)
    return [*alone, *sums.values()]
