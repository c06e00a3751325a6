"""DuckDB as the facts use it: in memory, bounded, and offline."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_MEMORY_LIMIT = "640MB"  # of DuckDB's own buffers, so that the whole process stays under a gigabyte


def open_engine(scratch: Path) -> DuckDBPyConnection:
    """An empty database in memory. What does not fit there is put in the folder `scratch`.

    Parquet, JSON and time zones are built in: no extension is ever fetched or loaded.
    """
    import duckdb

    offline = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}
    connection = duckdb.connect(":memory:", config={**offline, "memory_limit": _MEMORY_LIMIT})
    connection.execute(f"SET temp_directory = {quoted(scratch)}")
    connection.execute("SET TimeZone = 'UTC'; SET parquet_metadata_cache = true")
    connection.execute("SET enable_external_file_cache = false")  # the kernel keeps local files well enough
    return connection


def quoted(value: object) -> str:
    """The text of it as a literal of SQL."""
    return "'" + str(value).replace("'", "''") + "'"


def quoted_list(values: Iterable[object]) -> str:
    """The texts as a list literal of SQL."""
    return "[" + ", ".join(map(quoted, values)) + "]"
