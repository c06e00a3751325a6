"""cost_delta: how the cost of a call differs from one version to another, from production calls or from eval runs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from agent_deploy.config import Config
from agent_deploy.costs.compare import CostDelta, compare
from agent_deploy.costs.prices import Prices, open_prices
from agent_deploy.evals.outcomes import Outcomes
from agent_deploy.gates.pairs import known_costs
from agent_deploy.statistics.bootstrap import mean_ratio
from agent_deploy.telemetry.facts.query import SLACK
from agent_deploy.telemetry.spending.cells import read_cells
from agent_deploy.telemetry.spending.model_calls import Scope
from registry.errors import BadInput
from registry.refs import parse_ref
from registry.releases import find_live
from registry.times import now

if TYPE_CHECKING:
    from agent_deploy.telemetry.facts.store import FactStore
    from registry.registry import Registry


@dataclass(frozen=True, slots=True)
class EvalCostDelta:
    """How the cost of a case differs between two runs on the same cases. USD a case; ratio: to / from, low and high its
    95 % interval, by resampled cases.
    """

    cases: int
    from_usd: float
    to_usd: float
    ratio: float
    low: float
    high: float


def cost_delta(
    registry: Registry,
    config: Config,
    workflow: str,
    from_version: int,
    to_version: int,
    environment: str | None,
    since: datetime,
    *,
    clock: Callable[[], datetime] = now,
) -> CostDelta:
    """The fair delta from calls since then, in one environment or (None) matched within each. Raises Damaged or
    Unavailable when the facts cannot be read.
    """
    from agent_deploy.telemetry.facts.store import FOLDER, FactStore

    facts = FactStore(registry.store, config.state / FOLDER, clock=clock)
    prices = open_prices(config.prices)
    return fair_delta(
        facts, prices, workflow, from_version, to_version, environment=environment, since=since, clock=clock
    )


def fair_delta(
    facts: FactStore,
    prices: Prices,
    workflow: str,
    from_version: int,
    to_version: int,
    *,
    since: datetime,
    until: datetime | None = None,
    environment: str | None = None,
    digests: tuple[str, ...] = (),
    clock: Callable[[], datetime] = now,
) -> CostDelta:
    """The same, of calls that started in [since, until). Both versions are held to the prices of its end, or of now.

    digests: of the two versions; calls that name another are left out. Empty to go by the numbers alone.
    """
    if from_version == to_version:
        raise BadInput(f"{workflow}@{from_version} is no other version than itself: name two to compare")
    at = min(until, clock()) if until is not None else clock()
    seen_until = None if until is None else until + SLACK  # the steps of the last calls too
    with closing(facts.connection(since=since, until=seen_until)) as connection:
        found = read_cells(
            connection, prices, Scope(workflow, environment, digests=digests), from_version=from_version,
            to_version=to_version, at=at, since=since, until=until,
        )  # fmt: skip
    return compare(from_version, to_version, found.cells, found.calls_from, found.calls_to)


def version_of(registry: Callable[[], Registry], workflow: str, text: str) -> int:
    """The number of the version that a ref names. A plain number is taken as it is: traces may name versions that this
    registry does not have. Raises BadInput or NotFound.
    """
    ref = parse_ref(text, workflow)
    if ref.by == "number":
        return int(ref.value)
    with registry().database.read() as connection:
        return find_live(connection, ref).number


def eval_cost_delta(candidate: Outcomes, baseline: Outcomes) -> EvalCostDelta | None:
    """What the candidate's run lets expect of its cost, case by case against the baseline's.

    None where there is no case whose cost is known in both, or where the baseline's cost nothing.
    """
    news, olds = known_costs(candidate, baseline)
    if not news or not sum(olds):
        return None
    ratio = mean_ratio(news, olds, confidence=0.95)
    count = len(news)
    return EvalCostDelta(count, sum(olds) / count, sum(news) / count, ratio.value, ratio.low, ratio.high)
