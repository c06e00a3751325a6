"""The regression rule: not worse than what is live by the margin, case by case."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_deploy.evals.outcomes import Outcomes
from agent_deploy.gates.facts import Baseline
from agent_deploy.gates.nonregression import compare
from agent_deploy.gates.pairs import pair_up
from agent_deploy.gates.verdict import RuleResult
from tests.gates.situations import NEW, OLD, evidence_of, facts_of, outcomes_of, rule_of, table

_DIFF = "agent-deploy evals diff run-old run-new"
_NEEDED = "at most 5.0 points lower"


def _rule(new: Outcomes, old: Outcomes) -> RuleResult:
    return rule_of("regression", facts_of(new, old))


@pytest.mark.parametrize(
    ("both", "lost", "gained", "neither", "verdict", "seen", "why"),
    [
        (60, 0, 0, 0, "passed", "+0.0 points (-4.3 to +4.3) on 60 cases", "0 pass→fail, 0 fail→pass"),
        (280, 10, 10, 0, "passed", "+0.0 points (-2.6 to +2.6) on 300 cases", "10 pass→fail, 10 fail→pass"),
        (940, 33, 20, 7, "passed", "-1.3 points (-2.5 to -0.1) on 1,000 cases",
         "got worse: 33 pass→fail, 20 fail→pass, p = 0.049"),
        (80, 12, 1, 7, "failed", "-11.0 points (-17.5 to -5.8) on 100 cases",
         "clearly beyond the margin; got worse: 12 pass→fail, 1 fail→pass, p = 0.0017"),
        (58, 1, 1, 0, "inconclusive", "+0.0 points (-5.7 to +5.7) on 60 cases",
         "too little to tell: more cases would; 1 pass→fail, 1 fail→pass"),
        (51, 0, 0, 0, "inconclusive", "+0.0 points (-5.0 to +5.0) on 51 cases",
         "51 cases cannot show it whatever the outcome: 52 are needed; 0 pass→fail, 0 fail→pass"),
        (5, 15, 0, 0, "failed", "-75.0 points (-87.3 to -54.1) on 20 cases",
         "clearly beyond the margin; got worse: 15 pass→fail, 0 fail→pass, p = 3.1e-05"),
        (10, 0, 10, 0, "passed", "+50.0 points (+32.1 to +67.3) on 20 cases", "0 pass→fail, 10 fail→pass"),
    ],
    ids=["flawless", "as many lost as gained", "a little worse, within the margin", "much worse", "too little to tell",
         "too few whatever the outcome", "few, and clearly worse all the same", "few, and clearly better"],
)  # fmt: skip
def test_worked_examples(both: int, lost: int, gained: int, neither: int, verdict: str, seen: str, why: str) -> None:
    command = "" if verdict == "passed" else _DIFF
    expected = RuleResult("regression", verdict, _NEEDED, seen, why, command)  # type: ignore[arg-type]
    assert _rule(*table(both, lost, gained, neither)) == expected


def test_with_nothing_live_there_is_nothing_to_be_worse_than() -> None:
    rule = rule_of("regression", facts_of(outcomes_of(["P"])))
    assert rule == RuleResult("regression", "passed", _NEEDED, "nothing is live to compare with")


def test_what_is_live_already_is_no_worse_than_itself() -> None:
    facts = facts_of(outcomes_of(["P", "F"]), baseline=Baseline(42, NEW))
    assert rule_of("regression", facts) == RuleResult("regression", "passed", _NEEDED, "it is what is live")


@pytest.mark.parametrize("case", ["no run", "on another set", "of another digest"])
def test_without_a_run_of_what_is_live_it_is_asked_for(case: str) -> None:
    new, old = table(both=60)
    found = {
        "no run": None,
        "on another set": evidence_of(old, OLD, set_digest="sha256:before"),
        "of another digest": evidence_of(old, "sha256:third"),
    }[case]
    facts = facts_of(new, baseline=Baseline(41, OLD), baseline_evidence=found)
    assert rule_of("regression", facts) == RuleResult(
        "regression", "inconclusive", _NEEDED, "no run of support-triage@41",
        "what is live has no finished run on this set", "agent-deploy eval support-triage@41",
    )  # fmt: skip


def test_a_baseline_full_of_errors_is_nothing_to_compare_with() -> None:
    new, old = outcomes_of(["P"] * 60), outcomes_of(["E"] * 6 + ["P"] * 54)
    assert _rule(new, old) == RuleResult(
        "regression", "inconclusive", _NEEDED, "unknown", "10.0 % errors in the run of support-triage@41",
        "agent-deploy eval support-triage@41",
    )  # fmt: skip


def test_an_error_never_leaves_the_denominator_and_never_helps() -> None:
    new = outcomes_of(["E", "P", "E", "P", "F"])
    old = outcomes_of(["P", "E", "E", "P", "E"])
    pairs = pair_up(new, old)
    assert (pairs.cases, pairs.differences, pairs.lost, pairs.gained) == (5, (-1.0, 0.0, 0.0, 0.0, 0.0), 1.0, 0.0)


def test_repeats_are_counted_by_their_mean() -> None:
    pairs = pair_up(outcomes_of(["PPFF", "PPPP", "FFFF"]), outcomes_of(["PPPP", "PPPF", "FFFF"]))
    assert pairs.differences == (-0.5, 0.25, 0.0)
    assert (pairs.lost, pairs.gained, pairs.worse, pairs.better) == (0.5, 0.25, 1, 1)


def test_only_cases_that_both_runs_have_are_paired() -> None:
    new, old = outcomes_of(["P", "F", "P"]), outcomes_of(["F", "P"])
    old = replace(old, cases=("case-00002", "case-00001"))
    assert pair_up(new, old).differences == (-1.0, 1.0)


def test_repeats_that_agree_do_not_stand_in_for_cases() -> None:
    new, old = outcomes_of(["PPPPP"] * 51), outcomes_of(["PPPPP"] * 51)
    assert _rule(new, old).verdict == "inconclusive"
    new, old = outcomes_of(["PPPPP"] * 52), outcomes_of(["PPPPP"] * 52)
    assert _rule(new, old).verdict == "passed"


def test_cases_of_one_cluster_count_as_one() -> None:
    status, old = ["F"] * 6 + ["P"] * 294, outcomes_of(["P"] * 300)
    assert _rule(outcomes_of(status), old).verdict == "passed"
    rule = _rule(outcomes_of(status, clusters=[f"group {place // 25}" for place in range(300)]), old)
    assert (rule.verdict, rule.seen, rule.why) == (
        "inconclusive",
        "-2.0 points (-5.6 to +1.6) on 300 cases",
        "too little to tell, as cases of one cluster count as one; got worse: 6 pass→fail, 0 fail→pass, p = 0.016",
    )


def test_when_every_case_is_of_one_cluster_nothing_can_be_told() -> None:
    new = outcomes_of(["P"] * 60, clusters=["all"] * 60)
    rule = _rule(new, outcomes_of(["P"] * 60))
    assert (rule.verdict, rule.seen) == ("inconclusive", "+0.0 points (-100.0 to +100.0) on 60 cases")


_LETTERS = st.text("PFE", min_size=3, max_size=3)
_CASES = st.lists(st.tuples(_LETTERS, _LETTERS, st.sampled_from(["", "a", "b"])), min_size=1, max_size=120)


@settings(deadline=None)  # the machine may be busy
@given(cases=_CASES, where=st.integers(0, 119), repeat=st.integers(0, 2))
def test_one_more_pass_never_turns_passed_into_failed(
    cases: list[tuple[str, str, str]], where: int, repeat: int
) -> None:
    old, clusters = outcomes_of([before for _, before, _ in cases]), [cluster for _, _, cluster in cases]
    status, place = [now for now, _, _ in cases], where % len(cases)
    before = compare(pair_up(outcomes_of(status, clusters=clusters), old), 0.2)[0]
    status[place] = status[place][:repeat] + "P" + status[place][repeat + 1 :]
    after = compare(pair_up(outcomes_of(status, clusters=clusters), old), 0.2)[0]
    assert (before, after) != ("passed", "failed")
