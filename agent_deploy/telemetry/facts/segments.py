"""Segments: facts as immutable Parquet objects in the store, an hour's under one prefix, each named by its content.

    facts/date=2026-11-24/hour=09/<sha256>.parquet
    facts/date=2026-11-24/hour=10/<sha256>-3of8.parquet     one of the parts that a busy hour is split into by trace

The folders are as Hive has them, so that Athena, Trino and ClickHouse read the same files. A fact lies in the hour in
which its span started, and thereby all copies of one fact in the same hour.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from registry.blobs import digest_of
from registry.errors import Changed, Exists, Missing, Unavailable
from registry.stores import Store

PREFIX = "facts/"
HOUR = timedelta(hours=1)
_ATTEMPTS = 20
_LONGEST_DAY_BY_DAY = 400  # days; for a longer range one listing of everything is cheaper
_KEY = re.compile(r"facts/date=(\d{4})-(\d\d)-(\d\d)/hour=(\d\d)/([0-9a-f]{64})(?:-(\d+)of(\d+))?\.parquet")

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """One Parquet object. hour: when it begins, UTC. size: in bytes.

    part, parts: it has only traces of that part, of so many; 1 of 1 may have any.
    """

    hour: datetime
    digest: str
    size: int
    part: int = 1
    parts: int = 1

    @property
    def key(self) -> str:
        """Where it lies in the store."""
        part = f"-{self.part}of{self.parts}" if self.parts > 1 else ""
        return f"{hour_prefix(self.hour)}{self.digest.removeprefix('sha256:')}{part}.parquet"


def hour_of(moment: datetime) -> datetime:
    """The hour, as its beginning, that facts of this moment lie in."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def hour_prefix(hour: datetime) -> str:
    """`facts/date=2026-11-24/hour=09/`."""
    return f"{PREFIX}date={hour:%Y-%m-%d}/hour={hour:%H}/"


def segment_of(key: str, size: int) -> Segment | None:
    """The segment of this key; None for an object that is none."""
    match = _KEY.fullmatch(key)
    if match is None:
        return None
    year, month, day, hour = map(int, match.groups()[:4])
    try:
        begins = datetime(year, month, day, hour, tzinfo=UTC)
    except ValueError:
        return None
    return Segment(begins, f"sha256:{match[5]}", size, int(match[6] or 1), int(match[7] or 1))


def by_hour(segments: Iterable[Segment]) -> dict[datetime, list[Segment]]:
    """The segments of each hour, in the order of hours."""
    found: dict[datetime, list[Segment]] = {}
    for segment in sorted(segments):
        found.setdefault(segment.hour, []).append(segment)
    return found


def are_apart(segments: Sequence[Segment]) -> bool:
    """Whether no fact of an hour can be in two of its segments: it has one, or different parts of one division."""
    return len({segment.parts for segment in segments}) == 1 and len({one.part for one in segments}) == len(segments)


def within_bytes(segments: Iterable[Segment], at: datetime, most: int) -> tuple[datetime | None, datetime | None]:
    """From when, and until when, the hours around a moment come to at most so many bytes on each side of it.

    At least an hour beside the moment's own. None: as far as there are segments.
    """
    sizes = {hour: sum(one.size for one in some) for hour, some in by_hour(segments).items()}
    here = hour_of(at)
    before = _last_within(sizes, sorted((hour for hour in sizes if hour < here), reverse=True), most)
    after = _last_within(sizes, sorted(hour for hour in sizes if hour > here), most)
    return before, None if after is None else after + HOUR


def _last_within(sizes: Mapping[datetime, int], hours: Sequence[datetime], most: int) -> datetime | None:
    """The last of these hours, in their order, before they come to more; None if they do not."""
    total = 0
    for number, hour in enumerate(hours):
        total += sizes[hour]
        if total > most and number:
            return hours[number - 1]
    return None


def list_segments(store: Store, since: datetime | None = None, until: datetime | None = None) -> list[Segment]:
    """The segments of all hours that share a moment with [since, until), in order. None: without a bound.

    Lists day by day, so that it takes as long as the range, not as what is kept.
    """
    days = _days(since, until)
    prefixes = [f"{PREFIX}date="] if days is None else [f"{PREFIX}date={day}/" for day in days]
    listed = in_parallel(store, lambda prefix: list(_segments(store, prefix)), prefixes)
    found = (segment for segments in listed for segment in segments)
    return sorted(segment for segment in found if _within(segment.hour, since, until))


def put_segment(store: Store, hour: datetime, data: bytes, part: int = 1, parts: int = 1) -> Segment:
    """Store a segment durably; the same one again is no error, and a damaged copy is healed.

    Raises Unavailable when the store is away, or when others kept putting and removing it meanwhile.
    """
    segment = Segment(hour, digest_of(data), len(data), part, parts)
    for _ in range(_ATTEMPTS):
        try:
            store.create(segment.key, data)
        except Exists:
            try:
                present = store.get(segment.key)
            except Missing:  # merged away in between
                continue
            if present is None or present.data == data:
                return segment
            try:
                store.replace(segment.key, data, expect=present.token)
            except Changed:
                continue
        return segment
    raise Unavailable(f"{segment.key} in {store.url} can neither be written nor read")


def in_parallel(store: Store, work: Callable[[_Given], _Made], given: Iterable[_Given]) -> list[_Made]:
    """The work done on each, in order, as many at once as the store is good for."""
    wanted: Sequence[_Given] = list(given)
    if store.parallel <= 1 or len(wanted) <= 1:
        return [work(one) for one in wanted]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(store.parallel, len(wanted))) as pool:
        return list(pool.map(work, wanted))


def _segments(store: Store, prefix: str) -> Iterator[Segment]:
    for entry in store.entries(prefix):
        segment = segment_of(entry.key, entry.size)
        if segment is not None:
            yield segment


def _days(since: datetime | None, until: datetime | None) -> list[str] | None:
    if since is None or until is None:
        return None
    first, last = since.astimezone(UTC).date(), until.astimezone(UTC).date()
    length = (last - first).days + 1
    if length > _LONGEST_DAY_BY_DAY:
        return None
    return [f"{first + timedelta(days=number):%Y-%m-%d}" for number in range(length)]


def _within(hour: datetime, since: datetime | None, until: datetime | None) -> bool:
    return (since is None or since < hour + HOUR) and (until is None or hour < until)
