"""Quantiles: of numbers at hand, of the normal distribution, of Student's t."""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import NormalDist

_NORMAL = NormalDist()


def percentile(values: Iterable[float], q: float) -> float:
    """The q-quantile (0 to 1) of some numbers, between neighbours by linear interpolation.

    Type 7 of Hyndman and Fan, "Sample Quantiles in Statistical Packages", 1996; numpy's and R's default. Raises
    ValueError when there are no values.
    """
    return percentile_of_sorted(sorted(values), q)


def percentile_of_sorted(ordered: list[float], q: float) -> float:
    """The same for numbers in ascending order."""
    if not ordered:
        raise ValueError("no values to take a percentile of")
    return value_at(ordered, (len(ordered) - 1) * q)


def value_at(ordered: list[float], place: float) -> float:
    """What stands at a place, 0 to the last, of numbers in ascending order; between two places, between them."""
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    if ordered[below] == ordered[above] or place == below:  # also where a neighbour is infinite
        return ordered[below]
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def z_quantile(probability: float) -> float:
    """The standard normal quantile: 1.645 for 0.95."""
    return _NORMAL.inv_cdf(probability)


def t_quantile(probability: float, degrees: int) -> float:
    """The quantile of Student's t, for a whole number of degrees of freedom from 1 up: 2.132 for 0.95 and 4.

    Abramowitz and Stegun 26.7.3 and 26.7.4 solved by bisection; above 200 degrees the expansion 26.7.5, whose error
    is below 1e-7 there.
    """
    if probability < 0.5:
        return -t_quantile(1 - probability, degrees)
    if degrees > 200:
        return _expanded(z_quantile(probability), degrees)
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        if (1 + _within(middle, degrees)) / 2 < probability:
            low = middle
        else:
            high = middle
    return math.sqrt(degrees) * math.tan(low)


def _expanded(x: float, degrees: int) -> float:
    first = (x**3 + x) / 4
    second = (5 * x**5 + 16 * x**3 + 3 * x) / 96
    third = (3 * x**7 + 19 * x**5 + 17 * x**3 - 15 * x) / 384
    return x + first / degrees + second / degrees**2 + third / degrees**3


def _within(angle: float, degrees: int) -> float:
    """P(|T| < t) for t = sqrt(degrees) tan(angle)."""
    cosine, odd = math.cos(angle), degrees % 2
    term = cosine if odd else 1.0
    total = 0.0 if degrees == 1 else term
    for power in range(2 + odd, degrees - 1, 2):
        term *= cosine * cosine * (power - 1) / power
        total += term
    total *= math.sin(angle)
    return 2 / math.pi * (angle + total) if odd else total
