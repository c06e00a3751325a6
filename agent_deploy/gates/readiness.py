"""Rules on what is on record about a version: its run, where it was live, who approved it, and the time of day."""

from __future__ import annotations

from datetime import UTC, timedelta

from agent_deploy.gates.facts import Facts, Missing
from agent_deploy.gates.freeze import frozen_until
from agent_deploy.gates.policy import Policy
from agent_deploy.gates.verdict import RuleResult
from agent_deploy.gates.words import count, span


def evidence(facts: Facts) -> RuleResult:
    """There is a finished run of this digest, on the set on record. Otherwise nobody knows: inconclusive."""
    needed, found = f"a run of version {facts.candidate.version}", facts.usable
    if found is None:
        return RuleResult("evidence", "inconclusive", needed, *_missing(facts))
    started = found.run.started
    repeats = f" × {started.repeats}" if started.repeats > 1 else ""
    return RuleResult("evidence", "passed", needed, f"{started.id}: {count(started.cases, 'case')}{repeats}")


def _missing(facts: Facts) -> tuple[str, str, str]:
    """What is there instead of evidence, why it does not do, and what makes some."""
    missing, anew = facts.missing or Missing("no_run"), f"agent-deploy eval {facts.candidate.ref}"
    stray = facts.evidence.run.started if facts.evidence else None
    if stray:  # handed in, yet not bound to this candidate: go by what it is bound to
        missing = Missing("other_set" if stray.digest == facts.candidate.digest else "other_digest", stray.id)
    seen = missing.run or "none"
    if missing.why == "running":
        return seen, "it is not finished: still running, or cut off", f"{anew} --resume {missing.run}"
    why = {
        "no_set": f"{facts.candidate.workflow} has no eval set on record yet",
        "no_run": "it was never evaluated",
        "other_digest": "that run is of another version",
        "other_set": "that run is on another eval set than the one on record",
    }
    return seen, why[missing.why], anew


def environment(policy: Policy, facts: Facts) -> RuleResult | None:
    """It was live in the required environment, and long enough in all."""
    required, stay = policy.require_environment, facts.stay
    if required is None:
        return None
    rule, needed = "environment", f"live in {required.name}"
    if required.at_least:
        needed += f" for {span(required.at_least)}"
    if stay is None:
        to_go = f"agent-deploy promote {facts.candidate.workflow} --version {facts.candidate.version}"
        why = f"it was never live in {required.name}"
        return RuleResult(rule, "failed", needed, "never", why, f"{to_go} --env {required.name}")
    seen = f"for {span(stay.lasted)}, first on {stay.first_at.astimezone(UTC):%Y-%m-%d}"
    if stay.lasted < required.at_least:
        return RuleResult(rule, "failed", needed, seen, f"{span(required.at_least - stay.lasted)} short")
    return RuleResult(rule, "passed", needed, seen)


def approvals(policy: Policy, facts: Facts) -> RuleResult | None:
    """Enough people approved it; who registered it does not count."""
    if not policy.require_approvals:
        return None
    registrar, approvers = facts.candidate.registrar, dict.fromkeys(approval.actor for approval in facts.approvals)
    people = [actor for actor in approvers if actor != registrar]
    needed = count(policy.require_approvals, "approval")
    seen = f"{len(people)}: {', '.join(people)}" if people else "none"
    own = f"{registrar} registered it and does not count" if registrar in approvers else ""
    missing = policy.require_approvals - len(people)
    if missing <= 0:
        return RuleResult("approvals", "passed", needed, seen, own)
    command = f"agent-deploy approve {facts.candidate.workflow} --version {facts.candidate.version}"
    why = own or f"{missing} missing"
    return RuleResult("approvals", "failed", needed, seen, why, f"{command} --env {facts.environment}")


def drill(policy: Policy, facts: Facts) -> RuleResult | None:
    """The way back from the environment was shown to work lately. There is none while one version at most was live."""
    required, last = policy.max_drill_age, facts.drill
    if required is None:
        return None
    rule, needed = "drill", f"one that succeeded within {span(required.within)}"
    if not facts.could_roll_back:
        return RuleResult(rule, "passed", needed, "nothing to roll back to yet")
    command = f"agent-deploy drill run {facts.candidate.workflow} --env {facts.environment}"
    if last is None:
        return RuleResult(rule, "failed", needed, "none", "no drill that counts ever succeeded there", command)
    age = facts.now - last.ended_at
    seen = f"{last.id}, {span(max(age, timedelta()))} ago"
    if age > required.within:
        return RuleResult(rule, "failed", needed, seen, f"{span(age - required.within)} too old", command)
    return RuleResult(rule, "passed", needed, seen)


def frozen(policy: Policy, facts: Facts) -> RuleResult | None:
    """No freeze window is open now."""
    if not policy.freeze:
        return None
    found = frozen_until(policy.freeze, facts.now)
    if found is None:
        return RuleResult("freeze", "passed", "no freeze", "none now")
    window, until = found
    seen = f"frozen until {until.astimezone(UTC):%Y-%m-%d %H:%M}Z"
    return RuleResult("freeze", "failed", "no freeze", seen, window.reason or "a rollback is still possible")
