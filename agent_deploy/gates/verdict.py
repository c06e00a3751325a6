"""What a gate says: a verdict, and one line a rule."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

# inconclusive: the evidence says neither that the rule holds nor that it does not. It does not pass.
Verdict = Literal["passed", "failed", "inconclusive"]


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule: what the policy needs, what was seen, why the verdict is what it is, and what to type about it."""

    rule: str
    verdict: Verdict
    needed: str
    seen: str
    why: str = ""
    next_command: str = ""


@dataclass(frozen=True, slots=True)
class Gate:
    """The verdict over all rules.

    baseline: version, digest and run of what was live, as a JSON object; None when nothing was. runs: ids of the runs
    gone by, the candidate's first. call_costs: the comparison of calls gone by, as a JSON object; None without one.
    """

    verdict: Verdict
    rules: tuple[RuleResult, ...]
    baseline: dict[str, Any] | None
    runs: tuple[str, ...]
    policy_digest: str
    call_costs: dict[str, Any] | None = None


def overall(rules: Iterable[RuleResult]) -> Verdict:
    """failed if any rule failed; else inconclusive if any is; else passed."""
    verdicts = {rule.verdict for rule in rules}
    if "failed" in verdicts:
        return "failed"
    return "inconclusive" if "inconclusive" in verdicts else "passed"


def gate_document(gate: Gate) -> dict[str, Any]:
    """The gate as a JSON object: `verdict rules baseline runs call_costs policy_digest`."""
    return {
        "verdict": gate.verdict,
        "rules": [_rule_document(rule) for rule in gate.rules],
        "baseline": gate.baseline,
        "runs": list(gate.runs),
        "call_costs": gate.call_costs,
        "policy_digest": gate.policy_digest,
    }


def _rule_document(rule: RuleResult) -> dict[str, str]:
    names = ("rule", "verdict", "needed", "seen", "why", "next_command")
    return {name: getattr(rule, name) for name in names}
