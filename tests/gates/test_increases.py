"""Cost and latency against what is live: ratios over paired cases, with a bootstrap interval."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest

from agent_deploy.evals.outcomes import Outcomes
from agent_deploy.gates.facts import Baseline
from agent_deploy.gates.verdict import RuleResult
from tests.gates.situations import OLD, evidence_of, facts_of, outcomes_of, rule_of

_COST: dict[str, Any] = {"max_cost_increase": 0.2}
_LATENCY: dict[str, Any] = {"max_latency_increase": 0.2}


def _runs(factor: float, cases: int = 100, noise: float = 0.1) -> tuple[Outcomes, Outcomes]:
    """Two runs of varied cost and latency, the new one's larger by the factor, with noise of its own."""
    source = random.Random(7)
    old = [source.uniform(0.5, 2.0) for _ in range(cases)]
    new = [factor * value * source.uniform(1 - noise, 1 + noise) for value in old]
    status = ["P"] * cases
    return outcomes_of(status, cost=new, latency=new), outcomes_of(status, cost=old, latency=old)


@pytest.mark.parametrize(
    ("factor", "verdict", "seen", "why"),
    [
        (1.0, "passed", "-0.4 % (-1.5 to +0.7) on 100 cases", ""),
        (1.2, "inconclusive", "+19.5 % (+18.2 to +20.8) on 100 cases",
         "the limit lies within the interval: more cases would tell"),
        (1.5, "failed", "+49.4 % (+47.7 to +51.0) on 100 cases", "clearly above the limit"),
    ],
)  # fmt: skip
def test_the_mean_cost_of_a_case_is_held_against_the_limit(factor: float, verdict: str, seen: str, why: str) -> None:
    rule = rule_of("cost", facts_of(*_runs(factor)), **_COST)
    assert rule == RuleResult("cost", verdict, "≤ +20.0 % a case", seen, why)  # type: ignore[arg-type]


@pytest.mark.parametrize(("factor", "verdict"), [(1.0, "passed"), (1.2, "inconclusive"), (1.5, "failed")])
def test_the_95th_percentile_of_latency_is_held_against_the_limit(factor: float, verdict: str) -> None:
    rule = rule_of("latency", facts_of(*_runs(factor)), **_LATENCY)
    assert (rule.verdict, rule.needed) == (verdict, "p95 ≤ +20.0 %")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"unpriced": ("house-model", "other-model")}, "no price is known for house-model, other-model"),
        ({}, "the agent does not say which tokens it used"),
    ],
)
@pytest.mark.parametrize(("of_candidate", "ref"), [(True, "support-triage@42"), (False, "support-triage@41")])
def test_an_unknown_cost_is_not_nothing(of_candidate: bool, ref: str, changes: dict[str, Any], why: str) -> None:
    new, old = _runs(1.0)
    unknown = {"cost_usd": None, **changes}
    candidate, baseline = evidence_of(new, **(unknown if of_candidate else {})), None
    baseline = evidence_of(old, OLD, **({} if of_candidate else unknown))
    rule = rule_of("cost", facts_of(candidate, baseline), **_COST)
    assert rule == RuleResult("cost", "inconclusive", "≤ +20.0 % a case", "unknown", f"{ref}: {why}")


def test_what_was_free_and_no_longer_is_fails_and_what_stays_free_passes() -> None:
    free, paid = outcomes_of(["P"] * 30, cost=[0.0] * 30), outcomes_of(["P"] * 30, cost=[0.1] * 30)
    rule = rule_of("cost", facts_of(paid, free), **_COST)
    assert (rule.verdict, rule.seen) == ("failed", "+inf % (+inf to +inf) on 30 cases")
    assert rule_of("cost", facts_of(free, free), **_COST).verdict == "passed"
    zero = evidence_of(free, cost_usd=Decimal(0))
    assert rule_of("cost", facts_of(zero, paid), **_COST).seen == "-100.0 % (-100.0 to -100.0) on 30 cases"


@pytest.mark.parametrize(("rule", "policy"), [("cost", _COST), ("latency", _LATENCY)])
def test_with_few_cases_neither_can_be_told(rule: str, policy: dict[str, Any]) -> None:
    found = rule_of(rule, facts_of(*_runs(1.0, cases=19)), **policy)
    expected = ("inconclusive", "19 cases", "too few to compare: 20 are needed")
    assert (found.verdict, found.seen, found.why) == expected
    assert rule_of(rule, facts_of(*_runs(1.0, cases=20)), **policy).verdict == "passed"


def test_cases_that_erred_on_either_side_have_no_latency_to_compare() -> None:
    new = outcomes_of(["E"] * 10 + ["P"] * 40, latency=[None] * 10 + [100.0] * 40)
    old = outcomes_of(["P"] * 45 + ["E"] * 5, latency=[100.0] * 45 + [None] * 5)
    rule = rule_of("latency", facts_of(new, old), **_LATENCY, max_error_rate=1.0)
    assert (rule.verdict, rule.seen) == ("passed", "+0.0 % (+0.0 to +0.0) on 35 cases")


@pytest.mark.parametrize(("rule", "policy"), [("cost", _COST), ("latency", _LATENCY)])
def test_with_nothing_live_or_no_run_of_it_they_say_what_the_regression_rule_says(
    rule: str, policy: dict[str, Any]
) -> None:
    new, _ = _runs(1.0)
    assert rule_of(rule, facts_of(new), **policy).verdict == "passed"
    missing = rule_of(rule, facts_of(new, baseline=Baseline(41, OLD)), **policy)
    assert (missing.verdict, missing.next_command) == ("inconclusive", "agent-deploy eval support-triage@41")
