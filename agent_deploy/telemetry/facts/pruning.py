"""Pruning: whole hours of facts go once they are old enough. And setting aside: damaged segments leave the facts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agent_deploy.telemetry.facts.files import segment_files
from agent_deploy.telemetry.facts.lease import take_lease
from agent_deploy.telemetry.facts.segments import HOUR, PREFIX, Segment, in_parallel, list_segments
from registry.errors import Damaged, Exists, Missing
from registry.stores import Store
from registry.times import now

ASIDE = "facts-damaged/"


@dataclass(frozen=True, slots=True)
class Pruned:
    """The segments removed (or, in a dry run, to be removed), in order, and the moment before which their hours end."""

    before: datetime
    segments: tuple[Segment, ...]

    @property
    def freed_bytes(self) -> int:
        """Their sizes together."""
        return sum(segment.size for segment in self.segments)


def prune(store: Store, older_than: timedelta, *, dry_run: bool = False, clock: Callable[[], datetime] = now) -> Pruned:
    """Remove every hour that ended longer ago than this. Raises Conflict while another process tidies the facts."""
    before = _before(clock(), older_than)
    old = tuple(segment for segment in list_segments(store, None, before) if segment.hour + HOUR <= before)
    if old and not dry_run:
        lease = take_lease(store, clock=clock)
        try:
            in_parallel(store, lambda segment: store.delete(segment.key), old)
        finally:
            lease.release()
    return Pruned(before, old)


def _before(at: datetime, older_than: timedelta) -> datetime:
    try:
        return at - older_than
    except OverflowError:  # before all time; no span is older than the epoch that it counts from
        return datetime.fromtimestamp(0, UTC)


def set_aside(store: Store, folder: Path) -> list[Segment]:
    """Move every damaged segment from `facts/` to `facts-damaged/`, so that the others can be read; those moved.

    Hashes each segment that was not hashed here before.
    """
    files = segment_files(store, folder)

    def is_damaged(segment: Segment) -> bool:
        try:
            files.path(segment)
        except Damaged:
            return True
        except Missing:
            return False
        return False

    segments = list_segments(store)
    found = [segment for segment, bad in zip(segments, in_parallel(store, is_damaged, segments), strict=True) if bad]
    files.tidy()
    for segment in found:
        _move_aside(store, segment)
    return found


def _move_aside(store: Store, segment: Segment) -> None:
    stored = store.get(segment.key)
    if stored is None:
        return
    with suppress(Exists):  # set aside before, and not yet taken away
        store.create(ASIDE + segment.key.removeprefix(PREFIX), stored.data)
    store.delete(segment.key)
