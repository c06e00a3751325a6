"""Tango's test, against published intervals and its own definition; McNemar's exact test, against scipy."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_deploy.statistics.paired import gain_under_margin, mcnemar_exact, tango, tango_interval
from tests.statistics.trinomial import chance

_TABLES = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 200)).map(
    lambda counts: (counts[0], counts[1], sum(counts) or 1)
)
_MARGINS = st.floats(0.005, 0.5)


@pytest.mark.parametrize(
    ("lost", "gained", "cases", "expected"),
    [
        (16, 6, 161, (-0.1240, -0.0054)),  # Cavo 2012, in the R package contingencytables' own tests
        (7, 1, 21, (-0.517, -0.026)),  # Bentur 2009, in Fagerland et al., Statistics in Medicine 33, 2014, table VII
    ],
)
def test_the_interval_is_the_published_one(lost: int, gained: int, cases: int, expected: tuple[float, float]) -> None:
    assert tango_interval(lost, gained, cases) == pytest.approx(expected, abs=5e-4)


def _likelihood(lost: float, gained: float, cases: float, gain: float, margin: float) -> float:
    terms = ((lost, gain + margin), (gained, gain), (cases - lost - gained, 1 - 2 * gain - margin))
    return sum(count * math.log(max(share, 1e-300)) for count, share in terms if count)


@settings(deadline=None)  # the machine may be busy
@given(table=_TABLES, margin=_MARGINS)
def test_the_share_under_the_margin_is_the_likeliest(table: tuple[int, int, int], margin: float) -> None:
    best = gain_under_margin(*table, margin)
    limit = (1 - margin) / 2
    assert -1e-12 <= best <= limit + 1e-12
    peak = _likelihood(*table, best, margin)
    grid = (limit * step / 400 for step in range(1, 400))
    assert all(_likelihood(*table, gain, margin) <= peak + 1e-7 for gain in grid)


@settings(deadline=None)  # the machine may be busy
@given(table=_TABLES)
def test_without_a_margin_it_is_mcnemars_test(table: tuple[int, int, int]) -> None:
    lost, gained, cases = table
    expected = (gained - lost) / math.sqrt(lost + gained) if lost + gained else 0.0
    assert tango(lost, gained, cases, 0.0) == pytest.approx(expected)


@settings(deadline=None)  # the machine may be busy
@given(table=_TABLES, margin=_MARGINS)
def test_the_test_and_its_mirror_image_agree(table: tuple[int, int, int], margin: float) -> None:
    lost, gained, cases = table
    assert tango(lost, gained, cases, -margin) == -tango(gained, lost, cases, margin)


@settings(deadline=None)  # the machine may be busy
@given(table=_TABLES, margin=_MARGINS)
def test_a_case_lost_lowers_z_and_a_case_gained_raises_it(table: tuple[int, int, int], margin: float) -> None:
    lost, gained, cases = table
    here = tango(lost, gained, cases + 1, margin)
    assert tango(lost + 1, gained, cases + 1, margin) < here < tango(lost, gained + 1, cases + 1, margin)


@settings(deadline=None)  # the machine may be busy
@given(table=_TABLES, margin=_MARGINS)
def test_the_interval_ends_where_the_test_turns(table: tuple[int, int, int], margin: float) -> None:
    low, high = tango_interval(*table, confidence=0.9)
    estimate = (table[1] - table[0]) / table[2]
    assert -1 <= low <= estimate + 1e-9
    assert estimate - 1e-9 <= high <= 1
    if abs(low + margin) > 1e-6:
        assert (low > -margin) == (tango(*table, margin) > 1.6448536269514722)


@pytest.mark.parametrize(
    ("lost", "gained", "cases", "margin", "expected"),
    [
        (0, 0, 0, 0.05, 0.0),  # no cases
        (0, 0, 60, 0.0, 0.0),  # no margin, no difference
        (0, 0, 60, 1.0, math.inf),  # a margin of everything
        (60, 0, 60, 1.0, 0.0),  # and everything lost
        (0, 0, 60, 0.05, math.sqrt(60 * 0.05 / 0.95)),  # a flawless run
        (60, 0, 60, 0.05, -math.sqrt(60 * 0.95 / 1.05)),  # every case lost
        (0, 60, 60, 0.05, math.sqrt(60 * 1.05 / 0.95)),  # every case gained
    ],
)
def test_extremes_have_their_right_z(lost: int, gained: int, cases: int, margin: float, expected: float) -> None:
    assert tango(lost, gained, cases, margin) == pytest.approx(expected)


def test_of_no_cases_any_difference_is_possible() -> None:
    assert tango_interval(0, 0, 0) == (-1.0, 1.0)


def test_of_sixty_equal_cases_the_interval_is_not_a_point() -> None:
    low, high = tango_interval(0, 0, 60)
    assert low == pytest.approx(-high)
    assert high == pytest.approx(1.959964**2 / (60 + 1.959964**2), abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("discordance", [0.08, 0.2])
def test_a_version_worse_by_the_margin_passes_in_one_run_of_twenty(discordance: float) -> None:
    cases, margin = 200, 0.05
    loss, gain = (discordance + margin) / 2, (discordance - margin) / 2
    passing = sum(
        chance(lost, gained, cases, loss, gain)
        for lost in range(60)
        for gained in range(60)
        if tango(lost, gained, cases, margin) > 1.6448536269514722
    )
    assert passing == pytest.approx(0.05, abs=0.012)


@pytest.mark.slow  # imports scipy
@pytest.mark.parametrize(
    ("lost", "gained"),
    [(0, 0), (0, 4), (1, 0), (1, 1), (12, 1), (1, 12), (5, 5), (600, 500), (5_000, 5_200), (52_000, 51_000)],
)
def test_mcnemars_exact_test_is_scipys_binomial_one(lost: int, gained: int) -> None:
    from scipy import stats  # type: ignore[import-untyped]

    expected = stats.binomtest(lost, lost + gained, alternative="greater").pvalue if lost + gained else 1.0
    assert mcnemar_exact(lost, gained) == pytest.approx(expected, rel=1e-7)


@settings(deadline=None)  # the machine may be busy
@given(lost=st.integers(0, 300), gained=st.integers(0, 300))
def test_mcnemars_p_is_a_chance_and_falls_with_what_is_lost(lost: int, gained: int) -> None:
    assert 0 <= mcnemar_exact(lost + 1, gained) <= mcnemar_exact(lost, gained) <= 1
