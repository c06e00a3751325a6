"""Hours whose calls are counted and priced by their sums (`facts.sums`), and no longer row by row.

That is exact where all that one sum is of pays the same rates, and where the cost of every call is known: which call it
is that lacks a price, no sum tells.
"""

# ruff: noqa: S608 - every name and literal in this SQL is our own or quoted

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from agent_deploy.costs.periods import Source, periods
from agent_deploy.costs.prices import Prices
from agent_deploy.costs.unknown import why_unknown
from agent_deploy.telemetry.facts.relations import leave_out, whole_hours
from agent_deploy.telemetry.spending.model_calls import Scope, Turns, turn_sql

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Range = tuple[datetime | None, datetime | None]


def take_sums(connection: DuckDBPyConnection, prices: Prices, scope: Scope, ranges: Iterable[Range]) -> Turns:
    """Make the view `summed` of the sums that are exact; the views leave out what these are of. The turns of sources.

    Only hours that lie wholly in one of the ranges. The view has the columns of `SUM_COLUMNS`, turn, and started_at:
    the beginning of the hour. A call to this undoes the one before.
    """
    hours = {hour for since, until in ranges for hour in whole_hours(connection, since, until)}
    connection.execute(f"CREATE OR REPLACE TEMP VIEW asked_sums AS SELECT * FROM sums WHERE {scope.sql}")
    turns = {source: periods(prices, source, first, last) for source, first, last in _sources(connection)}
    leave_out(connection, sorted(hours - _inexact(connection, turns)))
    connection.execute(
        f"""CREATE OR REPLACE TEMP VIEW summed AS
        SELECT * REPLACE (hour AS started_at) FROM ({_turned(turns)})
        WHERE hour IN (FROM left_out)"""
    )
    return turns


def _sources(connection: DuckDBPyConnection) -> list[tuple[Source, datetime, datetime]]:
    rows = connection.execute(
        """SELECT provider, model, tier, min(first_at), max(last_at)
        FROM asked_sums WHERE kind = 'model' GROUP BY ALL"""
    ).fetchall()
    return [(Source(*row[:3]), row[3].replace(tzinfo=UTC), row[4].replace(tzinfo=UTC)) for row in rows]


def _inexact(connection: DuckDBPyConnection, turns: Turns) -> set[datetime]:
    """The hours in which a sum is of calls at several rates, or of some whose cost is unknown."""
    rows = connection.execute(
        f"""SELECT provider, model, tier, free, told, spoke, turn, turn <> {turn_sql(turns)}, list(DISTINCT hour)
        FROM (SELECT * REPLACE (last_at AS started_at, most_input AS input_tokens) FROM ({_turned(turns)}))
        WHERE kind = 'model' GROUP BY ALL"""
    ).fetchall()
    return {hour.replace(tzinfo=UTC) for row in rows if _is_inexact(turns, *row[:8]) for hour in row[8]}


def _is_inexact(turns: Turns, provider: str, model: str, tier: str, *rest: Any) -> bool:
    free, told, spoke, turn, differs = rest
    if free:
        return False
    rates = turns[Source(provider, model, tier)][turn].rates
    return differs or why_unknown(rates, told=told, spoke=spoke) is not None


def _turned(turns: Turns) -> str:
    """The sums asked for, with the turn of the earliest and shortest of their calls."""
    of_first = "SELECT *, first_at AS started_at, least_input AS input_tokens FROM asked_sums"
    return f"SELECT *, {turn_sql(turns)} AS turn FROM ({of_first})"
