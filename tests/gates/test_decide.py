"""The verdict over all rules, and its JSON."""

from __future__ import annotations

import json
import random
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_deploy.gates.facts import Baseline, Missing
from agent_deploy.gates.freeze import FreezeWindow
from agent_deploy.gates.policy import Policy, RequiredEnvironment
from agent_deploy.gates.rules import decide
from agent_deploy.gates.verdict import Gate, RuleResult, Verdict, gate_document, overall
from tests.gates.situations import LIVE, OLD, facts_of, outcomes_of, table

_STRICT = Policy(
    min_pass_rate=0.9, max_cost_increase=0.2, max_latency_increase=0.2, max_age=timedelta(days=14),
    require_environment=RequiredEnvironment("staging"), require_approvals=1,
    freeze=(FreezeWindow("0 0 1 1 *", timedelta(days=1)),), judge=0.8,
)  # fmt: skip


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([], "passed"),
        (["passed", "passed"], "passed"),
        (["passed", "inconclusive"], "inconclusive"),
        (["failed", "inconclusive", "passed"], "failed"),
    ],
)
def test_failed_outweighs_inconclusive_outweighs_passed(verdicts: list[Verdict], expected: Verdict) -> None:
    assert overall(RuleResult("x", verdict, "", "") for verdict in verdicts) == expected


def test_only_rules_that_the_policy_states_appear_and_in_one_order() -> None:
    facts = facts_of(*table(both=60))
    assert [rule.rule for rule in decide(Policy(), facts).rules] == ["evidence", "errors", "critical", "regression"]
    bare = Policy(critical=False, max_regression=None)
    assert [rule.rule for rule in decide(bare, facts).rules] == ["evidence", "errors"]
    assert [rule.rule for rule in decide(_STRICT, facts).rules] == [
        "evidence", "errors", "critical", "pass_rate", "regression", "cost", "latency", "age", "environment",
        "approvals", "freeze", "judge",
    ]  # fmt: skip


def test_without_evidence_the_first_line_says_so_and_rules_on_it_are_left_out() -> None:
    gate = decide(_STRICT, facts_of(None, missing=Missing("no_run")))
    told = [(rule.rule, rule.verdict) for rule in gate.rules]
    assert told == [
        ("evidence", "inconclusive"), ("environment", "failed"), ("approvals", "failed"), ("freeze", "passed")
    ]  # fmt: skip
    assert (gate.verdict, gate.runs) == ("failed", ())
    assert decide(Policy(), facts_of(None)).verdict == "inconclusive"


def test_where_no_gate_is_required_anything_passes() -> None:
    policy = Policy(required=False, min_pass_rate=1.0)
    facts = facts_of(outcomes_of(["F"]))
    assert decide(policy, facts) == Gate("passed", (), None, ("run-new",), policy.digest)


def test_a_gate_says_what_it_went_by() -> None:
    gate = decide(Policy(), facts_of(*table(both=60)))
    assert (gate.baseline, gate.runs) == (
        {"version": 41, "digest": OLD, "run": "run-old"},
        ("run-new", "run-old"),
    )
    unevaluated = decide(Policy(), facts_of(outcomes_of(["P"]), baseline=LIVE))
    assert (unevaluated.baseline, unevaluated.runs) == ({"version": 41, "digest": OLD, "run": None}, ("run-new",))


def test_the_json_of_a_gate() -> None:
    policy = Policy(critical=False)
    gate = decide(policy, facts_of(outcomes_of(["P"] * 60), baseline=Baseline(41, OLD)))
    assert json.loads(json.dumps(gate_document(gate))) == {
        "verdict": "inconclusive",
        "rules": [
            {"rule": "evidence", "verdict": "passed", "needed": "a run of version 42", "seen": "run-new: 60 cases",
             "why": "", "next_command": ""},
            {"rule": "errors", "verdict": "passed", "needed": "≤ 2.0 %", "seen": "0.0 % (0 of 60)", "why": "",
             "next_command": ""},
            {"rule": "regression", "verdict": "inconclusive", "needed": "at most 5.0 points lower",
             "seen": "no run of support-triage@41", "why": "what is live has no finished run on this set",
             "next_command": "agent-deploy eval support-triage@41"},
        ],
        "baseline": {"version": 41, "digest": OLD, "run": None},
        "runs": ["run-new"],
        "call_costs": None,
        "policy_digest": policy.digest,
    }  # fmt: skip


_RUNS = st.integers(1, 80).flatmap(
    lambda cases: st.tuples(*[st.lists(st.sampled_from("PPPPFE"), min_size=cases, max_size=cases)] * 2)
)


@settings(deadline=None, max_examples=50)  # the machine may be busy
@given(runs=_RUNS)
def test_a_verdict_is_a_function_of_policy_and_facts(runs: tuple[list[str], list[str]]) -> None:
    new, old = (outcomes_of(letters) for letters in runs)
    assert decide(_STRICT, facts_of(new, old)) == decide(_STRICT, facts_of(new, old))


@settings(deadline=None, max_examples=50)  # the machine may be busy
@given(runs=_RUNS, where=st.integers(0, 79))
def test_one_more_pass_never_turns_a_passed_rule_into_a_failed_one(
    runs: tuple[list[str], list[str]], where: int
) -> None:
    letters, old = runs[0], outcomes_of(runs[1])
    better = [*letters]
    better[where % len(better)] = "P"
    policy = Policy(min_pass_rate=0.8)
    before = decide(policy, facts_of(outcomes_of(letters, critical=3), old)).rules
    after = decide(policy, facts_of(outcomes_of(better, critical=3), old)).rules
    verdicts = zip((rule.verdict for rule in before), (rule.verdict for rule in after), strict=True)
    assert ("passed", "failed") not in set(verdicts)


@pytest.mark.slow
def test_ten_thousand_cases_of_five_repeats_are_decided_by_every_rule() -> None:
    source, cases = random.Random(4), 10_000

    def run(share: float) -> list[str]:
        return ["".join(source.choices("PF", (share, 1 - share), k=5)) for _ in range(cases)]

    noise = [source.lognormvariate(0, 1) for _ in range(cases)]
    clusters = [f"group {place // 4}" for place in range(cases)]
    new = outcomes_of(run(0.93), clusters=clusters, cost=noise, latency=noise)
    old = outcomes_of(run(0.92), cost=noise, latency=noise)
    gate = decide(_STRICT, facts_of(new, old))
    assert {rule.rule: rule.verdict for rule in gate.rules if rule.verdict != "passed"} == {
        "environment": "failed",
        "approvals": "failed",
    }
