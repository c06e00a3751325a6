"""The rule that holds what calls cost against what those of the live version cost, both in one environment.

The fair delta (`costs.compare`) has said what the ratio is and how sure; here it is held against the policy's limit.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from agent_deploy.costs.compare import CostDelta, calls_to_tell
from agent_deploy.gates.comparison import against, no_two
from agent_deploy.gates.facts import Facts
from agent_deploy.gates.policy import CostFrom, Policy
from agent_deploy.gates.verdict import RuleResult
from agent_deploy.gates.words import span
from agent_deploy.statistics.bootstrap import Ratio
from agent_deploy.wording import percent
from registry.times import to_text


def call_cost(policy: Policy, facts: Facts) -> RuleResult | None:
    """A call does not cost much more than with the live version, at the same prices and over the same mix.

    inconclusive where there are too few calls to believe the interval: unknown is not zero. Where it can be believed
    the limit decides, be it open which of the two is dearer.
    """
    limit, wanted = policy.max_cost_increase, policy.cost_from
    if limit is None or wanted is None:
        return None
    rule, needed = "cost", f"≤ +{percent(limit)} a call in {wanted.name}"
    needless = no_two(rule, needed, facts)
    if needless:
        return needless
    found = facts.usable_call_costs
    if found is None or found.delta is None:
        why = found.unread if found else "no costs of these two versions were read"
        return RuleResult(rule, "inconclusive", needed, "unknown", why, _look(facts, wanted))
    delta = found.delta
    if not delta.enough:
        return RuleResult(rule, "inconclusive", needed, _calls(delta), delta.why, _more_calls(facts, wanted, delta))
    held = against(rule, needed, limit, _ratio(delta), _calls(delta), _undecided(delta, limit))
    return held if held.verdict == "passed" else replace(held, next_command=_look(facts, wanted))


def call_costs_document(policy: Policy, facts: Facts) -> dict[str, Any] | None:
    """What the rule went by, as a JSON object; None where it is not asked, or nothing could be compared."""
    found = facts.usable_call_costs if policy.cost_from else None
    if found is None or found.delta is None:
        return None
    delta = found.delta
    return {
        "environment": found.environment,
        "since": to_text(found.since),
        "until": to_text(found.until),
        "from": delta.from_version,
        "to": delta.to_version,
        "calls": {"from": delta.calls_from.total, "to": delta.calls_to.total},
        "enough": delta.enough,
        "ratio": delta.ratio,
        "low": delta.low,
        "high": delta.high,
        "verdict": delta.verdict,
        "prices": found.prices,
    }


def _ratio(delta: CostDelta) -> Ratio:
    """With its interval; where one of the two cost nothing, and there is none, the ratio that every sample has."""
    if delta.ratio is not None and delta.low is not None and delta.high is not None:
        return Ratio(delta.ratio, delta.low, delta.high)
    value = 1.0 if delta.to_usd == delta.from_usd else math.inf if delta.to_usd else 0.0
    return Ratio(value, value, value)


def _calls(delta: CostDelta) -> str:
    """`4,800 calls against 5,000`."""
    return f"{delta.calls_to.total:,} calls against {delta.calls_from.total:,}"


def _undecided(delta: CostDelta, limit: float) -> str:
    enough = calls_to_tell(delta, 1 + limit)
    return f"about {enough:,} calls of each would tell" if enough else "it is too near to it to tell"


def _more_calls(facts: Facts, wanted: CostFrom, delta: CostDelta) -> str:
    """What makes calls of a version that has none there; else the command that shows what is lacking."""
    for version, calls in ((delta.to_version, delta.calls_to), (delta.from_version, delta.calls_from)):
        if not calls.total:
            return f"agent-deploy promote {facts.candidate.workflow} --version {version} --env {wanted.name}"
    return _look(facts, wanted)


def _look(facts: Facts, wanted: CostFrom) -> str:
    """The command that shows the same comparison, with what drives it."""
    old = facts.baseline.version if facts.baseline else ""
    versions = f"{old} {facts.candidate.version} --env {wanted.name} --since {span(wanted.within)}"
    return f"agent-deploy cost {facts.candidate.workflow} --compare {versions}"
