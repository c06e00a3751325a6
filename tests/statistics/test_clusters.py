"""Clustered standard errors, against statsmodels; what a clustered set of cases is worth."""

from __future__ import annotations

import math
import random
from statistics import stdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_deploy.statistics.clusters import cluster_count, rate_interval, standard_error, t_above
from agent_deploy.statistics.rates import wilson

_RATES = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=2, max_size=40)


@pytest.mark.slow  # imports statsmodels
def test_the_standard_error_is_that_of_a_regression_on_a_constant_with_clustered_errors() -> None:
    import numpy
    import statsmodels.api  # type: ignore[import-untyped]

    source = random.Random(1)
    values = [source.random() for _ in range(90)]
    clusters = [source.choice("abcdefgh") for _ in values]
    model = statsmodels.api.OLS(numpy.array(values), numpy.ones(len(values)))
    groups = numpy.array(["abcdefgh".index(cluster) for cluster in clusters])
    fitted = model.fit(cov_type="cluster", cov_kwds={"groups": groups})
    assert standard_error(values, clusters) == pytest.approx(float(fitted.bse[0]), rel=1e-9)


@settings(deadline=None)  # the machine may be busy
@given(values=_RATES)
def test_without_clusters_it_is_the_textbook_one(values: list[float]) -> None:
    expected = pytest.approx(stdev(values) / math.sqrt(len(values)), abs=1e-12)
    assert standard_error(values) == expected
    assert standard_error(values, [""] * len(values)) == expected


def test_cases_that_go_together_count_as_one() -> None:
    values, doubled = [0.0, 1.0, 1.0, 0.0, 1.0], [0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0]
    assert standard_error(doubled, list("aabbccddee")) == pytest.approx(standard_error(values))


def test_of_one_cluster_nothing_is_known() -> None:
    assert standard_error([0.0, 1.0], ["a", "a"]) == math.inf
    assert t_above([1.0, 1.0], 0.0, ["a", "a"]) == (0.0, 0)


def test_a_case_without_a_cluster_is_a_cluster_of_its_own() -> None:
    assert cluster_count(5, ["a", "a", "", "", "b"]) == 4
    assert cluster_count(5, ()) == 5


@pytest.mark.slow  # imports scipy
def test_t_of_a_mean_is_scipys() -> None:
    from scipy import stats  # type: ignore[import-untyped]

    differences = [0.0, -1.0, 0.5, 0.25, 0.0, -0.25]
    t, degrees = t_above(differences, -0.05)
    assert t == pytest.approx(stats.ttest_1samp(differences, -0.05).statistic)
    assert degrees == 5


def test_without_variation_t_is_infinite_by_its_sign() -> None:
    assert t_above([0.0, 0.0, 0.0], -0.05) == (math.inf, 2)
    assert t_above([-0.5, -0.5], -0.05) == (-math.inf, 1)
    assert t_above([0.0, 0.0], 0.0) == (0.0, 1)


@settings(deadline=None)  # the machine may be busy
@given(passes=st.lists(st.sampled_from([0.0, 1.0]), min_size=2, max_size=60))
def test_for_single_tries_without_clusters_the_interval_is_wilsons(passes: list[float]) -> None:
    assert rate_interval(passes) == pytest.approx(wilson(sum(passes), len(passes)))


def test_repeats_that_always_agree_are_worth_no_more_than_one() -> None:
    rates = [1.0] * 8 + [0.0] * 2
    assert rate_interval(rates, repeats=5) == pytest.approx(wilson(8, 10))


def test_repeats_that_vary_freely_are_worth_more_but_never_more_than_all_of_them() -> None:
    rates = [0.4, 0.6] * 20
    assert rate_interval(rates, repeats=5) == pytest.approx(wilson(100, 200))


def test_a_flawless_run_is_worth_its_clusters() -> None:
    assert rate_interval([1.0] * 12, list("aaaabbbbcccc")) == wilson(3, 3)
