"""The calls of two versions in cells, for the fair delta: sums by environment, tenant, input size and model.

How large an input is, no span says. It is taken from the first model call's tokens, less what all calls of the version
have (their first percentile): so a longer prompt is no larger input, and is not adjusted away.
"""

# ruff: noqa: S608 - every name and literal in this SQL is our own or quoted

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from agent_deploy.costs.compare import CallCounts
from agent_deploy.costs.mix import MOST_GROUPS, Amounts, Cell
from agent_deploy.costs.periods import Period, Source
from agent_deploy.costs.prices import Prices
from agent_deploy.costs.rates import Rates
from agent_deploy.costs.unknown import why_unknown
from agent_deploy.telemetry.facts.views import within_sql
from agent_deploy.telemetry.spending.model_calls import ANY_SPOKE, CALL, Scope, Turns, create_model_calls

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_MILLION = 1_000_000
_RATES = ("fresh", "read", "write", "spoken", "reasoned", "request")
# Differences in size below this many tokens are none.
_SMALLEST = 16
_BASE = 0.01
# In place of a model's number, for a call of several models.
_SEVERAL = -1


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of two versions, of calls whose cost is known, and how many calls there were in all."""

    cells: tuple[Cell, ...]
    calls_from: CallCounts
    calls_to: CallCounts


def read_cells(
    connection: DuckDBPyConnection,
    prices: Prices,
    scope: Scope,
    *,
    from_version: int,
    to_version: int,
    at: datetime,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Cells:
    """The calls of the scope that started in [since, until), with what the connection sees of their steps.

    at: both versions are held to the prices of this moment.
    """
    scope = replace(scope, versions=(from_version, to_version))
    turns = create_model_calls(connection, prices, scope)
    _create_rates(connection, prices, turns, at)
    _create_paid(connection)
    within = f"{scope.sql} AND {within_sql(since, until)}"
    _create_sized(connection, within, from_version)
    return Cells(_cells(connection, _models(turns)), _counts(connection, "from"), _counts(connection, "to"))


def _create_rates(connection: DuckDBPyConnection, prices: Prices, turns: Turns, at: datetime) -> None:
    """The table `rates`: USD a token, of each source and turn, at the one moment and, with `paid_`, on the day.

    s: whether there was output, for that may be what lacks a price; lacking: whether something does.
    """
    source_columns = "p VARCHAR, m VARCHAR, t VARCHAR, n INT, s BOOLEAN, named INT, lacking BOOLEAN"
    columns = ", ".join(f"{prefix}{name} DOUBLE" for prefix in ("", "paid_") for name in _RATES)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE rates ({source_columns}, {columns})")
    names = _models(turns)
    rows = [
        (source.provider, source.model, source.tier, turn, spoke, names.index(source.model), lacking, *rates)
        for source, found in turns.items()
        for turn, period in enumerate(found)
        for spoke, lacking, rates in _rates(period, _at(prices, source, period, at))
    ]
    if rows:
        connection.executemany(f"INSERT INTO rates VALUES ({', '.join('?' * len(rows[0]))})", rows)


def _models(turns: Turns) -> list[str]:
    """The names of models; their places are the numbers that `named` has."""
    return sorted({source.model for source in turns})


def _at(prices: Prices, source: Source, period: Period, at: datetime) -> Rates | None:
    """What calls of the period's length pay at the moment."""
    return prices.rates(source.provider, source.model, min(period.over + 1, period.up_to), at, source.tier)


def _rates(period: Period, fair: Rates | None) -> Iterator[tuple[bool | None, bool, tuple[float, ...]]]:
    """With output, without, and where nobody counted it: whether a price lacks, and the rates of both."""
    both = (*_per_token(fair), *_per_token(period.rates))
    for spoke in ANY_SPOKE:
        lacking = any(why_unknown(rates, told=True, spoke=spoke) for rates in (fair, period.rates))
        yield spoke, lacking, both


