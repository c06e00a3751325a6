"""Rules on the candidate's own run: errors, critical cases, pass rate, age, and the judges that it relied on."""

from __future__ import annotations

from agent_deploy.gates.facts import Evidence, Facts
from agent_deploy.gates.policy import Policy
from agent_deploy.gates.verdict import RuleResult
from agent_deploy.gates.words import count, named, span
from agent_deploy.wording import percent

# A rate that was written as 0.07 is not missed by 7 of 100 for the last bit of a float.
_ROUNDING = 1e-12


def errors(policy: Policy, facts: Facts, found: Evidence) -> RuleResult:
    """Few enough results are errors. They are neither passes nor failures: too many, and nothing can be said."""
    run = found.run
    needed, seen = (
        f"≤ {percent(policy.max_error_rate)}",
        f"{percent(run.error_rate)} ({run.errored:,} of {run.total:,})",
    )
    if run.error_rate <= policy.max_error_rate + _ROUNDING:
        return RuleResult("errors", "passed", needed, seen)
    why = "errors are neither passes nor failures"
    return RuleResult("errors", "inconclusive", needed, seen, why, _again(facts))


def critical(policy: Policy, facts: Facts, found: Evidence) -> RuleResult | None:
    """Every critical case passed in every repeat."""
    if not policy.critical:
        return None
    rows = zip(found.outcomes.cases, found.outcomes.status, found.outcomes.critical, strict=True)
    letters = {case: status for case, status, is_critical in rows if is_critical}
    failed = [case for case, status in letters.items() if "F" in status]
    errored = [case for case, status in letters.items() if "E" in status and case not in failed]
    needed = "critical cases pass, every repeat"
    seen = f"{len(letters) - len(failed) - len(errored)} of {len(letters)}" if letters else "no case is critical"
    if failed:
        command = f"agent-deploy evals show {found.run.started.id} --failed"
        return RuleResult("critical", "failed", needed, seen, f"failed: {named(failed)}", command)
    if errored:
        return RuleResult("critical", "inconclusive", needed, seen, f"errored: {named(errored)}", _again(facts))
    return RuleResult("critical", "passed", needed, seen)


def pass_rate(policy: Policy, facts: Facts, found: Evidence) -> RuleResult | None:
    """The rate that was observed is high enough. Where only the errors stand between, nothing can be said."""
    least, run = policy.min_pass_rate, found.run
    if least is None:
        return None
    low, high = run.interval
    seen = f"{percent(run.pass_rate)} of {run.total:,} ({100 * low:.1f} to {percent(high)})"
    needed = f"≥ {percent(least)}"
    if run.pass_rate + _ROUNDING >= least:
        return RuleResult("pass_rate", "passed", needed, seen)
    if run.pass_rate + run.error_rate + _ROUNDING >= least:
        why = f"{count(run.errored, 'error')} could make the difference"
        return RuleResult("pass_rate", "inconclusive", needed, seen, why, _again(facts))
    command = f"agent-deploy evals show {run.started.id} --failed"
    return RuleResult("pass_rate", "failed", needed, seen, f"{run.failed:,} failed", command)


def age(policy: Policy, facts: Facts, found: Evidence) -> RuleResult | None:
    """The run is recent enough: models and the world behind a version change without it."""
    if policy.max_age is None:
        return None
    old = facts.now - found.run.finished_at
    needed, seen = f"≤ {span(policy.max_age)} old", f"{span(old)} old"
    if old <= policy.max_age:
        return RuleResult("age", "passed", needed, seen)
    return RuleResult("age", "inconclusive", needed, seen, "the run is too old", _again(facts))


def judge(policy: Policy, facts: Facts, found: Evidence) -> RuleResult | None:
    """Every judge that scored the run has been held against people's labels, and agreed often enough."""
    if policy.judge is None:
        return None
    needed, judges = f"judges agree with people ≥ {percent(policy.judge)}", found.run.started.judges
    seen = [_agreement(name, facts.agreements.get(digest)) for name, digest in sorted(judges.items())]
    agreements = [facts.agreements.get(digest) for digest in judges.values()]
    told = "; ".join(seen) or "no judge took part"
    if all(agreement is not None and agreement >= policy.judge - _ROUNDING for agreement in agreements):
        return RuleResult("judge", "passed", needed, told)
    why = "its judgements are not proven" if None in agreements else "it agrees with people too seldom"
    command = f"agent-deploy evals calibrate {facts.candidate.workflow} --judge LABELS"
    return RuleResult("judge", "inconclusive", needed, told, why, command)


def _agreement(name: str, agreement: float | None) -> str:
    return f"{name}: {'not calibrated' if agreement is None else percent(agreement)}"


def _again(facts: Facts) -> str:
    return f"agent-deploy eval {facts.candidate.ref}"
