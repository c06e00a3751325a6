"""Writing segments: from rows in DuckDB to Parquet in the store, hour by hour."""

# ruff: noqa: S608 - every name and literal in this SQL is our own or quoted

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from agent_deploy.telemetry.facts.engine import quoted
from agent_deploy.telemetry.facts.rollup import segment_sql
from agent_deploy.telemetry.facts.rows import COLUMN_LIST
from agent_deploy.telemetry.facts.segments import HOUR, Segment, in_parallel, put_segment
from agent_deploy.telemetry.facts.sums import footer_of, footer_sql
from agent_deploy.telemetry.facts.views import within_sql
from registry.stores import Store

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_NAME = "segment.parquet"


def put_hours(connection: DuckDBPyConnection, table: str, store: Store, folder: Path) -> tuple[list[Segment], int]:
    """Store the facts of a table as segments, one for each hour; the segments, and how many facts are in them."""
    written: list[Segment] = []
    facts = 0
    for batch in _batches(hours_of(connection, table), store.parallel):
        made = [(hour, *segment_bytes(connection, rows_of(table, hour), folder)) for hour in batch]
        facts += sum(count for _, _, count in made)
        written += in_parallel(store, lambda one: put_segment(store, one[0], one[1]), made)
    return written, facts


def segment_bytes(connection: DuckDBPyConnection, rows: str, folder: Path) -> tuple[bytes, int]:
    """The Parquet of a segment with the facts of this query, each once, and how many they are."""
    path = folder / _NAME
    connection.execute(f"CREATE OR REPLACE TEMP TABLE one_hour AS {rows}")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE segment AS {segment_sql('one_hour')}")
    connection.execute("DROP TABLE one_hour")
    options = "FORMAT parquet, COMPRESSION zstd" + footer_sql(footer_of(connection, "segment"))
    count = connection.execute(f"COPY segment TO {quoted(path)} ({options})").fetchone()
    connection.execute("DROP TABLE segment")
    data = path.read_bytes()
    path.unlink()
    return data, int(count[0]) if count else 0


def hours_of(connection: DuckDBPyConnection, table: str) -> list[datetime]:
    """The hours that a table's facts lie in."""
    rows = connection.execute(
        f"SELECT DISTINCT date_trunc('hour', started_at) AS hour FROM {table} WHERE started_at IS NOT NULL ORDER BY 1"
    ).fetchall()
    return [hour.replace(tzinfo=UTC) for (hour,) in rows]


def rows_of(table: str, hour: datetime) -> str:
    """The query of a table's facts in one hour."""
    return f"SELECT {COLUMN_LIST} FROM {table} WHERE {within_sql(hour, hour + HOUR)}"


def _batches(hours: list[datetime], size: int) -> Iterator[list[datetime]]:
    for start in range(0, len(hours), size):
        yield hours[start : start + size]
