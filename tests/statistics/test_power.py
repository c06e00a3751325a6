"""What a set of cases can show, before it is run."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_deploy.statistics.paired import tango
from agent_deploy.statistics.power import detectable_change, smallest_passing_n
from tests.statistics.trinomial import chance

_Z = 1.6448536269514722


@pytest.mark.parametrize(("margin", "cases"), [(0.05, 52), (0.1, 25), (0.02, 133), (0.5, 3), (0.0, None)])
def test_the_fewest_cases_are_known_in_advance(margin: float, cases: int | None) -> None:
    assert smallest_passing_n(margin) == cases


@settings(deadline=None)  # the machine may be busy
@given(margin=st.floats(0.005, 0.9))
def test_one_case_fewer_cannot_pass_and_so_many_can(margin: float) -> None:
    cases = smallest_passing_n(margin)
    assert cases is not None
    assert tango(0, 0, cases - 1, margin) <= _Z < tango(0, 0, cases, margin)


def test_the_detectable_change_is_the_formulas() -> None:
    assert detectable_change(400, 0.1) == pytest.approx(2.4865 * math.sqrt(0.1 / 400), rel=1e-4)


def test_no_change_is_larger_than_the_discordance_that_makes_it() -> None:
    assert detectable_change(40, 0.1) == pytest.approx(2.4865**2 / 40, rel=1e-4)
    assert (detectable_change(3), detectable_change(0)) == (1.0, 1.0)


@pytest.mark.slow
def test_four_comparisons_of_five_find_the_detectable_change() -> None:
    cases, discordance = 1_000, 0.1
    change = detectable_change(cases, discordance)
    loss, gain = (discordance + change) / 2, (discordance - change) / 2
    found = sum(
        chance(lost, gained, cases, loss, gain)
        for lost in range(130)
        for gained in range(130)
        if tango(lost, gained, cases, 0.0) < -_Z
    )
    assert found == pytest.approx(0.8, abs=0.02)
