"""All workflows and environments at a glance: how many calls there were, and which models have no price."""

# ruff: noqa: S608 - every name and literal in this SQL is our own or quoted

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from agent_deploy.costs.periods import Source, periods
from agent_deploy.costs.prices import Prices
from agent_deploy.costs.unknown import why_unknown
from agent_deploy.telemetry.facts.charging import FREE, SPOKE, TOKENS, TOLD
from agent_deploy.telemetry.facts.relations import leave_out, whole_hours
from agent_deploy.telemetry.spending.summed import Range

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Place = tuple[str, str]  # workflow and environment


@dataclass(frozen=True, slots=True)
class Seen:
    """calls: how many. unpriced: the models without a price, as `provider/model`, the most called first."""

    calls: int
    unpriced: tuple[str, ...]


def read_places(connection: DuckDBPyConnection, prices: Prices, within: Range) -> Mapping[Place, Seen]:
    """Of the calls in a connection's range, by workflow and environment. within: that range.

    Whole hours are told by their sums; the views `facts` and `calls` are without them afterwards.
    """
    leave_out(connection, whole_hours(connection, *within))
    unpriced = _unpriced(connection, prices)
    rows = connection.execute(
        """SELECT workflow, environment, sum(count)::BIGINT FROM (
            SELECT workflow, environment, count FROM sums WHERE kind = 'call' AND hour IN (FROM left_out)
            UNION ALL SELECT workflow, environment, 1 FROM calls)
        GROUP BY ALL"""
    ).fetchall()
    return {
        (workflow, environment): Seen(calls, tuple(name for name, _ in unpriced[workflow, environment].most_common()))
        for workflow, environment, calls in rows
    }


def _unpriced(connection: DuckDBPyConnection, prices: Prices) -> dict[Place, Counter[str]]:
    """How many model calls each model without a price had."""
    rows = connection.execute(
        f"""SELECT workflow, environment, provider, model, tier, spoke, min(first_at), max(last_at),
            sum(count)::BIGINT
        FROM (
            SELECT workflow, environment, provider, model, tier, free, told, spoke, count, first_at, last_at
            FROM sums WHERE kind = 'model' AND hour IN (FROM left_out)
            UNION ALL
            SELECT workflow, environment, provider, model, tier, {FREE}, {TOLD}, {SPOKE}, 1, started_at, started_at
            FROM (SELECT *, {TOKENS} FROM facts WHERE kind = 'model'))
        WHERE told AND NOT free GROUP BY ALL ORDER BY ALL"""
    ).fetchall()
    found: dict[Place, Counter[str]] = defaultdict(Counter)
    for workflow, environment, provider, model, tier, spoke, first, last, calls in rows:
        source = Source(provider, model, tier)
        if _lacks_price(prices, source, spoke, first.replace(tzinfo=UTC), last.replace(tzinfo=UTC)):
            found[workflow, environment][str(source)] += calls
    return found


def _lacks_price(prices: Prices, source: Source, spoke: bool | None, first: datetime, last: datetime) -> bool:
    found = periods(prices, source, first, last)
    return any(why_unknown(period.rates, told=True, spoke=spoke) == "no price" for period in found)
