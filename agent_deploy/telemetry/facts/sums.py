"""What the calls of an hour came to, so that questions about weeks need not read every row.

A segment's footer has the sums over its whole calls, and its stray facts as lines of the spool. A segment with too many
of either says nothing, and is read row by row. So is one whose sums were made by another rule than today's: the rule's
digest is part of their key.
"""

# ruff: noqa: S608 - every name and literal in this SQL is our own or quoted

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from agent_deploy.telemetry.facts.charging import FREE, SPOKE, TOKENS, TOLD
from agent_deploy.telemetry.facts.engine import quoted, quoted_list
from agent_deploy.telemetry.facts.fact import COLUMNS, Fact
from agent_deploy.telemetry.facts.lines import lines_of
from agent_deploy.telemetry.facts.rollup import SEGMENT_COLUMNS
from agent_deploy.telemetry.facts.rows import COLUMN_LIST
from agent_deploy.telemetry.facts.views import whole_calls_sql
from registry.times import to_text

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MOST_SUMS = 1000  # of one segment; applications may make up outcomes without end
MOST_STRAYS = 1000

# A row of sums. kind: call, model or tool, and which columns are filled hangs on it. count: of calls, model calls or
# tool calls that are alike in all columns of text and truth. least_input, first_at and so on: what rates may hang on.
SUM_COLUMNS = {
    "hour": "TIMESTAMP", "kind": "VARCHAR", "workflow": "VARCHAR", "environment": "VARCHAR", "version": "BIGINT",
    "count": "BIGINT", "failed": "BOOLEAN",
    "failure_mode": "VARCHAR", "outcome": "VARCHAR", "score_passed": "BOOLEAN", "retries": "BIGINT",
    "tool_calls": "BIGINT",
    "provider": "VARCHAR", "model": "VARCHAR", "tier": "VARCHAR", "free": "BOOLEAN", "told": "BOOLEAN",
    "spoke": "BOOLEAN", "reported": "BOOLEAN", "input": "BIGINT", "output": "BIGINT", "cache_read": "BIGINT",
    "cache_write": "BIGINT", "reasoning": "BIGINT", "reported_usd": "DOUBLE", "least_input": "BIGINT",
    "most_input": "BIGINT", "first_at": "TIMESTAMP", "last_at": "TIMESTAMP",
    "tool": "VARCHAR",
}  # fmt: skip
_HOUR = "date_trunc('hour', started_at) AS hour"
_PLACE = 'workflow, environment, "version"'


def sums_sql(segment: str) -> str:
    """The query of the sums over the whole calls in a table with the columns of a segment."""
    return f"""
        SELECT {_HOUR}, 'call' AS kind, {_PLACE}, count(*) AS count, failed, failure_mode,
            coalesce(outcome, '') AS outcome, score_passed, sum(retries)::BIGINT AS retries,
            sum(tool_calls)::BIGINT AS tool_calls
        FROM ({whole_calls_sql(segment)}) GROUP BY ALL
        UNION ALL BY NAME
        SELECT {_HOUR}, 'model' AS kind, {_PLACE}, count(*) AS count, provider, model, tier, {FREE} AS free,
            {TOLD} AS told, {SPOKE} AS spoke, reported_cost_usd IS NOT NULL AS reported, sum(input)::BIGINT AS input,
            sum(output)::BIGINT AS output, sum(cache_read)::BIGINT AS cache_read,
            sum(cache_write)::BIGINT AS cache_write, sum(reasoning)::BIGINT AS reasoning,
            sum(reported_cost_usd) AS reported_usd, min(input) AS least_input, max(input) AS most_input,
            min(started_at) AS first_at, max(started_at) AS last_at
        FROM (SELECT *, {TOKENS} FROM {segment} WHERE kind = 'model' AND NOT stray) GROUP BY ALL
        UNION ALL BY NAME
        SELECT {_HOUR}, 'tool' AS kind, {_PLACE}, count(*) AS count, failed, tool
        FROM {segment} WHERE kind = 'tool' AND NOT stray GROUP BY ALL
        ORDER BY ALL"""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


SUMS_KEY = f"agent_deploy.sums.{_digest(sums_sql('segment'))}"
# A segment that has it has all columns of today.
STRAYS_KEY = f"agent_deploy.strays.{_digest(' '.join(SEGMENT_COLUMNS))}"


@dataclass(frozen=True, slots=True)
class Footer:
    """The two as JSON lines: rows of `SUM_COLUMNS`, and facts as the spool has them. None: it does not say."""

    sums: bytes | None = None
    strays: bytes | None = None


def footer_of(connection: DuckDBPyConnection, segment: str) -> dict[str, str]:
    """Key and value of what a segment's footer says; none where there is too much to say.

    segment: a table with the rows of the segment.
    """
    strays = f"SELECT {COLUMN_LIST} FROM {segment} WHERE stray ORDER BY trace_id, span_id LIMIT {MOST_STRAYS + 1}"
    facts = [_fact(row) for row in connection.execute(strays).fetchall()]
    if len(facts) > MOST_STRAYS:
        return {}
    found = connection.execute(f"{sums_sql(segment)} LIMIT {MOST_SUMS + 1}")
    names = [column[0] for column in found.description or ()]
    rows = found.fetchall()
    if len(rows) > MOST_SUMS:
        return {}
    return {SUMS_KEY: "".join(_line(names, row) for row in rows), STRAYS_KEY: lines_of(facts).decode()}


def footer_sql(said: Mapping[str, str]) -> str:
    """The option of COPY that puts these into a Parquet file."""
    pairs = ", ".join(f'"{key}": {quoted(value)}' for key, value in said.items())
    return f", KV_METADATA {{{pairs}}}" if said else ""


def read_footers(connection: DuckDBPyConnection, files: list[str]) -> dict[str, Footer]:
    """What the footers of these Parquet files say, by file."""
    found: dict[str, dict[str, bytes]] = {file: {} for file in files}
    if files:
        listed = f"FROM parquet_kv_metadata({quoted_list(files)})"
        for file, key, value in connection.execute(listed).fetchall():
            found[file][key.decode()] = value
    return {file: Footer(said.get(SUMS_KEY), said.get(STRAYS_KEY)) for file, said in found.items()}


def _fact(row: tuple[Any, ...]) -> Fact:
    values = dict(zip(COLUMNS, row, strict=True))
    return Fact(**{**values, "started_at": values["started_at"].replace(tzinfo=UTC)})


def _line(names: list[str], row: tuple[Any, ...]) -> str:
    said = {name: _plain(value) for name, value in zip(names, row, strict=True) if value is not None}
    return json.dumps(said, separators=(",", ":")) + "\n"


def _plain(value: object) -> object:
    return to_text(value.replace(tzinfo=UTC)) if isinstance(value, datetime) else value
