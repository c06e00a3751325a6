"""Asking the facts: a DuckDB connection with the views `facts` and `calls` over segments and spool."""

# ruff: noqa: S608 - every name and literal in this SQL is our own or quoted

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from agent_deploy.telemetry.facts.engine import open_engine
from agent_deploy.telemetry.facts.files import CACHE_BYTES, SegmentFiles, damaged_segment, hold_segments, segment_files
from agent_deploy.telemetry.facts.holding import HeldFiles
from agent_deploy.telemetry.facts.rollup import SEGMENT_COLUMNS
from agent_deploy.telemetry.facts.rows import COLUMN_LIST, lines_sql, segments_sql
from agent_deploy.telemetry.facts.segments import Segment, are_apart, by_hour, list_segments
from agent_deploy.telemetry.facts.spool import spool_files
from agent_deploy.telemetry.facts.views import (
    IS_ROOT,
    Outside,
    calls_sql,
    facts_sql,
    identities_sql,
    once_sql,
    within_sql,
)
from registry.errors import Missing, Unavailable
from registry.stores import Store
from registry.times import now

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# How far a step may lie from the root of its call and still be found: before the range, and after it.
SLACK = timedelta(hours=1)
# With no `until`, hours are looked for up to here: clocks may be ahead, and a listing without an end is dear.
_AHEAD = timedelta(days=1)
_ATTEMPTS = 10
_TO_LOOK_FOR = {"call_number": "BIGINT", "call_model_calls": "BIGINT", "filename": "VARCHAR"}


def facts_connection(
    store: Store,
    folder: Path,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    cache_bytes: int = CACHE_BYTES,
    clock: Callable[[], datetime] = now,
) -> DuckDBPyConnection:
    """A connection that sees the facts of [since, until), as they are now; it takes no part in what comes later.

    View `facts`: the columns of `fact.COLUMNS`, each (trace_id, span_id) once. View `calls`: a row a call that started
    within the range, with the columns of docs/facts.md. Moments are UTC, naive. None: without that bound, but for
    facts more than a day ahead of the clock where only `since` is given. Raises Damaged naming segments that hold
    other bytes than they should, and Unavailable when the store is away.
    """
    held = HeldFiles(folder)
    connection = open_engine(held.scratch)
    weakref.finalize(connection, held.release)
    try:
        first, last = _reach(since, until, clock)
        _load_spool(connection, folder, held, within_sql(first, last if until is not None else None))
        segments, files = _hold(store, segment_files(store, folder, cache_bytes), held, first, last)
        outside = _make_relations(connection, store, segments, files)
        connection.execute(f"CREATE TEMP VIEW facts AS {facts_sql(since, until)}")
        connection.execute(f"CREATE TEMP VIEW calls AS {calls_sql(since, until, outside)}")
    except BaseException:
        connection.close()
        held.release()
        raise
    return connection


def _reach(
    since: datetime | None, until: datetime | None, clock: Callable[[], datetime]
) -> tuple[datetime | None, datetime | None]:
    """The range with its slack, to look for hours in."""
    first = None if since is None else _moved(since, -SLACK)
    if until is None:
        return first, None if since is None else clock() + _AHEAD
    return first, _moved(until, SLACK)


def _moved(moment: datetime, span: timedelta) -> datetime:
    try:
        return moment + span
    except OverflowError:  # the first or the last moment there is
        return moment


def _load_spool(connection: DuckDBPyConnection, folder: Path, held: HeldFiles, within: str) -> None:
    """The spool's facts as the table `spooled`. To be read before segments are listed: what is sealed in between is
    then in both, not in neither.
    """
    files = []
    for path in spool_files(folder / "spool"):
        try:
            files.append(held.hold(path))
        except FileNotFoundError:  # sealed in between
            continue
    lines = f"SELECT {COLUMN_LIST} FROM ({lines_sql(files)}) WHERE started_at IS NOT NULL AND {within}"
    connection.execute(f"CREATE TEMP TABLE spooled AS {lines}")


