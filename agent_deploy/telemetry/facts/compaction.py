"""Compaction: an hour's segments become one once the hour is over, each fact once, put before the old ones go.

A busy hour becomes several, each with its part of the traces, so that one fits into memory. A crash in between leaves
facts in two segments; queries count each once, and the next compaction finishes the work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from agent_deploy.telemetry.facts.engine import open_engine
from agent_deploy.telemetry.facts.files import (
    SegmentFiles,
    damaged_together,
    hold_segments,
    note_written,
    segment_files,
)
from agent_deploy.telemetry.facts.holding import HeldFiles
from agent_deploy.telemetry.facts.lease import take_lease
from agent_deploy.telemetry.facts.rows import any_segments_sql
from agent_deploy.telemetry.facts.segments import (
    HOUR,
    Segment,
    are_apart,
    by_hour,
    in_parallel,
    list_segments,
    put_segment,
)
from agent_deploy.telemetry.facts.writing import segment_bytes
from registry.errors import Damaged, Missing
from registry.failpoints import reached
from registry.stores import Store
from registry.times import now

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_GRACE = timedelta(minutes=5)  # spans are exported a while after they end; before that an hour would be merged twice
_MANY = 24  # segments of the running hour, before they too are merged
_PART_BYTES = 24 * 1024 * 1024  # about half a million facts: what is merged, and put, from memory
_MOST_PARTS = 256


@dataclass(frozen=True, slots=True)
class Compacted:
    """What a compaction did. merged: segments that went. written: those that took their place. Sizes in bytes."""

    hours: int = 0
    merged: int = 0
    written: int = 0
    bytes_before: int = 0
    bytes_after: int = 0


def merges(segments: Sequence[Segment], at: datetime) -> list[list[Segment]]:
    """The segments of each hour that there is something to merge of, as it is at this moment; the oldest first.

    Those of an hour that is over unless they are merged already; of the running hour only when they have become many.
    """
    return [some for hour, some in by_hour(segments).items() if _is_due(hour, some, at)]


def parts_for(segments: Sequence[Segment]) -> int:
    """Into how many parts, by trace, the merged hour is split: a power of two, and never fewer than it has."""
    size, parts = sum(segment.size for segment in segments), max(segment.parts for segment in segments)
    while parts < _MOST_PARTS and parts * _PART_BYTES < size:
        parts *= 2
    return parts


def compact(store: Store, folder: Path, *, clock: Callable[[], datetime] = now) -> Compacted:
    """Merge what there is to merge. Raises Conflict while another process does; Damaged, when all else is done,
    naming segments that hold other bytes than they should; their hours stay as they are.
    """
    lease = take_lease(store, clock=clock)
    files, done, damaged = segment_files(store, folder), Compacted(), list[Damaged]()
    try:
        for merge in merges(list_segments(store), clock()):
            try:
                done = _sum(done, _merge(store, folder, files, merge, lease.renew))
            except Damaged as error:
                damaged.append(error)
            except Missing:  # whoever had the lease before us was not done, and is now
                continue
    finally:
        lease.release()
    if damaged:
        raise damaged_together(damaged)
    return done


def _is_due(hour: datetime, segments: Sequence[Segment], at: datetime) -> bool:
    if are_apart(segments):
        return False
    is_over = hour + HOUR + _GRACE <= at
    return is_over or len(segments) - max(segment.parts for segment in segments) >= _MANY - 1


def _merge(
    store: Store, folder: Path, files: SegmentFiles, merge: Sequence[Segment], alive: Callable[[], None]
) -> Compacted:
    held = HeldFiles(folder)
    try:
        paths = hold_segments(store, files, held, merge)
        written = list(_written(store, held, list(zip(merge, paths, strict=True)), alive))
    finally:
        held.release()
    reached("compact.stored")
    note_written(store, folder, written)
    gone = [segment for segment in merge if segment not in written]
    in_parallel(store, lambda segment: store.delete(segment.key), gone)
    reached("compact.deleted")
    sizes = [sum(segment.size for segment in some) for some in (merge, written)]
    return Compacted(1, len(merge), len(written), *sizes)


def _written(
    store: Store, held: HeldFiles, sources: Sequence[tuple[Segment, Path]], alive: Callable[[], None]
) -> Iterator[Segment]:
    """The segments that take the place of the sources, part by part; a part that gains nothing stays as it is."""
    hour, parts = sources[0][0].hour, parts_for([segment for segment, _ in sources])
    for part in range(1, parts + 1):
        alive()
        own = [(segment, path) for segment, path in sources if (segment.part, segment.parts) == (part, parts)]
        others = [path for segment, path in sources if segment.parts != parts or parts == 1]
        with open_engine(held.scratch) as connection:
            added = _part_of(any_segments_sql(connection, others), part, parts)
            if parts > 1 and len(own) == 1 and not _has_any(connection, added):
                yield own[0][0]
                continue
            rows = any_segments_sql(connection, [path for _, path in own if parts > 1])
            data, count = segment_bytes(connection, f"{rows} UNION ALL {added}", held.folder)
        if count:
            yield put_segment(store, hour, data, part, parts)


def _part_of(facts: str, part: int, parts: int) -> str:
    """Those of the facts whose trace is of the part. By the id's last digits: in some the first are the time."""
    digits = "try_cast('0x' || right(trace_id, 2) AS INTEGER)"
    return f"FROM ({facts}) WHERE coalesce({digits}, 0) % {parts} = {part - 1}"


def _has_any(connection: DuckDBPyConnection, query: str) -> bool:
    return connection.execute(f"{query} LIMIT 1").fetchone() is not None


def _sum(one: Compacted, other: Compacted) -> Compacted:
    return Compacted(
        one.hours + other.hours,
        one.merged + other.merged,
        one.written + other.written,
        one.bytes_before + other.bytes_before,
        one.bytes_after + other.bytes_after,
    )
