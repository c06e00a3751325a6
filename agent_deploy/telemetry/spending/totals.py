"""Sums for a cost report: what was spent and how many calls there were, by version, tenant, day, model or step."""

# ruff: noqa: S608 - every name and literal in this SQL is our own or quoted

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from agent_deploy.costs.periods import Source
from agent_deploy.costs.prices import Prices
from agent_deploy.costs.report import Counted, Spent
from agent_deploy.costs.usage import Usage
from agent_deploy.telemetry.spending.model_calls import (
    CALL,
    OF_CALL,
    Scope,
    Turns,
    create_model_calls,
    create_unknown,
)

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

By = Literal["version", "tenant", "day", "model", "step"]

# Whole calls are in one group each of these; the other two sort the steps of calls.
_OF_CALLS: dict[str | None, str] = {
    None: "''",
    "version": '"version"',
    "tenant": "tenant",
    "day": "started_at::DATE",
}
_OF_STEPS = {
    "model": "concat(provider, '/', model, CASE WHEN tier = '' THEN '' ELSE concat(' (', tier, ')') END)",
    "step": "name",
}
_STEPS = {"model": "kind = 'model'", "step": "kind IN ('model', 'tool', 'retrieval')"}
_SUMS = "count(*), sum(input), sum(output), sum(cache_read), sum(cache_write), sum(reasoning), sum(reported_cost_usd)"


@dataclass(frozen=True, slots=True)
class Totals:
    """Calls and spending by group. known: of `spent`, what is of calls whose cost is known as a whole."""

    counted: tuple[Counted, ...]
    spent: tuple[Spent, ...]
    known: tuple[Spent, ...]


def read_totals(connection: DuckDBPyConnection, prices: Prices, scope: Scope, by: By | None) -> Totals:
    """The sums of all calls in the connection's range, by group; with None all in one group named ''."""
    turns = create_model_calls(connection, prices, scope)
    group = _OF_CALLS[by] if by in _OF_CALLS else _OF_STEPS[by or ""]
    spent = _spent(connection, turns, group, "true")
    lacking = any(each.unknown for each in spent)
    known = spent
    if lacking:
        create_unknown(connection, turns)
        known = _spent(connection, turns, group, "call NOT IN (FROM unknown)")
    count = _count_calls if by in _OF_CALLS else _count_steps
    counted = count(connection, scope, by, "call IN (FROM unknown)" if lacking else "false")
    return Totals(tuple(counted), tuple(spent), tuple(known))


def _spent(connection: DuckDBPyConnection, turns: Turns, group: str, where: str) -> list[Spent]:
    rows = connection.execute(
        f"""SELECT {group}, provider, model, tier, turn, free, told, spoke,
            reported_cost_usd IS NOT NULL AS reported, {_SUMS}
        FROM model_calls WHERE {where} GROUP BY ALL"""
    ).fetchall()
    return [_spent_of(row, turns) for row in rows]


def _spent_of(row: tuple[Any, ...], turns: Turns) -> Spent:
    group, provider, model, tier, turn, free, told, spoke, reported, count, *tokens, said = row
    source = Source(provider, model, tier)
    return Spent(
        group=str(group),
        source=source,
        rates=turns[source][turn].rates,
        model_calls=count,
        usage=Usage(*(int(number) for number in tokens)),
        told=told,
        spoke=spoke,
        free=free,
        reported_usd=Decimal(repr(said)) if reported else None,
    )


def _count_calls(connection: DuckDBPyConnection, scope: Scope, by: By | None, is_unknown: str) -> list[Counted]:
    rows = connection.execute(
        f"""SELECT {_OF_CALLS[by]}, coalesce(outcome, ''), count(*), count(*) FILTER ({is_unknown}),
            count(*) FILTER (failed), sum(retries), sum(tool_calls)
        FROM (SELECT *, {CALL} AS call FROM calls WHERE {scope.sql}) GROUP BY ALL"""
    ).fetchall()
    groups: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for name, *rest in rows:
        groups[str(name)].append(tuple(rest))
    return [_counted(name, found) for name, found in groups.items()]


def _counted(group: str, rows: list[tuple[Any, ...]]) -> Counted:
    """A row an outcome: outcome, calls, unknown, failed, retries, tool calls."""
    calls, unknown, failed, retries, tools = (sum(int(row[place] or 0) for row in rows) for place in range(1, 6))
    return Counted(
        group, calls, unknown, failed, retries, tools,
        outcomes={row[0]: row[1] for row in rows if row[0]},
        known_outcomes={row[0]: row[1] - row[2] for row in rows if row[0]},
    )  # fmt: skip


def _count_steps(connection: DuckDBPyConnection, scope: Scope, by: By | None, is_unknown: str) -> list[Counted]:
    rows = connection.execute(
        f"""SELECT {_OF_STEPS[by or ""]}, count(DISTINCT call), count(DISTINCT call) FILTER ({is_unknown}),
            count(*) FILTER (failed), count(*) FILTER (attempt > 1), count(*) FILTER (kind = 'tool')
        FROM (SELECT *, {OF_CALL} AS call FROM facts WHERE {_STEPS[by or ""]} AND {scope.sql}) GROUP BY ALL"""
    ).fetchall()
    return [Counted(*row) for row in rows]
