"""Rules on the candidate's own run, each by worked examples."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agent_deploy.gates.verdict import RuleResult
from tests.gates.situations import NOW, evidence_of, facts_of, outcomes_of, rule_of

_AGAIN = "agent-deploy eval support-triage@42"
_SHOW = "agent-deploy evals show run-new --failed"


@pytest.mark.parametrize(
    ("status", "verdict", "seen"),
    [
        ("P" * 60, "passed", "0.0 % (0 of 60)"),
        ("P" * 49 + "E", "passed", "2.0 % (1 of 50)"),
        ("P" * 48 + "EE", "inconclusive", "4.0 % (2 of 50)"),
        ("E", "inconclusive", "100.0 % (1 of 1)"),
    ],
)
def test_errors_above_the_limit_leave_all_open(status: str, verdict: str, seen: str) -> None:
    rule = rule_of("errors", facts_of(outcomes_of(list(status))))
    assert (rule.verdict, rule.needed, rule.seen) == (verdict, "≤ 2.0 %", seen)
    told = ("", "") if verdict == "passed" else ("errors are neither passes nor failures", _AGAIN)
    assert (rule.why, rule.next_command) == told


@pytest.mark.parametrize(
    ("status", "critical", "verdict", "seen", "why", "command"),
    [
        (["PPP", "PPP", "FFF"], 2, "passed", "2 of 2", "", ""),
        (["PPP", "FFF"], 0, "passed", "no case is critical", "", ""),
        (["PPP", "PFP"], 2, "failed", "1 of 2", "failed: case-00001", _SHOW),
        (["PPE", "PPP"], 2, "inconclusive", "1 of 2", "errored: case-00000", _AGAIN),
        (["PPE", "EPF"], 2, "failed", "0 of 2", "failed: case-00001", _SHOW),
        (["F"] * 5, 5, "failed", "0 of 5", "failed: case-00000, case-00001, case-00002 and 2 more", _SHOW),
    ],
)
def test_a_critical_case_passes_in_every_repeat(
    status: list[str], critical: int, verdict: str, seen: str, why: str, command: str
) -> None:
    rule = rule_of("critical", facts_of(outcomes_of(status, critical=critical)), max_error_rate=1.0)
    needed = "critical cases pass, every repeat"
    assert rule == RuleResult("critical", verdict, needed, seen, why, command)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "verdict", "seen", "why", "command"),
    [
        ("P" * 56 + "F" * 4, "passed", "93.3 % of 60 (84.1 to 97.4 %)", "", ""),
        ("P" * 54 + "F" * 6, "passed", "90.0 % of 60 (79.9 to 95.3 %)", "", ""),
        ("P" * 53 + "F" * 7, "failed", "88.3 % of 60 (77.8 to 94.2 %)", "7 failed", _SHOW),
        ("P" * 53 + "E" + "F" * 6, "inconclusive", "88.3 % of 60 (77.8 to 94.2 %)",
         "1 error could make the difference", _AGAIN),
        ("P" * 52 + "E" + "F" * 7, "failed", "86.7 % of 60 (75.8 to 93.1 %)", "7 failed", _SHOW),
    ],
)  # fmt: skip
def test_the_observed_pass_rate_is_held_against_the_least(
    status: str, verdict: str, seen: str, why: str, command: str
) -> None:
    rule = rule_of("pass_rate", facts_of(outcomes_of(list(status))), min_pass_rate=0.9)
    assert rule == RuleResult("pass_rate", verdict, "≥ 90.0 %", seen, why, command)  # type: ignore[arg-type]


def test_a_rate_is_not_missed_for_the_last_bit_of_a_float() -> None:
    outcomes = outcomes_of(list("P" * 7 + "F" * 93))
    assert rule_of("pass_rate", facts_of(outcomes), min_pass_rate=0.07).verdict == "passed"


@pytest.mark.parametrize(
    ("days", "verdict", "seen"),
    [(0, "passed", "0s old"), (14, "passed", "14d old"), (15, "inconclusive", "15d old")],
)
def test_an_old_run_proves_nothing_about_today(days: int, verdict: str, seen: str) -> None:
    found = evidence_of(outcomes_of(["P"]), finished_at=NOW - timedelta(days=days))
    rule = rule_of("age", facts_of(found), max_age=timedelta(weeks=2))
    assert (rule.verdict, rule.needed, rule.seen) == (verdict, "≤ 14d old", seen)
    assert rule.next_command == ("" if verdict == "passed" else _AGAIN)


@pytest.mark.parametrize(
    ("judges", "agreements", "verdict", "seen"),
    [
        ({}, {}, "passed", "no judge took part"),
        ({"tone": "r1"}, {"r1": 0.8}, "passed", "tone: 80.0 %"),
        ({"tone": "r1"}, {"r1": 0.79}, "inconclusive", "tone: 79.0 %"),
        ({"tone": "r1"}, {"r0": 0.99}, "inconclusive", "tone: not calibrated"),
        ({"tone": "r1", "facts": "r2"}, {"r1": 0.9}, "inconclusive", "facts: not calibrated; tone: 90.0 %"),
    ],
)
def test_a_judge_counts_once_it_has_agreed_with_people(
    judges: dict[str, str], agreements: dict[str, float], verdict: str, seen: str
) -> None:
    facts = facts_of(evidence_of(outcomes_of(["P"]), judges=judges), agreements=agreements)
    rule = rule_of("judge", facts, judge=0.8)
    assert (rule.verdict, rule.needed, rule.seen) == (verdict, "judges agree with people ≥ 80.0 %", seen)
    command = "agent-deploy evals calibrate support-triage --judge LABELS"
    assert rule.next_command == ("" if verdict == "passed" else command)
