"""The relations that the views stand on (see `views`), made from segments that are held as files and from `spooled`.

Beside those, `sums` has what whole calls came to, hour by hour, of the hours that lie wholly in the range and whose
segments tell it. Who asks it for some hours has the views leave them out: `leave_out`.
"""

# ruff: noqa: S608 - every name and literal in this SQL is our own or quoted

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from agent_deploy.telemetry.facts.engine import quoted
from agent_deploy.telemetry.facts.fact import COLUMNS
from agent_deploy.telemetry.facts.files import damaged_segment
from agent_deploy.telemetry.facts.rollup import CALL_NUMBER, SEGMENT_COLUMNS
from agent_deploy.telemetry.facts.rows import (
    COLUMN_LIST,
    any_segments_sql,
    columns_of,
    lines_sql,
    no_rows,
    segments_sql,
)
from agent_deploy.telemetry.facts.segments import HOUR, Segment, are_apart, by_hour
from agent_deploy.telemetry.facts.sums import SUM_COLUMNS, Footer, read_footers
from agent_deploy.telemetry.facts.views import IS_ROOT, NO_SUMS, Outside, identities_sql, once_sql
from registry.stores import Store

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_TO_LOOK_FOR = {"call_number": "BIGINT", "call_model_calls": "BIGINT", "filename": "VARCHAR"}
_LEAST_COLUMNS = {"trace_id", "span_id", "parent_span_id", "call_id", "kind", "started_at"}  # of any release
_LIST = ", ".join(f'"{name}"' for name in SEGMENT_COLUMNS)


@dataclass(frozen=True, slots=True)
class Held:
    """A segment, and the file that it is read from."""

    segment: Segment
    file: Path


def make_relations(connection: DuckDBPyConnection, store: Store, held: Sequence[Held], scratch: Path) -> Outside:
    """Make them; `spooled` is there already. scratch: a folder for files that stay as long as the connection.

    Raises Damaged for a segment that is what its digest says, and still no table of facts.
    """
    footers, older = _read_footers(connection, store, held)
    apart = _hours_apart(held) - _hours_spooled(connection) - {one.segment.hour for one in older}
    whole = [one for one in held if one.segment.hour in apart]
    several = [one.file for one in held if one.segment.hour not in apart]
    footers = {str(one.file): footers[str(one.file)] for one in whole}
    _make_strays(connection, footers, scratch / "strays.jsonl")
    connection.execute(f"CREATE TEMP VIEW whole AS {segments_sql([one.file for one in whole], SEGMENT_COLUMNS)}")
    named, unnamed = _make_loose(connection, several)
    torn = _make_torn(connection, [one.file for one in whole])
    _make_sums(connection, whole, footers, torn, scratch / "sums.jsonl")
    return Outside(named, unnamed, torn=bool(torn))


def whole_hours(connection: DuckDBPyConnection, since: datetime | None, until: datetime | None) -> list[datetime]:
    """The hours within [since, until) that `sums` tells of; of others there is nothing in it that may be used."""
    rows = connection.execute("SELECT hour FROM summed_hours ORDER BY hour").fetchall()
    hours = [hour.replace(tzinfo=UTC) for (hour,) in rows]
    return [hour for hour in hours if (since is None or since <= hour) and (until is None or hour + HOUR <= until)]


def leave_out(connection: DuckDBPyConnection, hours: Collection[datetime]) -> None:
    """From now on, the views leave out the whole calls of these hours, for which `sums` stands."""
    _make_table(connection, "left_out", {"hour": "TIMESTAMP"}, [(_moment(hour),) for hour in hours])
    rest = connection.execute("SELECT file FROM whole_files WHERE hour NOT IN (FROM left_out) ORDER BY file").fetchall()
    strays = f"SELECT {_LIST} FROM strays WHERE date_trunc('hour', started_at) IN (FROM left_out)"
    files = [Path(file) for (file,) in rest]
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW whole AS {segments_sql(files, SEGMENT_COLUMNS)} UNION ALL {strays}"
    )


def _make_strays(connection: DuckDBPyConnection, footers: Mapping[str, Footer], path: Path) -> None:
    """`strays`, of the stray rows of `whole`: from footers, and row by row where those say nothing."""
    path.write_bytes(b"".join(footer.strays for footer in footers.values() if footer.strays))
    silent = [Path(file) for file, footer in footers.items() if footer.strays is None]
    lines = lines_sql([path]) if path.stat().st_size else no_rows(COLUMNS)
    connection.execute(
        f"""CREATE TEMP TABLE strays_told AS
        SELECT {COLUMN_LIST}, true AS stray, {CALL_NUMBER} AS call_number, {NO_SUMS} FROM ({lines});
        CREATE TEMP VIEW strays AS FROM strays_told
        UNION ALL SELECT {_LIST} FROM ({segments_sql(silent, SEGMENT_COLUMNS)}) WHERE stray"""
    )


