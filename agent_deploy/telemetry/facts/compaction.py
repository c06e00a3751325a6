"""Compaction: an hour's segments become one once the hour is over, each fact once, put before the old ones go.

A crash in between leaves facts in two segments; queries count each once, and the next compaction finishes the work.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

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
from agent_deploy.telemetry.facts.rows import segments_sql
from agent_deploy.telemetry.facts.segments import HOUR, Segment, in_parallel, list_segments, put_segment
from agent_deploy.telemetry.facts.writing import segment_bytes
from registry.errors import Damaged, Missing
from registry.failpoints import reached
from registry.stores import Store
from registry.times import now

_GRACE = timedelta(minutes=5)  # spans are exported a while after they end; before that an hour would be merged twice
_MANY = 24  # segments of the running hour, before they too are merged
_LARGEST_BYTES = 256 * 1024 * 1024  # of what is merged into one: a segment is put as a whole, from memory


@dataclass(frozen=True, slots=True)
class Compacted:
    """What a compaction did. merged: segments that went. written: those that took their place. Sizes in bytes."""

    hours: int = 0
    merged: int = 0
    written: int = 0
    bytes_before: int = 0
    bytes_after: int = 0


def merges(segments: Sequence[Segment], at: datetime) -> list[list[Segment]]:
    """Which segments to merge with each other, as it is at this moment; the oldest hours first.

    All of an hour that is over, as far as they make no segment of more than 256 MiB; of the running hour only when
    they have become many.
    """
    by_hour: dict[datetime, list[Segment]] = defaultdict(list)
    for segment in segments:
        by_hour[segment.hour].append(segment)
    due = (some for hour, some in sorted(by_hour.items()) if len(some) >= (2 if _is_over(hour, at) else _MANY))
    return [merge for some in due for merge in _packed(some)]


def compact(store: Store, folder: Path, *, clock: Callable[[], datetime] = now) -> Compacted:
    """Merge what there is to merge. Raises Conflict while another process does; Damaged, when all else is done,
    naming segments that hold other bytes than they should, which stay as they are.
    """
    lease = take_lease(store, clock=clock)
    files, done, damaged = segment_files(store, folder), Compacted(), list[Damaged]()
    try:
        for merge in merges(list_segments(store), clock()):
            lease.renew()
            try:
                done = _sum(done, _merge(store, folder, files, merge))
            except Damaged as error:
                damaged.append(error)
            except Missing:  # whoever had the lease before us was not done, and is now
                continue
    finally:
        lease.release()
    if damaged:
        raise damaged_together(damaged)
    return done


def _is_over(hour: datetime, at: datetime) -> bool:
    return hour + HOUR + _GRACE <= at


def _packed(segments: Sequence[Segment]) -> Iterator[list[Segment]]:
    """Segments together that are small enough to be one, the smallest first."""
    pack, size = list[Segment](), 0
    for segment in sorted(segments, key=lambda one: (one.size, one.digest)):
        if size + segment.size > _LARGEST_BYTES:
            break
        pack.append(segment)
        size += segment.size
    if len(pack) > 1:
        yield sorted(pack)


def _merge(store: Store, folder: Path, files: SegmentFiles, merge: Sequence[Segment]) -> Compacted:
    held = HeldFiles(folder)
    try:
        with open_engine(held.scratch) as connection:
            paths = hold_segments(store, files, held, merge)
            data, _ = segment_bytes(connection, segments_sql(paths), held.folder)
    finally:
        held.release()
    written = put_segment(store, merge[0].hour, data)
    reached("compact.stored")
    note_written(store, folder, [written])
    gone = [segment for segment in merge if segment != written]
    in_parallel(store, lambda segment: store.delete(segment.key), gone)
    reached("compact.deleted")
    return Compacted(1, len(merge), 1, sum(segment.size for segment in merge), written.size)


def _sum(one: Compacted, other: Compacted) -> Compacted:
    return Compacted(
        one.hours + other.hours,
        one.merged + other.merged,
        one.written + other.written,
        one.bytes_before + other.bytes_before,
        one.bytes_after + other.bytes_after,
    )
