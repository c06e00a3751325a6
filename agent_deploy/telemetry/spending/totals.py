"""Sums for a cost report: what was spent and how many calls there were, by version, tenant, day, model or step."""

# ruff: noqa: S608 - every name and literal in this SQL is our own or quoted

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

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
from agent_deploy.telemetry.spending.summed import Range, take_sums

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
_OF_STEPS: dict[str | None, str] = {
    "model": "concat(provider, '/', model, CASE WHEN tier = '' THEN '' ELSE concat(' (', tier, ')') END)",
    "step": "name",
}
_STEPS: dict[str | None, str] = {"model": "kind = 'model'", "step": "kind IN ('model', 'tool', 'retrieval')"}
_OF_SUMS = (None, "version", "day")  # what the sums of an hour are told apart by
_TOKENS = ", ".join(f"sum({name})::BIGINT" for name in ("input", "output", "cache_read", "cache_write", "reasoning"))


@dataclass(frozen=True, slots=True)
class Totals:
    """Calls and spending by group. known: of `spent`, what is of calls whose cost is known as a whole."""

    counted: tuple[Counted, ...]
    spent: tuple[Spent, ...]
    known: tuple[Spent, ...]


def read_totals(
    connection: DuckDBPyConnection, prices: Prices, scope: Scope, by: By | None, within: Range = (None, None)
) -> Totals:
    """The sums of all calls in the connection's range, by group; with None all in one group named ''.

    within: that range. Where sums tell the groups asked for apart, they stand for whole hours of it; the views `facts`
    and `calls` are without these afterwards.
    """
    group = (_OF_CALLS | _OF_STEPS)[by]
    summed: list[Spent] = []
    if by in _OF_SUMS:
        turns = take_sums(connection, prices, scope, [within])
        summed = _spent(connection, turns, group, "summed WHERE kind = 'model'")
    turns = create_model_calls(connection, prices, scope)
    spent = _spent(connection, turns, group, "model_calls")
    known, is_unknown = spent, "false"
    if any(each.unknown for each in spent):
        create_unknown(connection, turns)
        known = _spent(connection, turns, group, "model_calls WHERE call NOT IN (FROM unknown)")
        is_unknown = "call IN (FROM unknown)"
    count = _count_calls if by in _OF_CALLS else _count_steps
    return Totals(tuple(count(connection, scope, by, is_unknown)), (*summed, *spent), (*summed, *known))


def _spent(connection: DuckDBPyConnection, turns: Turns, group: str, model_calls: str) -> list[Spent]:
    rows = connection.execute(
        f"""SELECT {group}, provider, model, tier, turn, free, told, spoke, reported, sum(count)::BIGINT, {_TOKENS},
            sum(reported_usd)
        FROM {model_calls} GROUP BY ALL"""
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
    each = f"(SELECT *, {CALL} AS call, 1 AS count FROM calls WHERE {scope.sql})"
    rows = _outcomes(connection, by, each, is_unknown)
    if by in _OF_SUMS:
        rows += _outcomes(connection, by, "summed WHERE kind = 'call'", "false")
    groups: dict[str, list[_Outcome]] = defaultdict(list)
    for row in rows:
        groups[row.group].append(row)
    return [_counted(name, found) for name, found in groups.items()]


def _outcomes(connection: DuckDBPyConnection, by: By | None, calls: str, is_unknown: str) -> list[_Outcome]:
    rows = connection.execute(
        f"""SELECT {_OF_CALLS[by]}, coalesce(outcome, ''), sum(count), sum(count) FILTER ({is_unknown}),
            sum(count) FILTER (failed), sum(retries), sum(tool_calls)
        FROM {calls} GROUP BY ALL"""
    ).fetchall()
    return [_Outcome(str(group), outcome, *(int(number or 0) for number in rest)) for group, outcome, *rest in rows]


class _Outcome(NamedTuple):
    """Calls of one group that ended alike."""

    group: str
    outcome: str
    calls: int
    unknown: int
    failed: int
    retries: int
    tool_calls: int


def _counted(group: str, rows: list[_Outcome]) -> Counted:
    calls, unknown, failed, retries, tools = (sum(numbers) for numbers in zip(*(row[2:] for row in rows), strict=True))
    outcomes, known = Counter[str](), Counter[str]()
    for row in rows:
        if row.outcome:
            outcomes[row.outcome] += row.calls
            known[row.outcome] += row.calls - row.unknown
    return Counted(group, calls, unknown, failed, retries, tools, outcomes, known)


def _count_steps(connection: DuckDBPyConnection, scope: Scope, by: By | None, is_unknown: str) -> list[Counted]:
    rows = connection.execute(
        f"""SELECT {_OF_STEPS[by]}, count(DISTINCT call), count(DISTINCT call) FILTER ({is_unknown}),
            count(*) FILTER (failed), count(*) FILTER (attempt > 1), count(*) FILTER (kind = 'tool')
        FROM (SELECT *, {OF_CALL} AS call FROM facts WHERE {_STEPS[by]} AND {scope.sql}) GROUP BY ALL"""
    ).fetchall()
    return [Counted(*row) for row in rows]
