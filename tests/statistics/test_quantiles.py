"""Quantiles agree with numpy and scipy."""

from __future__ import annotations

import math

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_deploy.statistics.quantiles import percentile, t_quantile, z_quantile

_NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40)


@settings(deadline=None)  # the machine may be busy
@given(values=_NUMBERS, q=st.floats(0, 1))
def test_a_percentile_is_numpys(values: list[float], q: float) -> None:
    assert percentile(values, q) == pytest.approx(float(numpy.percentile(values, q * 100)), rel=1e-9, abs=1e-6)


@pytest.mark.parametrize(
    ("values", "q", "expected"),
    [
        ([7.0], 0.95, 7.0),
        ([1.0, 2.0], 0.5, 1.5),
        ([3.0, 1.0, 2.0], 1.0, 3.0),
        ([1.0, math.inf, math.inf], 0.9, math.inf),
    ],
)
def test_a_percentile_lies_between_neighbours(values: list[float], q: float, expected: float) -> None:
    assert percentile(values, q) == expected


def test_nothing_has_no_percentile() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


@pytest.mark.slow  # imports scipy
@pytest.mark.parametrize("probability", [0.05, 0.5, 0.6, 0.95, 0.975, 0.995])
def test_normal_and_student_quantiles_are_scipys(probability: float) -> None:
    from scipy import stats  # type: ignore[import-untyped]

    assert z_quantile(probability) == pytest.approx(stats.norm.ppf(probability), abs=1e-9)
    for degrees in (1, 2, 3, 4, 5, 30, 199, 200, 201, 1000, 100_000):
        expected = stats.t.ppf(probability, degrees)
        assert t_quantile(probability, degrees) == pytest.approx(expected, rel=1e-7, abs=1e-7)