def _per_token(rates: Rates | None) -> tuple[float, ...]:
    if rates is None:
        return (0.0,) * len(_RATES)
    output = rates.output or Decimal()
    read, write = (rates.input if rate is None else rate for rate in (rates.cache_read, rates.cache_write))
    reasoning = output if rates.reasoning is None else rates.reasoning
    tokens = (rates.input, read, write, output, reasoning)
    return (*(float(rate) / _MILLION for rate in tokens), float(rates.request))


def _create_paid(connection: DuckDBPyConnection) -> None:
    """The table `paid`: a row a call with its sums; known is false where one of its model calls has no cost."""
    fresh, spoken = "(input - cache_read - cache_write)", "(output - reasoning)"
    classes = f"""{fresh} * paid_fresh + cache_read * paid_read + cache_write * paid_write + {spoken} * paid_spoken
        + reasoning * paid_reasoned + paid_request"""
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE paid AS
        SELECT call, bool_and(free OR (told AND NOT lacking)) AS known,
            CASE WHEN min(named) < max(named) THEN {_SEVERAL} ELSE min(named) END AS named,
            arg_min(input, started_at) FILTER (NOT free) AS first_input,
            count(*) FILTER (NOT free) AS model_calls, sum(input) AS input,
            sum(cache_read) AS cache_read, sum(cache_write) AS cache_write, sum(output) AS output,
            sum({fresh} * fresh) FILTER (NOT free) AS fresh_usd, sum(cache_read * read) AS read_usd,
            sum(cache_write * "write") AS write_usd, sum({spoken} * spoken + reasoning * reasoned) AS output_usd,
            sum(request) FILTER (NOT free) AS request_usd, sum({classes}) FILTER (NOT free) AS paid_usd
        FROM model_calls
        LEFT JOIN rates ON (p, m, t, n) = (provider, model, tier, turn) AND s IS NOT DISTINCT FROM spoke
        GROUP BY call"""
    )


def _create_sized(connection: DuckDBPyConnection, within: str, from_version: int) -> None:
    """The table `sized`: a row a call of the range, with what tells cells apart."""
    size = f"floor(log2(greatest(first_input - base, {_SMALLEST})))"
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE sized AS
        WITH asked AS (
            SELECT {CALL} AS call, CASE WHEN "version" = {from_version} THEN 'from' ELSE 'to' END AS side,
                environment, tenant, hash(coalesce(nullif(conversation, ''), calls.key)) % {MOST_GROUPS} AS grouped
            FROM calls WHERE {within}),
            joined AS (FROM asked LEFT JOIN paid USING (call)),
            bases AS (SELECT side, quantile_disc(first_input, {_BASE}) AS base FROM joined GROUP BY side)
        SELECT *, coalesce(known, true) AS is_known, coalesce({size}, -1)::INT AS size
        FROM joined JOIN bases USING (side)"""
    )


def _cells(connection: DuckDBPyConnection, models: list[str]) -> tuple[Cell, ...]:
    names = "side, environment, tenant, CASE WHEN tenant = '' THEN grouped ELSE 0 END, size, named"
    sums = ", ".join(f"coalesce(sum({name}), 0)::DOUBLE" for name in Amounts._fields)
    rows = connection.execute(
        f"SELECT {names}, count(*), {sums} FROM sized WHERE is_known GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    model_of: dict[int | None, str] = {None: "", _SEVERAL: "several", **dict(enumerate(models))}
    return tuple(_cell(row, model_of) for row in rows)


def _cell(row: tuple[Any, ...], model_of: Mapping[int | None, str]) -> Cell:
    side, environment, tenant, group, size, named, calls, *sums = row
    model = model_of[named]
    return Cell(side, environment, tenant, group, size, model, calls, Amounts(*sums))


def _counts(connection: DuckDBPyConnection, side: str) -> CallCounts:
    found = connection.execute(
        "SELECT count(*), count(*) FILTER (NOT is_known) FROM sized WHERE side = ?", [side]
    ).fetchone()
    return CallCounts(*found) if found else CallCounts(0)
