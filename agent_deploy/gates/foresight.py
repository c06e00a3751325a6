"""What a gate can say at all of a set of cases, told before the run is paid for."""

from __future__ import annotations

from agent_deploy.gates.comparison import FEWEST_CASES
from agent_deploy.gates.nonregression import too_few
from agent_deploy.gates.policy import Policy
from agent_deploy.gates.words import count
from agent_deploy.statistics.power import DISCORDANCE, detectable_change, smallest_passing_n


def possible(policy: Policy, cases: int, repeats: int, baseline: bool, failing: float = 0.0) -> list[str]:
    """Why no outcome on so many cases could pass the policy; empty when one could.

    baseline: whether another version is live, to be compared with. failing: how many cases it fails, by its run on
    this set; 0 while that is not known, for then a version may have nothing to gain.
    """
    if not (policy.required and baseline):
        return []
    reasons = []
    if policy.max_regression is not None and too_few(cases, policy.max_regression, failing):
        reasons.append(_too_few_for_margin(policy.max_regression, cases, repeats))
    by_cases = ("max_latency_increase",) if policy.cost_from else ("max_cost_increase", "max_latency_increase")
    for key in by_cases:
        if getattr(policy, key) is not None and cases < FEWEST_CASES:
            reasons.append(f"{key} compares {FEWEST_CASES} cases or more, and there are {cases}")
    return reasons


def _too_few_for_margin(margin: float, cases: int, repeats: int) -> str:
    enough = smallest_passing_n(margin)
    if enough is None:
        return "max_regression = 0 lets only a clearly better version pass, and there may be nothing left to better"
    instead = " (repeats do not stand in for cases)" if repeats > 1 else ""
    return (
        f"{count(cases, 'case')} cannot show that a version is at most {100 * margin:.1f} points worse: "
        f"one that loses none of them passes from {enough} cases on{instead}"
    )


def detectable(cases: int) -> str:
    """The smallest change that so many cases show, in words."""
    change = detectable_change(cases)
    return (
        f"{count(cases, 'case')} can show a change of {100 * change:.1f} points or more "
        f"(found four times in five, when {DISCORDANCE:.0%} of the cases end differently)"
    )
