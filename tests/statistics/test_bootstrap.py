"""Bootstrap intervals of a ratio: the same each time, right at the edges, and as often right as they say."""

from __future__ import annotations

import math
import random
from dataclasses import astuple
from itertools import chain

import pytest

from agent_deploy.statistics.bootstrap import Ratio, _percentile_at, mean_ratio, percentile_ratio
from agent_deploy.statistics.quantiles import percentile

_TRUE = 1.1


def _runs(cases: int, repeats: int, source: random.Random) -> tuple[list[list[float]], list[list[float]]]:
    """Two runs of skewed values, paired by case, whose distributions differ by the factor _TRUE."""
    new, old = [], []
    for _ in range(cases):
        base = source.gauss(0, 0.6)
        old.append([math.exp(base + source.gauss(0, 0.4)) for _ in range(repeats)])
        new.append([_TRUE * math.exp(base + source.gauss(0, 0.4)) for _ in range(repeats)])
    return new, old


@pytest.mark.parametrize("cases", [30, 700])
def test_the_same_values_give_the_same_interval_around_the_ratio(cases: int) -> None:
    new, old = _runs(cases, 2, random.Random(3))
    means = [sum(values) for values in new], [sum(values) for values in old]
    first = mean_ratio(*means), percentile_ratio(new, old)
    assert first == (mean_ratio(*means), percentile_ratio(new, old))
    assert first[0].value == pytest.approx(sum(means[0]) / sum(means[1]))
    for ratio in first:
        assert ratio.low < ratio.value < ratio.high


@pytest.mark.parametrize("q", [0.5, 0.95, 1.0])
def test_a_percentile_of_a_resample_is_that_of_its_values(q: float) -> None:
    source = random.Random(5)
    cases, _ = _runs(40, 3, source)
    resampled = _percentile_at(cases, sorted(chain.from_iterable(cases)), q)
    lowest = sorted(range(40), key=lambda place: sum(cases[place]))[:10]  # where few of the high values are
    for draw in ([source.randrange(40) for _ in range(40)], lowest):
        expected = percentile(chain.from_iterable(cases[place] for place in draw), q)
        assert resampled(draw) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("cases", [2, 30, 700])
def test_a_constant_factor_leaves_no_doubt(cases: int) -> None:
    old = [1.0 + place % 7 for place in range(cases)]
    new = [2 * value for value in old]
    exactly = pytest.approx((2.0, 2.0, 2.0))
    assert astuple(mean_ratio(new, old)) == exactly
    assert astuple(percentile_ratio([[value] for value in new], [[value] for value in old])) == exactly


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        ([0.0, 0.0], [0.0, 0.0], Ratio(1.0, 1.0, 1.0)),
        ([1.0, 0.0], [0.0, 0.0], Ratio(math.inf, math.inf, math.inf)),
        ([0.0, 0.0], [1.0, 2.0], Ratio(0.0, 0.0, 0.0)),
        ([3.0], [2.0], Ratio(1.5, 1.5, 1.5)),
    ],
    ids=["free before and after", "free before", "free now", "one case"],
)
def test_edges_have_a_ratio_without_width(new: list[float], old: list[float], expected: Ratio) -> None:
    assert mean_ratio(new, old) == expected
    assert percentile_ratio([[value] for value in new], [[value] for value in old]) == expected


def test_a_few_free_cases_give_bounds_that_are_no_numbers_gone_wrong() -> None:
    ratio = mean_ratio([0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 1.0, 0.0])
    assert (ratio.value, ratio.low, ratio.high) == (1.0, 0.0, math.inf)


def test_two_runs_must_be_of_the_same_cases() -> None:
    with pytest.raises(ValueError, match="shorter"):
        mean_ratio([1.0], [])
    with pytest.raises(ValueError, match="1 new cases and 0 old ones"):
        percentile_ratio([[1.0]], [])
    with pytest.raises(ValueError, match="no cases"):
        mean_ratio([], [])


@pytest.mark.slow
@pytest.mark.parametrize(("cases", "repeats"), [(100, 2), (900, 1)])
def test_nine_intervals_of_ten_hold_the_true_ratio(cases: int, repeats: int) -> None:
    source, tries = random.Random(11), 150
    held_mean = held_percentile = 0
    for seed in range(tries):
        new, old = _runs(cases, repeats, source)
        mean = mean_ratio([sum(values) for values in new], [sum(values) for values in old], seed=seed)
        tail = percentile_ratio(new, old, seed=seed)
        held_mean += mean.low <= _TRUE <= mean.high
        held_percentile += tail.low <= _TRUE <= tail.high
    assert 0.84 <= held_mean / tries <= 0.96
    assert 0.84 <= held_percentile / tries <= 0.98
