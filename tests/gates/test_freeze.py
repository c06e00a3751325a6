"""Freeze windows: cron by the clocks of a time zone, their length by the time that passes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_deploy.errors import BadConfig
from agent_deploy.gates.freeze import FreezeWindow, frozen_until, window_from

_WEEKEND = FreezeWindow("0 18 * * FRI", timedelta(hours=62), "Europe/Berlin", "weekend")


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _until(window: FreezeWindow, text: str) -> str | None:
    found = frozen_until([window], _utc(text))
    return f"{found[1]:%Y-%m-%d %H:%M}" if found else None


@pytest.mark.parametrize(
    ("at", "until"),
    [
        ("2026-11-20 16:59:59.999999", None),  # Friday, 17:59:59 in Berlin
        ("2026-11-20 17:00", "2026-11-23 07:00"),
        ("2026-11-20 17:00:00.5", "2026-11-23 07:00"),
        ("2026-11-23 06:59:59", "2026-11-23 07:00"),
        ("2026-11-23 07:00", None),
        ("2026-07-17 16:00", "2026-07-20 06:00"),  # in summer Berlin is an hour further
        ("2026-03-27 17:00", "2026-03-30 07:00"),  # 62 hours, though the clocks skip one of them
    ],
)
def test_a_window_holds_its_start_and_not_its_end(at: str, until: str | None) -> None:
    assert _until(_WEEKEND, at) == until


@pytest.mark.parametrize(
    ("cron", "at", "until"),
    [
        ("30 2 * * *", "2026-10-25 00:45", "2026-10-25 01:30"),  # 2:30 comes twice: the first one starts it
        ("30 2 * * *", "2026-10-25 01:15", "2026-10-25 01:30"),  # 2:15 for the second time
        ("30 2 * * *", "2026-10-25 01:45", None),  # 2:45 for the second time: the window is over
        ("30 2 * * *", "2026-03-29 01:15", "2026-03-29 02:00"),  # 2:30 is skipped: it starts at 3:00, 1:00 UTC
        ("30 2 * * *", "2026-03-29 00:59", None),
    ],
)
def test_when_the_clocks_change_a_window_still_comes_once(cron: str, at: str, until: str | None) -> None:
    assert _until(FreezeWindow(cron, timedelta(hours=1), "Europe/Berlin"), at) == until


def test_windows_that_follow_on_each_other_end_when_the_last_one_does() -> None:
    saturday = FreezeWindow("0 0 * * SAT", timedelta(days=1), reason="saturday")
    sunday = FreezeWindow("0 0 * * SUN", timedelta(days=1), reason="sunday")
    assert frozen_until([sunday, saturday], _utc("2026-11-21 10:00")) == (saturday, _utc("2026-11-23 00:00"))


def test_without_windows_nothing_is_frozen() -> None:
    assert frozen_until([], _utc("2026-11-21 10:00")) is None


def test_a_window_that_is_always_open_has_an_end_all_the_same() -> None:
    found = frozen_until([FreezeWindow("* * * * *", timedelta(hours=2))], _utc("2026-11-21 10:00"))
    assert found is not None
    assert found[1] > _utc("2026-11-22 10:00")


@settings(deadline=None)  # the machine may be busy
@given(
    at=st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)).map(lambda naive: naive.replace(tzinfo=UTC)),
    hour=st.integers(0, 23),
    hours=st.integers(1, 20),
)
def test_in_utc_a_daily_window_is_plain_arithmetic(at: datetime, hour: int, hours: int) -> None:
    start = at.replace(hour=hour, minute=0, second=0, microsecond=0)
    start -= timedelta(days=start > at)
    until = start + timedelta(hours=hours)
    window = FreezeWindow(f"0 {hour} * * *", timedelta(hours=hours))
    assert frozen_until([window], at) == ((window, until) if at < until else None)


def test_a_window_is_read_from_its_table() -> None:
    table = {"cron": "0 18 * * FRI", "for": "62h", "timezone": "Europe/Berlin", "reason": "weekend"}
    assert window_from(table, "x") == _WEEKEND
    assert window_from({"cron": "0 0 24 12 *", "for": "2w"}, "x") == FreezeWindow("0 0 24 12 *", timedelta(weeks=2))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("weekend", "x: must be a table {cron = '0 18 * * FRI', for = '62h'}, not 'weekend'"),
        ({"cron": "0 0 * * *"}, "x: has no 'for'"),
        ({"for": "1h"}, "x: has no 'cron'"),
        ({"cron": "0 0 * * *", "for": "1h", "timezon": "UTC"}, "x: unknown key 'timezon'; did you mean 'timezone'?"),
        ({"cron": 5, "for": "1h"}, "x.cron: must be text in quotes, not 5"),
        ({"cron": "0 0 * * *", "for": 1},
         "x.for: must be a duration such as '90s', '15m', '24h', '14d' or '2w', not 1"),
        ({"cron": "0 0 * * *", "for": "1h", "timezone": "Berlin"},
         "x.timezone: 'Berlin' is no time zone such as 'Europe/Berlin'"),
        ({"cron": "0 0 * * *", "for": "1h", "timezone": "../etc/passwd"},
         "x.timezone: '../etc/passwd' is no time zone such as 'Europe/Berlin'"),
        ({"cron": "0 0 * *", "for": "1h"}, "x.cron: '0 0 * *' has not five fields: minute hour day month weekday"),
        ({"cron": "* * * * * *", "for": "1h"},
         "x.cron: '* * * * * *' has not five fields: minute hour day month weekday"),
        ({"cron": "61 0 * * *", "for": "1h"}, "x.cron: '61 0 * * *' is no cron expression: Bad minute"),
        ({"cron": "0 0 30 2 *", "for": "1h"}, "x.cron: '0 0 30 2 *' is no cron expression: Bad day-of-month"),
    ],
)  # fmt: skip
def test_a_bad_window_is_refused_naming_the_key(table: Any, message: str) -> None:
    with pytest.raises(BadConfig) as refused:
        window_from(table, "x")
    assert refused.value.message == message


@pytest.mark.parametrize(
    "cron", ["0 0 * * 5L/2", "0 0 * * MON#1/2", "0 0 * * L", "0 0 ? * *", "0 0 * * 9", "a b c d e"]
)
def test_what_only_looks_like_cron_is_refused(cron: str) -> None:
    with pytest.raises(BadConfig, match="is no cron expression"):
        window_from({"cron": cron, "for": "1h"}, "x")


@pytest.mark.parametrize(
    ("cron", "at"),
    [
        ("0 0 L * *", "2026-11-30 00:30"),  # the last day of the month
        ("0 0 LW * *", "2026-10-30 00:30"),  # its last weekday
        ("0 0 * * 5L", "2026-11-27 00:30"),  # its last Friday
        ("0 0 * * MON#1", "2026-11-02 00:30"),
        ("0 0 29 2 *", "2028-02-29 00:30"),
    ],
)
def test_the_end_of_a_month_can_be_named(cron: str, at: str) -> None:
    window = window_from({"cron": cron, "for": "1h"}, "x")
    assert [frozen_until([window], _utc(at) + timedelta(days=days)) is not None for days in (-1, 0, 1)] == [
        False,
        True,
        False,
    ]
