"""What a segment holds: its facts, each once, and beside each call's root the sums over the call's steps.

Most calls lie within one hour, and so within one segment once the hour is compacted. With the sums beside the root, a
query over calls reads one row a call and groups nothing. Rows of calls that the segment does not hold whole, as far as
it can tell (no root, or not exactly one), are `stray`: those are grouped when they are asked for.
"""

# ruff: noqa: S608 - every name and literal in this SQL is our own or quoted

from __future__ import annotations

from typing import NamedTuple

from agent_deploy.telemetry.facts.fact import COLUMNS
from agent_deploy.telemetry.facts.rows import COLUMN_LIST

TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")

# The root of a call: where no span processor of ours named it, the call span without a parent stands for its trace.
ROOT = "(kind = 'call' AND (span_id = call_id OR (call_id = '' AND parent_span_id = '')))"


class Sum(NamedTuple):
    """A column over the rows of a call: its type, how it is had from the rows, and how from parts of the call."""

    kind: str
    of_rows: str
    of_parts: str


def _count(condition: str) -> Sum:
    return Sum("BIGINT", f"count(*) FILTER ({condition})", "sum")


SUMS: dict[str, Sum] = {
    "call_model_calls": _count("kind = 'model'"),
    "call_tool_calls": _count("kind = 'tool'"),
    "call_attempts": _count("kind = 'attempt' AND attempt > 1"),
    "call_retried": _count("kind <> 'attempt' AND attempt > 1"),
    **{f"call_{name}": Sum("BIGINT", f"sum({name}) FILTER (kind = 'model')", "sum") for name in TOKENS},
    "call_model_first": Sum("VARCHAR", "min(model) FILTER (kind = 'model')", "min"),
    "call_model_last": Sum("VARCHAR", "max(model) FILTER (kind = 'model')", "max"),
    "call_outcome": Sum("VARCHAR", "max(outcome)", "max"),
    "call_confidence": Sum("DOUBLE", "min(confidence)", "min"),
    "call_score": Sum("DOUBLE", "min(score)", "min"),
    "call_score_passed": Sum("BOOLEAN", "bool_and(score_passed)", "bool_and"),
}
# What a segment holds. The sums are null but on the root of a call that is not stray.
SEGMENT_COLUMNS = {**COLUMNS, "stray": "BOOLEAN", **{name: one.kind for name, one in SUMS.items()}}
SUMS_OF_ROWS = ", ".join(f"({one.of_rows})::{one.kind} AS {name}" for name, one in SUMS.items())
SUMS_OF_PARTS = ", ".join(f"{one.of_parts}({name})::{one.kind} AS {name}" for name, one in SUMS.items())


def segment_sql(table: str) -> str:
    """The rows of a segment that holds the facts of this table, each once: of several, the one inserted first."""
    sums = ", ".join(f"CASE WHEN roots = 1 AND {ROOT} THEN {name} END AS {name}" for name in SUMS)
    return f"""
        WITH facts AS MATERIALIZED (
                SELECT {COLUMN_LIST} FROM {table}
                WHERE rowid IN (SELECT min(rowid) FROM {table} GROUP BY trace_id, span_id)),
            calls AS (
                SELECT trace_id, call_id, count(*) FILTER ({ROOT}) AS roots, {SUMS_OF_ROWS} FROM facts
                GROUP BY trace_id, call_id)
        SELECT {COLUMN_LIST}, roots <> 1 AS stray, {sums} FROM facts JOIN calls USING (trace_id, call_id)
        ORDER BY workflow, NOT {ROOT}, started_at, trace_id, span_id"""
