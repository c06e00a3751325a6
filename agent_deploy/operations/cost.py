"""cost: what the calls of a workflow cost, by version, tenant, model, step or day."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from agent_deploy.costs.prices import Prices
from agent_deploy.costs.report import Line, Unpriced, lines_of, overall, unpriced
from agent_deploy.operations.workflows import check_known
from agent_deploy.telemetry.facts.store import FactStore
from agent_deploy.telemetry.looking.calls import workflows_seen
from agent_deploy.telemetry.spending.model_calls import Scope
from agent_deploy.telemetry.spending.totals import By, Totals, read_totals


@dataclass(frozen=True, slots=True)
class Costs:
    """The costs of a workflow's calls that started in [since, until).

    environment: None for all. lines: by group, none without `by`. unpriced: whose cost is unknown, and why.
    prices: which these are, for the record.
    """

    workflow: str
    environment: str | None
    since: datetime
    until: datetime | None
    by: By | None
    lines: tuple[Line, ...]
    total: Line
    unpriced: tuple[Unpriced, ...]
    prices: str


def cost(
    facts: FactStore,
    prices: Prices,
    workflow: str,
    *,
    since: datetime,
    until: datetime | None = None,
    environment: str | None = None,
    by: By | None = None,
    known: Callable[[], Iterable[str]] = tuple,
) -> Costs:
    """What they cost, by tokens and by the price of the day of each model call.

    known: the workflows on record, asked where no call is found. Raises NotFound for a workflow that neither those nor
    the facts name.
    """
    scope = Scope(workflow, environment)
    with closing(facts.connection(since=since, until=until)) as connection:
        found = read_totals(connection, prices, scope, by, (since, until))
        if not found.counted and not found.spent:
            check_known(workflow, [*known(), *workflows_seen(connection)])
        # Steps are of one call and in several groups: what all calls came to is asked for on its own.
        whole = read_totals(connection, prices, scope, None, (since, until)) if by in ("model", "step") else found
    lines = lines_of(found.counted, found.spent, found.known) if by else []
    return Costs(
        workflow, environment, since, until, by, _in_order(lines, by), _total(whole), unpriced(found.spent),
        prices.version,
    )  # fmt: skip


def _total(found: Totals) -> Line:
    return overall(found.counted, found.spent, found.known)


def _in_order(lines: list[Line], by: By | None) -> tuple[Line, ...]:
    """Versions by number, days by date; others by what they cost, the dearest first."""
    if by == "version":
        return tuple(sorted(lines, key=lambda line: int(line.group)))
    if by == "day":
        return tuple(lines)
    return tuple(sorted(lines, key=lambda line: line.cost_usd or 0, reverse=True))
