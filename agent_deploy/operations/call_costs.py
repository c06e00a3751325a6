"""What the gate reads of calls, before the transaction that moves the head: the cost of two versions' calls."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from agent_deploy.costs.compare import CallCounts, CostDelta, compare
from agent_deploy.gates.facts import Baseline, CallCosts
from agent_deploy.gates.policy import CostFrom, Policy
from agent_deploy.operations.live_cost import facts_at_hand
from registry.errors import RegistryError
from registry.models import Version

if TYPE_CHECKING:
    from agent_deploy.config import Config
    from agent_deploy.costs.prices import Prices
    from registry.registry import Registry


def read_call_costs(
    registry: Registry, config: Config | None, policy: Policy, target: Version, baseline: Baseline | None, at: datetime
) -> CallCosts | None:
    """How the target's calls compare with the baseline's, in the environment that the policy names, up to now.

    None where the policy asks for no such thing, there are no settings to find facts by, or no two versions. Facts
    that cannot be read are told as such: they must not stop an override. Raises BadConfig for a bad file of prices.
    """
    wanted = policy.cost_from if policy.max_cost_increase is not None else None
    if wanted is None or config is None or baseline is None or baseline.digest == target.digest:
        return None
    from agent_deploy.costs.prices import open_prices

    prices = open_prices(config.prices)
    costs = CallCosts(wanted.name, wanted.since(at), at, None, prices.version)
    try:
        return replace(costs, delta=_delta(registry, config, prices, wanted, target, baseline, at))
    except RegistryError as error:
        return replace(costs, unread=f"the facts of calls cannot be read: {error.message}")


def _delta(
    registry: Registry, config: Config, prices: Prices, wanted: CostFrom, target: Version, baseline: Baseline,
    at: datetime,
) -> CostDelta:  # fmt: skip
    facts = facts_at_hand(registry, config)
    if facts is None:
        return compare(baseline.version, target.number, (), CallCounts(0), CallCounts(0))
    from agent_deploy.operations.cost_delta import fair_delta

    return fair_delta(
        facts, prices, target.workflow, baseline.version, target.number, since=wanted.since(at), until=at,
        environment=wanted.name, digests=(baseline.digest, target.digest), clock=lambda: at,
    )  # fmt: skip
