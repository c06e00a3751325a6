"""Weeks and the hours in which scheduled drills may run, by the clocks of a time zone. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from hashlib import sha256
from zoneinfo import ZoneInfo

from drills.policy import Window

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Slot:
    """A stretch of time in which drills may begin: from `opens` until just before `closes`."""

    opens: datetime
    closes: datetime


@lru_cache(maxsize=64)
def week_of(at: datetime, timezone: str) -> str:
    """The ISO week of a moment by the calendar of that time zone, `2026-W48`: weeks sort as text."""
    year, week, _ = at.astimezone(ZoneInfo(timezone)).isocalendar()
    return f"{year:04d}-W{week:02d}"


def week_after(week: str) -> str:
    """The ISO week that follows."""
    year, number, _ = (_monday(week) + timedelta(weeks=1)).isocalendar()
    return f"{year:04d}-W{number:02d}"


def starts_at(week: str, timezone: str) -> datetime:
    """When a week begins there."""
    return _readings(_monday(week), time(), timezone)[1]


@cache
def slots_of(window: Window, week: str) -> tuple[Slot, ...]:
    """The window's hours in one ISO week, in order; one slot a day, and never an empty one."""
    return tuple(_slot(window, _monday(week) + timedelta(days=day)) for day in sorted(window.days))


def jitter_of(workflow: str, environment: str, week: str, most: timedelta) -> timedelta:
    """How long after its window opens a drill is due: the same on every host, another one every week."""
    seed = sha256(f"{workflow}\n{environment}\n{week}".encode()).digest()
    return most * (int.from_bytes(seed[:4]) / 2**32)


def _slot(window: Window, day: date) -> Slot:
    """Where clocks go back and a time is read twice, or go forward and it is never read, the narrower slot is taken:
    a drill begins in hours that the window names by any reading. Where that leaves nothing, the slot is as long as on
    other days.
    """
    opens = _readings(day, window.start, window.timezone)[1]
    closes = _readings(day, window.end, window.timezone)[0]
    if closes <= opens:
        closes = opens + (datetime.combine(day, window.end) - datetime.combine(day, window.start))
    return Slot(opens, closes)


def _readings(day: date, clock: time, timezone: str) -> tuple[datetime, datetime]:
    """The first and the last moment at which the clocks there show that time; for one that they skip, twice the
    moment at which they do.
    """
    zone = ZoneInfo(timezone)
    first, last = (datetime.combine(day, clock, zone).replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    if last < first:  # PEP 495: in a gap the readings by the offset before it and after it are swapped
        first = last = _skipped_at(last, first, zone)
    return first, last


def _skipped_at(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """When the offset changes between two moments, to the minute."""
    offset = before.astimezone(zone).utcoffset()
    while after - before > _MINUTE:
        middle = before + ((after - before) / 2 // _MINUTE) * _MINUTE
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after


def _monday(week: str) -> date:
    year, number = week.split("-W")
    return date.fromisocalendar(int(year), int(number), 1)
