"""Facts as rows: the queries that read the spool's lines and the segments, in the columns of `fact.COLUMNS`."""

# ruff: noqa: S608 - every name and literal in this SQL is our own or quoted

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from agent_deploy.telemetry.facts.engine import quoted, quoted_list
from agent_deploy.telemetry.facts.fact import COLUMNS
from agent_deploy.telemetry.facts.lines import EMPTY

COLUMN_LIST = ", ".join(f'"{name}"' for name in COLUMNS)


def no_rows(columns: dict[str, str]) -> str:
    """A query that gives these columns and no row."""
    nulls = ", ".join(f'NULL::{kind} AS "{name}"' for name, kind in columns.items())
    return f"SELECT {nulls} WHERE false"


def lines_sql(files: Collection[Path]) -> str:
    """The facts in files of the spool, and the `filename` of each. A line that is no fact has null in every other
    column; a torn last line may be such a row, or none.
    """
    if not files:
        return no_rows({**COLUMNS, "filename": "VARCHAR"})
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in COLUMNS.items())
    options = f"format = 'newline_delimited', columns = {{{columns}}}, ignore_errors = true, filename = true"
    filled = ", ".join(_filled(name) for name in COLUMNS)
    return f"SELECT {filled}, filename FROM read_json({quoted_list(files)}, {options})"


def segments_sql(files: Collection[Path], columns: dict[str, str] = COLUMNS) -> str:
    """These columns of the facts in Parquet files, of which one may be `filename`."""
    if not files:
        return no_rows(columns)
    names = ", ".join(f'"{name}"' for name in columns)
    return f"SELECT {names} FROM read_parquet({quoted_list(files)}, hive_partitioning = false, filename = true)"


def _filled(name: str) -> str:
    """The column, with what a line leaves out put back; null for a line that is no fact."""
    empty = EMPTY[name]
    if empty is None:
        return f'"{name}"'
    literal = quoted(empty) if isinstance(empty, str) else str(empty).lower()
    return f'CASE WHEN started_at IS NOT NULL THEN coalesce("{name}", {literal}) END AS "{name}"'