def _hold(
    store: Store, files: SegmentFiles, held: HeldFiles, first: datetime | None, last: datetime | None
) -> tuple[list[Segment], list[Path]]:
    """The segments of the range, held as files. One that a compaction took since it was listed, is looked for again."""
    for _ in range(_ATTEMPTS):
        segments = list_segments(store, first, last)
        try:
            return segments, hold_segments(store, files, held, segments)
        except Missing:
            continue
    raise Unavailable(f"the segments in {store.url} changed faster than they could be read")


def _make_relations(
    connection: DuckDBPyConnection, store: Store, segments: Sequence[Segment], files: Sequence[Path]
) -> Outside:
    """The relations that the views stand on: see `views`."""
    apart = {hour for hour, some in by_hour(segments).items() if are_apart(some)} - _hours_spooled(connection)
    whole = [file for segment, file in zip(segments, files, strict=True) if segment.hour in apart]
    several = [file for segment, file in zip(segments, files, strict=True) if segment.hour not in apart]
    _check_readable(connection, store, segments, files)
    view, table = "CREATE TEMP VIEW", "CREATE TEMP TABLE"
    connection.execute(f"{view} whole AS {segments_sql(whole, SEGMENT_COLUMNS)}")
    connection.execute(f"{view} several AS {segments_sql(several)} UNION ALL SELECT {COLUMN_LIST} FROM spooled")
    connection.execute(f"{table} identities AS {identities_sql('several')}")
    connection.execute(f"{table} repeated AS SELECT fact FROM identities GROUP BY fact HAVING count(*) > 1")
    repeated = _one(connection, "SELECT count(*) > 0 FROM repeated")
    connection.execute(f"{view} loose AS {once_sql('several') if repeated else 'FROM several'}")
    connection.execute(f"{view} outside AS FROM loose UNION ALL SELECT {COLUMN_LIST} FROM whole WHERE stray")
    connection.execute("INSERT INTO identities SELECT NULL, call_number FROM whole WHERE stray")
    connection.execute(f"{table} elsewhere AS SELECT DISTINCT call FROM identities")
    connection.execute("DROP TABLE identities")
    return Outside(
        named=_one(connection, "SELECT count(*) > 0 FROM elsewhere WHERE call >= 0"),
        unnamed=_one(connection, "SELECT count(*) > 0 FROM elsewhere WHERE call < 0"),
        torn=_find_torn(connection, whole),
    )


def _find_torn(connection: DuckDBPyConnection, whole: Sequence[Path]) -> bool:
    """Put the roots that have steps in `outside` into the table `torn`; whether there are any. Reads whole rows only
    of the files that have some.
    """
    torn = f"{IS_ROOT} AND call_number IN (SELECT call FROM elsewhere)"
    found = f"SELECT DISTINCT filename FROM ({segments_sql(whole, _TO_LOOK_FOR)}) WHERE {torn}"
    files = [Path(name) for (name,) in connection.execute(found).fetchall()]
    connection.execute(f"CREATE TEMP TABLE torn AS FROM ({segments_sql(files, SEGMENT_COLUMNS)}) WHERE {torn}")
    return bool(files)


def _one(connection: DuckDBPyConnection, question: str) -> bool:
    row = connection.execute(question).fetchone()
    return bool(row and row[0])


def _hours_spooled(connection: DuckDBPyConnection) -> set[datetime]:
    rows = connection.execute("SELECT DISTINCT date_trunc('hour', started_at) FROM spooled").fetchall()
    return {hour.replace(tzinfo=UTC) for (hour,) in rows}


def _check_readable(
    connection: DuckDBPyConnection, store: Store, segments: Sequence[Segment], files: Sequence[Path]
) -> None:
    """Raises Damaged for a segment that is what its digest says, and still no table of facts."""
    import duckdb

    try:
        connection.execute(f"SELECT * FROM ({segments_sql(files, SEGMENT_COLUMNS)}) LIMIT 0")
    except duckdb.Error:
        for segment, file in zip(segments, files, strict=True):
            try:
                connection.execute(f"SELECT * FROM ({segments_sql([file], SEGMENT_COLUMNS)}) LIMIT 0")
            except duckdb.Error as error:
                raise damaged_segment(segment, store.url, str(error).splitlines()[0]) from error
        raise
