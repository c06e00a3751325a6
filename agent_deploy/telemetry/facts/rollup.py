"""What a segment holds: its facts, each once, and beside each call's root the sums over the call's steps.

Most calls lie within one hour, and so within one segment once the hour is compacted. With the sums beside the root, a
query over calls reads one row a call and groups nothing. Rows of calls that cannot be told so are `stray`: those whose
root is not here, or not one, or reaches beyond the hour, or does not say what its steps say. They are grouped when they
are asked for.
"""

# ruff: noqa: S608 - every name and literal in this SQL is our own or quoted

from __future__ import annotations

from typing import NamedTuple

from agent_deploy.telemetry.facts.fact import COLUMNS
from agent_deploy.telemetry.facts.rows import COLUMN_LIST

TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")

# The root of a call: where no span processor of ours named it, the call span without a parent stands for its trace.
ROOT = "(kind = 'call' AND (span_id = call_id OR (call_id = '' AND parent_span_id = '')))"

# What every span of a call is stamped with; of the spans of others, where only some say it, what those say.
STAMPS = ("workflow", "environment", '"version"', "tag", "digest", "generation", "tenant", '"user"', "conversation")
ANY_STAMP = ", ".join(f"max({name}) AS {name}" for name in STAMPS)
# Steps of a call that begins and ends within its hour, by a second's margin for clocks, are hardly ever elsewhere.
_OF_HOUR_MS = "epoch_us(started_at) % 3600000000 / 1000.0"
_WITHIN_HOUR = f"any_value({_OF_HOUR_MS} >= 1000 AND {_OF_HOUR_MS} + duration_ms < 3599000) FILTER ({ROOT})"
_ROOT_SAYS_ALL = " AND ".join(f"max({name}) = any_value({name}) FILTER ({ROOT})" for name in STAMPS)


class Sum(NamedTuple):
    """A column over the rows of a call: its type, what one row adds, and how rows, or parts of a call, add up."""

    kind: str
    of_row: str
    add: str


def _count(condition: str) -> Sum:
    return Sum("BIGINT", f"({condition})::BIGINT", "sum")


def _of_model(column: str, kind: str, add: str) -> Sum:
    return Sum(kind, f"CASE WHEN kind = 'model' THEN {column} END", add)


SUMS: dict[str, Sum] = {
    "call_model_calls": _count("kind = 'model'"),
    "call_tool_calls": _count("kind = 'tool'"),
    "call_attempts": _count("kind = 'attempt' AND attempt > 1"),
    "call_retried": _count("kind <> 'attempt' AND attempt > 1"),
    **{f"call_{name}": _of_model(name, "BIGINT", "sum") for name in TOKENS},
    "call_model_first": _of_model("model", "VARCHAR", "min"),
    "call_model_last": _of_model("model", "VARCHAR", "max"),
    "call_outcome": Sum("VARCHAR", "outcome", "max"),
    "call_confidence": Sum("DOUBLE", "confidence", "min"),
    "call_score": Sum("DOUBLE", "score", "min"),
    "call_score_passed": Sum("BOOLEAN", "score_passed", "bool_and"),
}
# A number for a call that is quick to look for, less than 0 where the trace stands for the call. Two calls hardly ever
# share one, and it does no harm if they do.
_LAST_DIGITS = "coalesce(try_cast('0x' || right({id}, 15) AS BIGINT), 0)"
CALL_NUMBER = (
    f"CASE WHEN call_id = '' THEN -1 - {_LAST_DIGITS.format(id='trace_id')} "
    f"ELSE {_LAST_DIGITS.format(id='call_id')} END"
)
# What a segment holds. The sums are null but on the root of a call that is not stray; the number is there, and on all
# stray rows.
SEGMENT_COLUMNS = {
    **COLUMNS,
    "stray": "BOOLEAN",
    "call_number": "BIGINT",
    **{name: one.kind for name, one in SUMS.items()},
}
_SUMS_OF_ROWS = ", ".join(f"{one.add}({one.of_row})::{one.kind} AS {name}" for name, one in SUMS.items())
# Over rows some of which are roots that bring the sums of their call along.
SUMS_OF_PARTS = ", ".join(
    f"{one.add}(coalesce({name}, {one.of_row}))::{one.kind} AS {name}" for name, one in SUMS.items()
)


def segment_sql(table: str) -> str:
    """The rows of a segment that holds the facts of this table, each once: of several, the one inserted first."""
    sums = ", ".join(f"CASE WHEN whole AND {ROOT} THEN {name} END AS {name}" for name in SUMS)
    return f"""
        WITH facts AS MATERIALIZED (
                SELECT {COLUMN_LIST} FROM {table}
                WHERE rowid IN (SELECT min(rowid) FROM {table} GROUP BY trace_id, span_id)),
            calls AS (
                SELECT trace_id, call_id, {_SUMS_OF_ROWS},
                    coalesce(count(*) FILTER ({ROOT}) = 1 AND {_WITHIN_HOUR} AND {_ROOT_SAYS_ALL}, false) AS whole
                FROM facts GROUP BY trace_id, call_id)
        SELECT {COLUMN_LIST}, NOT whole AS stray,
            CASE WHEN {ROOT} OR NOT whole THEN {CALL_NUMBER} END AS call_number, {sums}
        FROM facts JOIN calls USING (trace_id, call_id)
        ORDER BY workflow, NOT {ROOT}, started_at, trace_id, span_id"""
