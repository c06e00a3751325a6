"""Freeze windows: spans of time in which nothing is promoted. They never stop a rollback."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from agent_deploy.durations import duration_of
from agent_deploy.errors import BadConfig

_KEYS = ("cron", "for", "timezone", "reason")
# No clock is put back by more. Starts are looked for from so much later, for wall time runs twice then.
_PUT_BACK = timedelta(hours=3)
_LINKED = 50  # windows that follow on each other, after which "until" is told as it is


@dataclass(frozen=True, slots=True)
class FreezeWindow:
    """Frozen from each moment of a five-field cron expression, by the clocks of a time zone, for so long."""

    cron: str
    lasting: timedelta
    timezone: str = "UTC"
    reason: str = ""


def window_from(table: Any, where: str) -> FreezeWindow:
    """The window of `{cron, for, timezone, reason}`; raises BadConfig naming `where` and key."""
    if not isinstance(table, Mapping):
        raise BadConfig(f"{where}: must be a table {{cron = '0 18 * * FRI', for = '62h'}}, not {table!r}")
    for key in table:
        if key not in _KEYS:
            from registry.names import nearest

            raise BadConfig(f"{where}: unknown key '{key}'{nearest(key, _KEYS)}")
    for key in ("cron", "for"):
        if key not in table:
            raise BadConfig(f"{where}: has no '{key}'")
    for key in ("cron", "timezone", "reason"):
        if not isinstance(table.get(key, ""), str):
            raise BadConfig(f"{where}.{key}: must be text in quotes, not {table[key]!r}")
    lasting = duration_of(table["for"], f"{where}.for")
    window = FreezeWindow(table["cron"], lasting, table.get("timezone", "UTC"), table.get("reason", ""))
    _check(window, where)
    return window


def frozen_until(windows: Sequence[FreezeWindow], at: datetime) -> tuple[FreezeWindow, datetime] | None:
    """The window that the moment lies in and when promotions go on, UTC; None outside of all windows.

    A window holds its start and not its end. Where others follow on without a gap, it is when the last one ends.
    """
    found = _latest(windows, at)
    if found is None:
        return None
    window, until = found
    for _ in range(_LINKED):
        following = _latest(windows, until)
        if following is None:
            break
        until = following[1]
    return window, until


def _latest(windows: Sequence[FreezeWindow], at: datetime) -> tuple[FreezeWindow, datetime] | None:
    ends = [(window, end) for window in windows if (end := _end(window, at)) is not None and at < end]
    return max(ends, key=lambda found: found[1], default=None)


def _end(window: FreezeWindow, at: datetime) -> datetime | None:
    """When the window ends that started last, at this moment or before; None when none ever did."""
    started = next((start for start in _starts(window, at + _PUT_BACK) if start <= at), None)
    return started + window.lasting if started else None


def _starts(window: FreezeWindow, before: datetime) -> Iterator[datetime]:
    """The window's starts up to a moment, UTC, the latest first."""
    from cronsim import CronSim

    # It looks strictly before the moment that it is given, and in whole seconds.
    from_here = (before.replace(microsecond=0) + timedelta(seconds=1)).astimezone(_zone(window.timezone))
    for start in CronSim(window.cron, from_here, reverse=True):
        yield start.astimezone(UTC)


def _zone(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo

    return UTC if name == "UTC" else ZoneInfo(name)


def _check(window: FreezeWindow, where: str) -> None:
    from cronsim import CronSimError

    try:
        _zone(window.timezone)
    except (ValueError, OSError, LookupError) as error:  # LookupError: no such zone
        example = "'Europe/Berlin'"
        raise BadConfig(f"{where}.timezone: {window.timezone!r} is no time zone such as {example}") from error
    if len(window.cron.split()) != 5:
        raise BadConfig(f"{where}.cron: {window.cron!r} has not five fields: minute hour day month weekday")
    try:
        comes = next(_starts(window, datetime(2026, 1, 1, tzinfo=UTC)), None)
    except CronSimError as error:
        raise BadConfig(f"{where}.cron: {window.cron!r} is no cron expression: {error}") from error
    if comes is None:
        raise BadConfig(f"{where}.cron: {window.cron!r} never comes")
