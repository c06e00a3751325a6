"""Calls on record, as a list and by id. Reads the views of `telemetry.facts.query`."""

# ruff: noqa: S608 - every name in this SQL is our own, and every value a parameter or a moment

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from agent_deploy.telemetry.facts.fact import COLUMNS, Fact
from agent_deploy.telemetry.facts.query import SLACK
from agent_deploy.telemetry.spending.pricing import source_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from agent_deploy.telemetry.looking.tree import Price

MOST_FOUND = 20
FEWEST_DIGITS = 6  # of an id: fewer would mean too many calls
_FACT = ", ".join(f'"{name}"' for name in COLUMNS)
_OF_CALL = (
    "key", "trace_id", "workflow", "environment", "version", "tag", "tenant", "request_id", "started_at", "duration_ms",
    "rooted", "failed", "failure_mode", "error_type", "outcome", "confidence", "score_passed", "model_calls",
    "tool_calls", "retries", "model", "input_tokens", "output_tokens",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which calls; an empty text or None asks for any. slow_ms: only those that took as long at least."""

    workflow: str = ""
    tenant: str = ""
    version: int | None = None
    environment: str = ""
    failed: bool = False
    slow_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One call in a list. key: by which `traces show` finds it. rooted: whether its root span came.

    duration_ms, tokens: None where nothing says. model: of its model calls, or `several`. cost_usd: of its model
    calls; None where it made none, or where one has no price: `unpriced` names those, as `provider/model`.
    """

    key: str
    trace_id: str
    workflow: str
    environment: str
    version: int
    tag: str
    tenant: str
    request_id: str
    started_at: datetime
    duration_ms: float | None
    rooted: bool
    failed: bool
    failure_mode: str
    error_type: str
    outcome: str
    confidence: float | None
    score_passed: bool | None
    model_calls: int
    tool_calls: int
    retries: int
    model: str
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: Decimal | None = None
    unpriced: tuple[str, ...] = ()


def list_calls(connection: DuckDBPyConnection, wanted: Wanted, limit: int, *, slowest: bool = False) -> list[Call]:
    """The newest calls, or the slowest, `limit` at most; not yet priced."""
    condition, values = _condition(wanted)
    order = "duration_ms DESC NULLS LAST" if slowest else "started_at DESC"  # by one column: the rest is read last
    rows = connection.execute(
        f"SELECT {', '.join(_OF_CALL)} FROM calls WHERE {condition} ORDER BY {order} LIMIT ?", [*values, limit]
    ).fetchall()
    return [_call(dict(zip(_OF_CALL, row, strict=True))) for row in rows]


def slow_limit_ms(connection: DuckDBPyConnection, wanted: Wanted) -> float | None:
    """What the slowest twentieth of these calls take at least: their exact 95th percentile; None of no calls."""
    condition, values = _condition(wanted)
    row = connection.execute(f"SELECT quantile_cont(duration_ms, 0.95) FROM calls WHERE {condition}", values).fetchone()
    return row[0] if row else None


def workflows_seen(connection: DuckDBPyConnection) -> list[str]:
    """The workflows that calls on record name."""
    found = connection.execute("SELECT DISTINCT workflow FROM calls WHERE workflow <> '' ORDER BY workflow").fetchall()
    return [name for (name,) in found]


def find_calls(connection: DuckDBPyConnection, text: str) -> list[tuple[str, str, datetime]]:
    """(trace id, call id, start) of the calls that the text means: an id's first digits, FEWEST_DIGITS at least, or a
    whole request id, however short.

    The call id is empty where the trace stands for the call. The newest first, MOST_FOUND at most.
    """
    return connection.execute(
        """SELECT trace_id, call_id, min(started_at) AS first_at FROM facts
        WHERE (length($digits) >= $fewest AND (starts_with(trace_id, $digits) OR starts_with(call_id, $digits)))
            OR (kind = 'call' AND request_id = $text)
        GROUP BY trace_id, call_id ORDER BY first_at DESC, trace_id, call_id LIMIT $most""",
        {"digits": text.lower(), "fewest": FEWEST_DIGITS, "text": text, "most": MOST_FOUND},
    ).fetchall()


def read_trace(connection: DuckDBPyConnection, trace_id: str) -> list[Fact]:
    """Every fact of a trace."""
    return [fact_of_row(row) for row in _facts(connection, "trace_id = ?", [trace_id])]


def priced(connection: DuckDBPyConnection, calls: Sequence[Call], price: Price) -> list[Call]:
    """The same calls with what they cost."""
    if not calls:
        return []
    traces = sorted({call.trace_id for call in calls})
    made: dict[str, list[Fact]] = defaultdict(list)
    condition = f"kind = 'model' AND ({_around(calls)}) AND trace_id IN (SELECT unnest(?))"
    for row in _facts(connection, condition, [traces]):
        fact = fact_of_row(row)
        made[fact.call_id or fact.trace_id].append(fact)
    return [_with_cost(call, made[call.key], price) for call in calls]


def fact_of_row(row: Sequence[Any]) -> Fact:
    """The fact that a row of the view `facts` holds, its columns in the order of `fact.COLUMNS`."""
    values = dict(zip(COLUMNS, row, strict=True))
    return Fact(**{**values, "started_at": values["started_at"].replace(tzinfo=UTC)})


def _facts(connection: DuckDBPyConnection, condition: str, values: list[Any]) -> list[tuple[Any, ...]]:
    return connection.execute(f"SELECT {_FACT} FROM facts WHERE {condition}", values).fetchall()


def _around(calls: Sequence[Call]) -> str:
    """The condition that a span began near one of the calls: so that of the facts only those hours are looked at."""
    ranges: list[tuple[datetime, datetime]] = []
    for moment in sorted(call.started_at.replace(tzinfo=None) for call in calls):
        if ranges and moment - SLACK <= ranges[-1][1]:
            ranges[-1] = (ranges[-1][0], moment + SLACK)
        else:
            ranges.append((moment - SLACK, moment + SLACK))
    return " OR ".join(f"started_at BETWEEN TIMESTAMP '{first}' AND TIMESTAMP '{last}'" for first, last in ranges)


def _condition(wanted: Wanted) -> tuple[str, list[Any]]:
    parts: list[tuple[str, Any]] = [
        ("workflow = ?", wanted.workflow or None),
        ("tenant = ?", wanted.tenant or None),
        ("version = ?", wanted.version),
        ("environment = ?", wanted.environment or None),
        ("failed = ?", wanted.failed or None),
        ("duration_ms >= ?", wanted.slow_ms),
    ]
    kept = [(sql, value) for sql, value in parts if value is not None]
    return " AND ".join(sql for sql, _ in kept) or "true", [value for _, value in kept]


def _call(values: Mapping[str, Any]) -> Call:
    return Call(**{**values, "started_at": values["started_at"].replace(tzinfo=UTC)})


def _with_cost(call: Call, models: list[Fact], price: Price) -> Call:
    costs = [(fact, price(fact)) for fact in models]
    unpriced = sorted({str(source_of(fact)) for fact, cost in costs if cost is None})
    total = sum((cost for _, cost in costs if cost is not None), Decimal(0))
    return replace(call, cost_usd=total if costs and not unpriced else None, unpriced=tuple(unpriced))