def _make_loose(connection: DuckDBPyConnection, several: Sequence[Path]) -> tuple[bool, bool]:
    """`several`, `loose`, `outside` and the tables `repeated` and `elsewhere`; whether `outside` has facts with a call
    id, and without.

    elsewhere: the numbers of calls whose root may be in `whole`: it is not in `outside`, or may not be the only one.
    """
    view, table = "CREATE TEMP VIEW", "CREATE TEMP TABLE"
    connection.execute(
        f"{view} several AS {any_segments_sql(connection, several)} UNION ALL SELECT {COLUMN_LIST} FROM spooled"
    )
    connection.execute(f"{table} identities AS {identities_sql('several')}")
    connection.execute(f"{table} repeated AS SELECT fact FROM identities GROUP BY fact HAVING count(*) > 1")
    repeated = _one(connection, "SELECT count(*) > 0 FROM repeated")
    connection.execute(f"{view} loose AS {once_sql('several') if repeated else 'FROM several'}")
    connection.execute(f"{view} outside AS FROM loose UNION ALL SELECT {COLUMN_LIST} FROM strays")
    connection.execute(f"INSERT INTO identities {identities_sql('strays')}")
    numbers = "SELECT call FROM identities GROUP BY call HAVING call <= 0 OR NOT bool_or(root)"
    connection.execute(f"{table} elsewhere AS {numbers}")
    named, unnamed = (_one(connection, f"SELECT bool_or(call {sign} 0) FROM identities") for sign in (">=", "<"))
    connection.execute("DROP TABLE identities")
    return named, unnamed


def _make_torn(connection: DuckDBPyConnection, whole: Sequence[Path]) -> list[str]:
    """Put the roots in `whole` that have steps in `outside` into the table `torn`; the files that have some. Reads
    whole rows only of these.
    """
    torn = f"{IS_ROOT} AND call_number IN (SELECT call FROM elsewhere)"
    names: list[str] = []
    if _one(connection, "SELECT count(*) > 0 FROM elsewhere"):
        found = f"SELECT DISTINCT filename FROM ({segments_sql(whole, _TO_LOOK_FOR)}) WHERE {torn}"
        names = [name for (name,) in connection.execute(found).fetchall()]
    rows = segments_sql([Path(name) for name in names], SEGMENT_COLUMNS)
    connection.execute(f"CREATE TEMP TABLE torn AS FROM ({rows}) WHERE {torn}")
    return names


def _make_sums(
    connection: DuckDBPyConnection,
    whole: Sequence[Held],
    footers: Mapping[str, Footer],
    torn: Collection[str],
    path: Path,
) -> None:
    """`sums`, `summed_hours` (those that it tells of) and `whole_files` (hour, file)."""
    path.write_bytes(b"".join(footer.sums for footer in footers.values() if footer.sums))
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in SUM_COLUMNS.items())
    read = f"FROM read_json({quoted(path)}, format = 'newline_delimited', columns = {{{columns}}})"
    connection.execute(f"CREATE TEMP TABLE sums AS {read if path.stat().st_size else no_rows(SUM_COLUMNS)}")
    kinds = {"hour": "TIMESTAMP", "file": "VARCHAR", "summed": "BOOLEAN"}
    told = {file for file, footer in footers.items() if footer.sums is not None} - set(torn)
    rows = [(_moment(one.segment.hour), str(one.file), str(one.file) in told) for one in whole]
    _make_table(connection, "whole_files", kinds, rows)
    connection.execute(
        "CREATE TEMP VIEW summed_hours AS SELECT hour FROM whole_files GROUP BY hour HAVING bool_and(summed)"
    )


def _make_table(
    connection: DuckDBPyConnection, name: str, columns: Mapping[str, str], rows: Sequence[tuple[object, ...]]
) -> None:
    names = ", ".join(f"{column} {kind}" for column, kind in columns.items())
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} ({names})")
    if rows:
        values = ", ".join(f"({', '.join(map(quoted, row))})" for row in rows)
        connection.execute(f"INSERT INTO {name} VALUES {values}")


def _moment(hour: datetime) -> datetime:
    return hour.astimezone(UTC).replace(tzinfo=None)


def _one(connection: DuckDBPyConnection, question: str) -> bool:
    row = connection.execute(question).fetchone()
    return bool(row and row[0])


def _hours_apart(held: Iterable[Held]) -> set[datetime]:
    hours = by_hour(one.segment for one in held)
    return {hour for hour, segments in hours.items() if are_apart(segments)}


def _hours_spooled(connection: DuckDBPyConnection) -> set[datetime]:
    rows = connection.execute("SELECT DISTINCT date_trunc('hour', started_at) FROM spooled").fetchall()
    return {hour.replace(tzinfo=UTC) for (hour,) in rows}


def _read_footers(
    connection: DuckDBPyConnection, store: Store, held: Sequence[Held]
) -> tuple[dict[str, Footer], list[Held]]:
    """What the footers say, and the segments of an older release, which lack columns. Raises Damaged."""
    import duckdb

    try:
        footers = read_footers(connection, [str(one.file) for one in held])
        silent = [one for one in held if footers[str(one.file)].strays is None]
        present = columns_of(connection, [one.file for one in silent])
    except duckdb.Error:
        for one in held:
            try:
                columns_of(connection, [one.file])
            except duckdb.Error as error:
                raise damaged_segment(one.segment, store.url, str(error).splitlines()[0]) from error
        raise
    for one in silent:
        if not present[one.file] >= _LEAST_COLUMNS:
            raise damaged_segment(one.segment, store.url, "it is no table of facts")
    return footers, [one for one in silent if not present[one.file] >= SEGMENT_COLUMNS.keys()]
