"""Wilson's interval and pass^k, against statsmodels and by hand."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_deploy.statistics.rates import pass_hat_k, wilson

_COUNTS = st.integers(1, 500).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total)))


@pytest.mark.slow  # imports statsmodels
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
@pytest.mark.parametrize(("passed", "total"), [(0, 1), (1, 1), (56, 60), (9, 10), (0, 50), (50, 50), (9_321, 10_000)])
def test_wilson_is_statsmodels(passed: int, total: int, confidence: float) -> None:
    from statsmodels.stats.proportion import proportion_confint  # type: ignore[import-untyped]

    expected = proportion_confint(passed, total, alpha=1 - confidence, method="wilson")
    assert wilson(passed, total, confidence) == pytest.approx(expected, abs=1e-9)


@settings(deadline=None)  # the machine may be busy
@given(counts=_COUNTS)
def test_wilson_holds_the_rate_and_stays_in_range(counts: tuple[int, int]) -> None:
    low, high = wilson(*counts)
    assert 0 <= low <= counts[0] / counts[1] <= high <= 1
    assert low < high


@settings(deadline=None)  # the machine may be busy
@given(counts=_COUNTS)
def test_more_passes_never_lower_wilson(counts: tuple[int, int]) -> None:
    passed, total = counts
    assert wilson(max(passed - 1, 0), total) <= wilson(passed, total)


def test_of_nothing_any_rate_is_possible() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


def test_pass_hat_k_is_the_share_of_k_tries_that_all_pass() -> None:
    passes, repeats = [5, 4, 2, 0], 5
    for k in (1, 2, 3, 5):
        by_hand = [
            sum(all(place < count for place in tries) for tries in combinations(range(repeats), k)) for count in passes
        ]
        ways = len(list(combinations(range(repeats), k)))
        assert pass_hat_k(passes, repeats, k) == pytest.approx(sum(by_hand) / ways / len(passes))


def test_pass_hat_1_is_the_pass_rate() -> None:
    assert pass_hat_k([3, 0, 1], 3, 1) == pytest.approx(4 / 9)


@pytest.mark.parametrize(("passes", "k"), [([1], 0), ([1], 4), ([], 1)])
def test_pass_hat_k_needs_as_many_repeats_and_a_case(passes: list[int], k: int) -> None:
    with pytest.raises(ValueError, match=r"pass\^"):
        pass_hat_k(passes, 3, k)
