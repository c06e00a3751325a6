"""Asking the facts: a DuckDB connection with the views `facts` and `calls` over segments and spool."""

# ruff: noqa: S608 - every name and literal in this SQL is our own or quoted

from __future__ import annotations

import weakref
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from agent_deploy.telemetry.facts.engine import open_engine
from agent_deploy.telemetry.facts.files import CACHE_BYTES, SegmentFiles, hold_segments, segment_files
from agent_deploy.telemetry.facts.holding import HeldFiles
from agent_deploy.telemetry.facts.relations import Held, make_relations
from agent_deploy.telemetry.facts.rows import COLUMN_LIST, lines_sql
from agent_deploy.telemetry.facts.segments import list_segments
from agent_deploy.telemetry.facts.spool import spool_files
from agent_deploy.telemetry.facts.views import calls_sql, facts_sql, within_sql
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
        segments = _hold(store, segment_files(store, folder, cache_bytes), held, first, last)
        outside = make_relations(connection, store, segments, held.folder)
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
) -> list[Held]:
    """The segments of the range, held as files. One that a compaction took since it was listed, is looked for again."""
    for _ in range(_ATTEMPTS):
        segments = list_segments(store, first, last)
        try:
            return list(map(Held, segments, hold_segments(store, files, held, segments)))
        except Missing:
            continue
    raise Unavailable(f"the segments in {store.url} changed faster than they could be read")
