"""Cost against what is live by calls: the limit held against the fair delta, and what is too little to go by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from agent_deploy.costs.compare import CallCounts, CostDelta, compare
from agent_deploy.costs.mix import Amounts, Cell, Side
from agent_deploy.gates.facts import Baseline, CallCosts, Facts, Missing
from agent_deploy.gates.policy import CostFrom, Policy
from agent_deploy.gates.rules import decide
from agent_deploy.gates.verdict import RuleResult
from tests.gates.situations import NEW, NOW, facts_of, rule_of, table

_RULE: dict[str, Any] = {"max_cost_increase": 0.2, "cost_from": CostFrom("staging", timedelta(days=7))}
_NEEDED = "≤ +20.0 % a call in staging"
_LOOK = "agent-deploy cost support-triage --compare 41 42 --env staging --since 7d"
_DEARER, _UNDECIDED = (1.5, 1.4, 1.6) * 4, (1.4, 0.8) * 5


def _delta(factors: Sequence[float], *, old_usd: float = 1.0, calls: int = 100) -> CostDelta:
    """The delta of 41 and 42. factors: of each tenant, how many times as dear 42 is; so many calls of both for each."""
    cells = [
        Cell(
            side,
            "staging",
            f"tenant-{tenant}",
            0,
            8,
            "small",
            calls,
            Amounts(calls, 100 * calls, fresh_usd=usd * calls),
        )
        for tenant, factor in enumerate(factors)
        for side, usd in _sides(old_usd, factor)
    ]
    counts = CallCounts(calls * len(factors))
    return compare(41, 42, cells, counts, counts)


def _sides(old_usd: float, factor: float) -> list[tuple[Side, float]]:
    return [("from", old_usd), ("to", old_usd * factor or (factor and 1.0))]


def _facts(delta: CostDelta | None, unread: str = "", **changes: Any) -> Facts:
    costs = CallCosts("staging", NOW - timedelta(days=7), NOW, delta, "prices of today", unread)
    return facts_of(*table(both=60), **{"call_costs": costs, **changes})


def _lacking(from_calls: int, to_calls: int) -> CostDelta:
    return compare(41, 42, (), CallCounts(from_calls), CallCounts(to_calls))


@pytest.mark.parametrize(
    ("factors", "verdict", "seen", "why"),
    [
        ((1.0, 1.02) * 6, "passed", "+1.0 % (+0.4 to +1.6) on 1,200 calls against 1,200", ""),
        (_DEARER, "failed", "+50.0 % (+45.1 to +55.9) on 1,200 calls against 1,200", "clearly above the limit"),
        (_UNDECIDED, "inconclusive", "+10.0 % (-11.5 to +32.3) on 1,000 calls against 1,000",
         "the limit lies within the interval: about 5,400 calls of each would tell"),
    ],
)  # fmt: skip
def test_the_interval_is_held_against_the_limit(factors: Sequence[float], verdict: str, seen: str, why: str) -> None:
    command = "" if verdict == "passed" else _LOOK
    rule = rule_of("cost", _facts(_delta(factors)), **_RULE)
    assert rule == RuleResult("cost", verdict, _NEEDED, seen, why, command)  # type: ignore[arg-type]


def test_calls_enough_that_leave_open_which_is_dearer_can_still_be_within_the_limit() -> None:
    delta = _delta(_UNDECIDED)
    assert (delta.verdict, delta.enough) == ("not_enough_data", True)
    assert rule_of("cost", _facts(delta), max_cost_increase=0.5, cost_from=CostFrom("staging")).verdict == "passed"


def test_a_limit_right_at_the_ratio_takes_more_calls_than_anybody_has() -> None:
    rule = rule_of("cost", _facts(_delta(_UNDECIDED)), max_cost_increase=0.1, cost_from=CostFrom("staging"))
    assert (rule.verdict, rule.why) == (
        "inconclusive", "the limit lies within the interval: it is too near to it to tell",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "command"),
    [
        (400, 0, "agent-deploy promote support-triage --version 42 --env staging"),
        (0, 400, "agent-deploy promote support-triage --version 41 --env staging"),
        (400, 20, _LOOK),
    ],
)
def test_too_few_calls_are_not_enough_and_say_how_many_are(old: int, new: int, command: str) -> None:
    delta = replace(_lacking(old, new), why=f"{old} and {new} calls, and 100 of each are needed")
    assert rule_of("cost", _facts(delta), **_RULE) == RuleResult(
        "cost", "inconclusive", _NEEDED, f"{new} calls against {old}", delta.why, command
    )


def test_an_interval_from_too_few_tenants_is_not_believed_however_low() -> None:
    rule = rule_of("cost", _facts(_delta((0.5, 0.5, 0.5))), **_RULE)
    assert (rule.verdict, rule.why) == ("inconclusive", "3 tenants have called both versions, and 5 are needed")


def test_facts_that_cannot_be_read_leave_the_cost_unknown() -> None:
    rule = rule_of("cost", _facts(None, "the store is away"), **_RULE)
    assert rule == RuleResult("cost", "inconclusive", _NEEDED, "unknown", "the store is away", _LOOK)


@pytest.mark.parametrize("baseline", [Baseline(40, "sha256:older"), Baseline(43, "sha256:newer")])
def test_costs_of_other_versions_are_not_gone_by(baseline: Baseline) -> None:
    facts = _facts(_delta([1.0] * 10), baseline=baseline)
    rule = rule_of("cost", facts, **_RULE)
    assert (rule.verdict, rule.seen) == ("inconclusive", "unknown")
    assert decide(Policy(**_RULE), facts).call_costs is None
    assert rule_of("cost", replace(facts, call_costs=None), **_RULE).verdict == "inconclusive"


@pytest.mark.parametrize(
    ("baseline", "seen"), [(None, "nothing is live to compare with"), (Baseline(42, NEW), "it is what is live")]
)
def test_with_no_other_version_live_there_is_nothing_to_hold_against(baseline: Baseline | None, seen: str) -> None:
    rule = rule_of("cost", _facts(None, baseline=baseline, call_costs=None), **_RULE)
    assert rule == RuleResult("cost", "passed", _NEEDED, seen)


@pytest.mark.parametrize(
    ("old_usd", "factor", "verdict", "seen"),
    [
        (0.0, 0.0, "passed", "+0.0 % (+0.0 to +0.0)"),
        (1.0, 0.0, "passed", "-100.0 % (-100.0 to -100.0)"),
        (0.0, 1.0, "failed", "+inf % (+inf to +inf)"),
    ],
)
def test_what_was_free_and_no_longer_is_fails_and_what_becomes_free_passes(
    old_usd: float, factor: float, verdict: str, seen: str
) -> None:
    rule = rule_of("cost", _facts(_delta([factor] * 10, old_usd=old_usd)), **_RULE)
    assert (rule.verdict, rule.seen) == (verdict, f"{seen} on 1,000 calls against 1,000")


def test_eval_runs_are_not_asked_then_and_calls_are_asked_without_a_run() -> None:
    gate = decide(Policy(**_RULE), replace(_facts(_delta(_DEARER)), evidence=None, missing=Missing("no_run")))
    assert [(rule.rule, rule.verdict) for rule in gate.rules] == [("evidence", "inconclusive"), ("cost", "failed")]
    by_runs = rule_of("cost", _facts(_delta(_DEARER)), max_cost_increase=0.2)
    assert (by_runs.verdict, by_runs.needed) == ("passed", "≤ +20.0 % a case")


def test_the_verdict_keeps_what_it_went_by() -> None:
    delta = _delta(_DEARER)
    assert decide(Policy(**_RULE), _facts(delta)).call_costs == {
        "environment": "staging", "since": "2026-11-16T12:00:00.000000Z", "until": "2026-11-23T12:00:00.000000Z",
        "from": 41, "to": 42, "calls": {"from": 1200, "to": 1200}, "enough": True, "ratio": delta.ratio,
        "low": delta.low, "high": delta.high, "verdict": "dearer", "prices": "prices of today",
    }  # fmt: skip
    for policy in (Policy(max_cost_increase=0.2), Policy(required=False, **_RULE)):
        assert decide(policy, _facts(delta)).call_costs is None
