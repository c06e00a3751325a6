"""What a release changed in cost, as soon as there is data: production's calls for `status`, eval runs beforehand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING

from registry.errors import RegistryError
from registry.models import Release
from registry.times import now

if TYPE_CHECKING:
    from agent_deploy.config import Config
    from agent_deploy.costs.compare import CostDelta
    from agent_deploy.costs.prices import Prices
    from agent_deploy.operations.cost_delta import EvalCostDelta
    from agent_deploy.telemetry.facts.store import FactStore
    from registry.moves import Plan
    from registry.registry import Registry

# Calls of the version before are looked for so long before the release that took it off.
BEFORE = timedelta(days=7)
# Of facts on either side of the release: some hundred thousand calls, and a second. The more there are, the nearer to
# the release those are that are compared; `cost --compare` compares all.
MOST_BYTES = 16 * 1024 * 1024
_WITHIN_S = 3.0


def facts_at_hand(registry: Registry, config: Config) -> FactStore | None:
    """The facts, if there are any: opening what is empty costs as much as opening what is full."""
    from agent_deploy.telemetry.facts.store import FOLDER, FactStore

    if not (config.state / FOLDER).is_dir() and next(iter(registry.store.entries("facts/")), None) is None:
        return None
    return FactStore(registry.store, config.state / FOLDER)


@dataclass(frozen=True, slots=True)
class LiveCost:
    """What is known of the cost of what is live. delta: against the version live before, None without one.

    unpriced: models whose calls have no price (`provider/model`), of the last seven days.
    """

    delta: CostDelta | None
    unpriced: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LiveCosts:
    """By workflow and environment, where there were calls lately. error: why nothing of them can be told.

    untold: how many deltas were left out, for there are so many.
    """

    by_place: Mapping[tuple[str, str], LiveCost]
    error: RegistryError | None = None
    untold: int = 0


def live_costs(
    registry: Registry, config: Config, heads: Iterable[Release], *, clock: Callable[[], datetime] = now
) -> LiveCosts:
    """Of each head. Facts or prices that cannot be read are told of, and cost this answer alone.

    The newest releases first: after some seconds no further delta is worked out.
    """
    there = sorted(heads, key=lambda head: head.released_at, reverse=True)
    try:
        facts = facts_at_hand(registry, config) if there else None
        return LiveCosts({}) if facts is None else _costs(facts, config, there, clock)
    except RegistryError as error:
        return LiveCosts({}, error)


def _costs(facts: FactStore, config: Config, heads: Iterable[Release], clock: Callable[[], datetime]) -> LiveCosts:
    from agent_deploy.costs.prices import open_prices
    from agent_deploy.telemetry.spending.places import read_places

    prices, since, deadline = open_prices(config.prices), clock() - BEFORE, monotonic() + _WITHIN_S
    with closing(facts.connection(since=since)) as connection:
        seen = read_places(connection, prices, (since, None))
    found: dict[tuple[str, str], LiveCost] = {}
    untold = 0
    for head in heads:
        place = (head.workflow, head.environment)
        if place not in seen:
            continue
        delta = None
        if head.previous_version not in (None, head.version):
            if found and monotonic() > deadline:
                untold += 1
            else:
                delta = _delta(facts, prices, head, clock)
        found[place] = LiveCost(delta, seen[place].unpriced)
    return LiveCosts(found, untold=untold)


def _delta(facts: FactStore, prices: Prices, head: Release, clock: Callable[[], datetime]) -> CostDelta:
    from agent_deploy.operations.cost_delta import fair_delta

    before = head.previous_version or 0
    since, until = facts.reach(head.released_at, head.released_at - BEFORE, clock(), MOST_BYTES)
    return fair_delta(
        facts, prices, head.workflow, before, head.version, since=since, until=until, environment=head.environment,
        clock=clock,
    )  # fmt: skip


def expected_cost(registry: Registry, plan: Plan) -> EvalCostDelta | None:
    """What the eval runs let expect of a promotion, case by case: by the runs, and against the version, of the gate.

    None where there is no other version to compare with, or either has no such run, or no cost is known.
    """
    from agent_deploy.evals.recording import newest_that_counts, read_outcomes, set_on_record
    from agent_deploy.gates.gathering import baseline_of
    from agent_deploy.operations.cost_delta import eval_cost_delta

    workflow, digest = plan.target.workflow, plan.target.digest
    with registry.database.read() as connection:
        baseline, on_record = baseline_of(connection, plan.head), set_on_record(connection, workflow)
        if not plan.changes or not baseline or baseline.digest == digest or not on_record:
            return None
        runs = [newest_that_counts(connection, workflow, d, on_record.set_digest) for d in (digest, baseline.digest)]
    candidate, before = runs
    if not candidate or not before:
        return None
    return eval_cost_delta(read_outcomes(registry, candidate), read_outcomes(registry, before))
