"""Weeks and the hours in which scheduled drills may begin, where clocks go forward and back as well."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drills.policy import Window
from drills.windows import Slot, jitter_of, slots_of, starts_at, week_after, week_of

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Chatham", "Asia/Kathmandu")
SUNDAY = 6


def utc(year: int, month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def sunday(zone: str, start: str, end: str) -> Window:
    return Window((SUNDAY,), time.fromisoformat(start), time.fromisoformat(end), zone)


@pytest.mark.parametrize(
    ("at", "zone", "week"),
    [
        (utc(2026, 11, 23, 12), "UTC", "2026-W48"),
        (utc(2026, 11, 22, 23, 30), "UTC", "2026-W47"),
        (utc(2026, 11, 22, 23, 30), "Europe/Berlin", "2026-W48"),
        (utc(2026, 11, 23, 2), "America/New_York", "2026-W47"),
        (utc(2027, 1, 3, 12), "UTC", "2026-W53"),
        (utc(2025, 12, 29, 12), "UTC", "2026-W01"),
    ],
)
def test_a_week_is_of_the_calendar_of_the_windows_time_zone(at: datetime, zone: str, week: str) -> None:
    assert week_of(at, zone) == week


def test_the_week_after_the_last_one_of_a_year_is_the_first_of_the_next() -> None:
    assert [week_after(week) for week in ("2026-W09", "2026-W53", "2025-W52")] == ["2026-W10", "2027-W01", "2026-W01"]


def test_a_week_has_a_slot_for_each_day_of_the_window_by_the_clocks_there() -> None:
    window = Window((3, 1), time(10), time(16), "Europe/Berlin")
    assert slots_of(window, "2026-W48") == (
        Slot(utc(2026, 11, 24, 9), utc(2026, 11, 24, 15)),
        Slot(utc(2026, 11, 26, 9), utc(2026, 11, 26, 15)),
    )


@pytest.mark.parametrize(
    ("start", "end", "opens", "closes"),
    [  # on 29 March 2026 the clocks of Berlin skip 02:00 to 03:00, at 01:00 UTC
        ("01:00", "04:00", utc(2026, 3, 29, 0), utc(2026, 3, 29, 2)),
        ("02:30", "03:15", utc(2026, 3, 29, 1), utc(2026, 3, 29, 1, 15)),
        ("01:30", "02:30", utc(2026, 3, 29, 0, 30), utc(2026, 3, 29, 1)),
        ("02:15", "02:45", utc(2026, 3, 29, 1), utc(2026, 3, 29, 1, 30)),
    ],
)
def test_hours_that_the_clocks_skip_end_a_slot_or_put_it_off_but_never_take_it_away(
    start: str, end: str, opens: datetime, closes: datetime
) -> None:
    assert slots_of(sunday("Europe/Berlin", start, end), "2026-W13") == (Slot(opens, closes),)


@pytest.mark.parametrize(
    ("start", "end", "opens", "closes"),
    [  # on 25 October 2026 the clocks of Berlin read 02:00 to 03:00 twice, first from 00:00 UTC
        ("01:00", "04:00", utc(2026, 10, 24, 23), utc(2026, 10, 25, 3)),
        ("02:30", "03:15", utc(2026, 10, 25, 1, 30), utc(2026, 10, 25, 2, 15)),
        ("01:30", "02:30", utc(2026, 10, 24, 23, 30), utc(2026, 10, 25, 0, 30)),
        ("02:15", "02:45", utc(2026, 10, 25, 1, 15), utc(2026, 10, 25, 1, 45)),
    ],
)
def test_hours_that_the_clocks_read_twice_are_taken_by_the_narrower_reading(
    start: str, end: str, opens: datetime, closes: datetime
) -> None:
    assert slots_of(sunday("Europe/Berlin", start, end), "2026-W43") == (Slot(opens, closes),)


def test_half_an_hour_is_skipped_on_lord_howe() -> None:
    assert slots_of(sunday("Australia/Lord_Howe", "02:15", "02:45"), "2026-W40") == (
        Slot(utc(2026, 10, 3, 15, 30), utc(2026, 10, 3, 15, 45)),
    )


_clocks = st.builds(time, st.integers(0, 23), st.integers(0, 59))


@given(
    zone=st.sampled_from(ZONES),
    day=st.dates(date(2020, 1, 1), date(2035, 12, 31)),
    days=st.sets(st.integers(0, 6), min_size=1),
    clocks=st.lists(_clocks, min_size=2, max_size=2, unique=True).map(sorted),
)
def test_every_slot_lies_in_its_week_in_order_and_is_read_on_the_clock_as_the_window_says(
    zone: str, day: date, days: set[int], clocks: list[time]
) -> None:
    window = Window(tuple(days), clocks[0], clocks[1], zone)
    week = week_of(datetime.combine(day, time(12), UTC), "UTC")
    slots = slots_of(window, week)
    assert len(slots) == len(days)
    assert [week_of(slot.opens, zone) for slot in slots] == [week] * len(slots)
    assert all(first.closes <= then.opens for first, then in pairwise(slots))
    for slot in slots:
        local, length = slot.opens.astimezone(ZoneInfo(zone)), slot.closes - slot.opens
        skipped = datetime.combine(local, window.start, ZoneInfo(zone)).astimezone(UTC).astimezone(ZoneInfo(zone))
        assert local.time() == window.start or skipped.time() != window.start
        nominal = datetime.combine(day, window.end) - datetime.combine(day, window.start)
        assert timedelta() < length <= nominal + timedelta(hours=1)


@given(zone=st.sampled_from(ZONES), at=st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)))
def test_a_moment_is_in_the_week_that_began_last(zone: str, at: datetime) -> None:
    week = week_of(at, zone)
    assert starts_at(week, zone) <= at < starts_at(week_after(week), zone)
    assert week < week_after(week)


def test_the_jitter_is_the_same_everywhere_and_differs_between_workflows_and_weeks() -> None:
    most = timedelta(minutes=30)
    here = jitter_of("support-triage", "production", "2026-W48", most)
    assert here == jitter_of("support-triage", "production", "2026-W48", most)
    weeks = {jitter_of("support-triage", "production", f"2026-W{week:02}", most) for week in range(1, 53)}
    workflows = {jitter_of(f"workflow-{number}", "production", "2026-W48", most) for number in range(52)}
    assert len(weeks) == len(workflows) == 52
    assert all(timedelta() <= jitter < most for jitter in weeks | workflows)
    assert max(workflows) - min(workflows) > most / 2
