"""Facts as rows: the queries that read the spool's lines and the segments, in the columns of `fact.COLUMNS`."""

# ruff: noqa: S608 - every name and literal in this SQL is our own or quoted

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from agent_deploy.telemetry.facts.engine import quoted, quoted_list
from agent_deploy.telemetry.facts.fact import COLUMNS
from agent_deploy.telemetry.facts.lines import EMPTY

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

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


def any_segments_sql(connection: DuckDBPyConnection, files: Collection[Path]) -> str:
    """The facts in Parquet files of this release and of older ones: what a column says that those had not, is nothing.

    Raises duckdb.Error where one cannot be read.
    """
    present = columns_of(connection, files)
    older = [file for file in files if not present[file] >= COLUMNS.keys()]
    parts = [segments_sql([file for file in files if file not in older])]
    parts += [_older_sql(file, present[file]) for file in older]
    return " UNION ALL ".join(parts)


def columns_of(connection: DuckDBPyConnection, files: Collection[Path]) -> dict[Path, frozenset[str]]:
    """The names of the columns of each Parquet file."""
    if not files:
        return {}
    found = connection.execute(
        f"SELECT file_name, list(name) FROM parquet_schema({quoted_list(files)}) GROUP BY file_name"
    ).fetchall()
    return {Path(file): frozenset(names) for file, names in found}


def _older_sql(file: Path, present: frozenset[str]) -> str:
    names = ", ".join(f'"{name}"' if name in present else f'{_nothing(name)} AS "{name}"' for name in COLUMNS)
    return f"SELECT {names} FROM read_parquet({quoted(file)}, hive_partitioning = false)"


def _nothing(name: str) -> str:
    empty = EMPTY[name]
    if empty is None:
        return f"NULL::{COLUMNS[name]}"
    return quoted(empty) if isinstance(empty, str) else f"{str(empty).lower()}::{COLUMNS[name]}"


def _filled(name: str) -> str:
    """The column, with what a line leaves out put back; null for a line that is no fact."""
    if EMPTY[name] is None:
        return f'"{name}"'
    return f'CASE WHEN started_at IS NOT NULL THEN coalesce("{name}", {_nothing(name)}) END AS "{name}"'
