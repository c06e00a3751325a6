"""Rules that hold the candidate's run against that of the version now live, case by case.

Each is decided one-sided at 5 %: passed when the interval lies wholly on the good side of the limit, failed when wholly
on the bad side, inconclusive otherwise.
"""

from __future__ import annotations

from collections.abc import Callable

from agent_deploy.evals.runs import Run
from agent_deploy.gates.facts import Evidence, Facts
from agent_deploy.gates.nonregression import compare
from agent_deploy.gates.pairs import known_costs, known_latencies, pair_up
from agent_deploy.gates.policy import Policy
from agent_deploy.gates.verdict import RuleResult
from agent_deploy.gates.words import change, count, named
from agent_deploy.statistics.bootstrap import Ratio, mean_ratio, percentile_ratio
from agent_deploy.wording import percent

# With fewer cases a bootstrap interval is too narrow to be believed, and a 95th percentile is just the largest value.
FEWEST_CASES = 20


def regression(policy: Policy, facts: Facts, found: Evidence) -> RuleResult | None:
    """The pass rate is not lower than that of the live version by the margin."""
    margin = policy.max_regression
    if margin is None:
        return None
    rule, needed, old = "regression", f"at most {100 * margin:.1f} points lower", facts.usable_baseline
    if old is None or _is_live(facts):
        return _nothing_to_compare(rule, needed, facts)
    if old.run.error_rate > policy.max_error_rate:
        why = f"{percent(old.run.error_rate)} errors in the run of {facts.live_ref}"
        return RuleResult(rule, "inconclusive", needed, "unknown", why, f"agent-deploy eval {facts.live_ref}")
    verdict, seen, why = compare(pair_up(found.outcomes, old.outcomes), margin)
    changed = f"agent-deploy evals diff {old.run.started.id} {found.run.started.id}"
    return RuleResult(rule, verdict, needed, seen, why, "" if verdict == "passed" else changed)


def cost(policy: Policy, facts: Facts, found: Evidence) -> RuleResult | None:
    """A case does not cost much more than with the live version, in the mean."""
    limit = policy.max_cost_increase
    if limit is None or policy.cost_from is not None:
        return None
    rule, needed, old = "cost", f"≤ +{percent(limit)} a case", facts.usable_baseline
    if old is None or _is_live(facts):
        return _nothing_to_compare(rule, needed, facts)
    for ref, run in ((facts.candidate.ref, found.run), (facts.live_ref, old.run)):
        if run.cost_usd is None:
            return RuleResult(rule, "inconclusive", needed, "unknown", f"{ref}: {_unknown_cost(run)}")
    new_costs, old_costs = known_costs(found.outcomes, old.outcomes)
    return _held(rule, needed, limit, len(new_costs), lambda: mean_ratio(new_costs, old_costs))


def latency(policy: Policy, facts: Facts, found: Evidence) -> RuleResult | None:
    """The slowest twentieth of the answers does not take much longer than with the live version."""
    limit = policy.max_latency_increase
    if limit is None:
        return None
    rule, needed, old = "latency", f"p95 ≤ +{percent(limit)}", facts.usable_baseline
    if old is None or _is_live(facts):
        return _nothing_to_compare(rule, needed, facts)
    new_ms, old_ms = known_latencies(found.outcomes, old.outcomes)
    return _held(rule, needed, limit, len(new_ms), lambda: percentile_ratio(new_ms, old_ms))


def _held(rule: str, needed: str, limit: float, cases: int, ratio_of: Callable[[], Ratio]) -> RuleResult:
    """A ratio of paired cases, held against the limit of its increase."""
    if cases < FEWEST_CASES:
        why = f"too few to compare: {FEWEST_CASES} are needed"
        return RuleResult(rule, "inconclusive", needed, count(cases, "case"), why)
    ratio = ratio_of()
    return against(rule, needed, limit, ratio, count(cases, "case"), "more cases would tell")


def against(rule: str, needed: str, limit: float, ratio: Ratio, on: str, undecided: str) -> RuleResult:
    """A ratio's interval, held against the limit of its increase. on: what it rests on; undecided: what would help."""
    seen = f"{change(ratio.value)} % ({change(ratio.low)} to {change(ratio.high)}) on {on}"
    if ratio.high <= 1 + limit:
        return RuleResult(rule, "passed", needed, seen)
    if ratio.low > 1 + limit:
        return RuleResult(rule, "failed", needed, seen, "clearly above the limit")
    return RuleResult(rule, "inconclusive", needed, seen, f"the limit lies within the interval: {undecided}")


def no_two(rule: str, needed: str, facts: Facts) -> RuleResult | None:
    """The answer where there is no other version to compare with; None where there is."""
    if facts.baseline is None:
        return RuleResult(rule, "passed", needed, "nothing is live to compare with")
    return RuleResult(rule, "passed", needed, "it is what is live") if _is_live(facts) else None


def _is_live(facts: Facts) -> bool:
    return facts.baseline is not None and facts.baseline.digest == facts.candidate.digest


def _nothing_to_compare(rule: str, needed: str, facts: Facts) -> RuleResult:
    """The answer where no two versions can be compared: for good reason, or for want of a run."""
    needless = no_two(rule, needed, facts)
    if needless:
        return needless
    seen, why = f"no run of {facts.live_ref}", "what is live has no finished run on this set"
    return RuleResult(rule, "inconclusive", needed, seen, why, f"agent-deploy eval {facts.live_ref}")


def _unknown_cost(run: Run) -> str:
    if run.unpriced:
        return f"no price is known for {named(list(run.unpriced))}"
    return "the agent does not say which tokens it used"
