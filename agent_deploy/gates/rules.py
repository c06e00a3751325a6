"""The gate's rules, each a small pure function of policy and facts; `decide` asks those that the policy states."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agent_deploy.gates.call_costs import call_cost, call_costs_document
from agent_deploy.gates.comparison import cost, latency, regression
from agent_deploy.gates.facts import Evidence, Facts
from agent_deploy.gates.policy import Policy
from agent_deploy.gates.quality import age, critical, errors, judge, pass_rate
from agent_deploy.gates.readiness import approvals, drill, environment, evidence, frozen
from agent_deploy.gates.verdict import Gate, RuleResult, overall

# None: the policy states no such rule.
_OnEvidence = Callable[[Policy, Facts, Evidence], RuleResult | None]
_ON_EVIDENCE: tuple[_OnEvidence, ...] = (errors, critical, pass_rate, regression, cost, latency, age)
_OnRecord = Callable[[Policy, Facts], RuleResult | None]
_ON_RECORD: tuple[_OnRecord, ...] = (call_cost, environment, approvals, drill, frozen)


def decide(policy: Policy, facts: Facts) -> Gate:
    """The verdict on a candidate: passed, with no rule, where none is required. The same facts, the same verdict.

    Without evidence the rules that would read it are left out: the first line says what is missing.
    """
    rules = tuple(_rules(policy, facts)) if policy.required else ()
    runs = dict.fromkeys(found.run.started.id for found in (facts.usable, facts.usable_baseline) if found)
    costs = call_costs_document(policy, facts) if policy.required else None
    return Gate(overall(rules), rules, _baseline(facts), tuple(runs), policy.digest, costs)


def _rules(policy: Policy, facts: Facts) -> list[RuleResult]:
    found = facts.usable
    answers: list[RuleResult | None] = [evidence(facts)]
    if found:
        answers += [rule(policy, facts, found) for rule in _ON_EVIDENCE]
    answers += [rule(policy, facts) for rule in _ON_RECORD]
    if found:
        answers.append(judge(policy, facts, found))
    return [answer for answer in answers if answer]


def _baseline(facts: Facts) -> dict[str, Any] | None:
    if facts.baseline is None:
        return None
    found = facts.usable_baseline
    run = found.run.started.id if found else None
    return {"version": facts.baseline.version, "digest": facts.baseline.digest, "run": run}
