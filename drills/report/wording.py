"""How reports say times, versions, readers and outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from drills.models import Outcome, ReadersSeen, Side

OUTCOMES: dict[Outcome, str] = {
    "succeeded": "the rollback works: readers followed in time, and the baseline is live again",
    "failed_verify": "a reader did not follow, or an answer did not come from the target",
    "failed_guard": "an outcome check did not hold while the target was live",
    "failed_objective": "all went well, but slower than the objective",
    "precheck_failed": "nothing was moved: a real rollback would have failed",
    "blocked": "nothing was moved: it was not the moment for a drill",
    "interrupted": "it did not come to its end: somebody moved the head, or the drill's processes died",
    "restore_failed": "the baseline could not be put back",
}


def moment(at: datetime) -> str:
    """`2026-11-23 22:55:00.120Z`."""
    at = at.astimezone(UTC)
    return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d}Z"


def milliseconds(value: float | None) -> str:
    """`812 ms`; `-` for what is not known."""
    return "-" if value is None else f"{value:,.0f} ms"


def span(length: timedelta) -> str:
    """`40 ms`, `1.2 s`, `2 min 5 s`."""
    seconds = length.total_seconds()
    if seconds < 1:
        return milliseconds(1000 * seconds)
    if seconds < 120:
        return f"{seconds:,.1f} s"
    return f"{int(seconds // 60):,} min {seconds % 60:.0f} s"


def side(of: Side) -> str:
    """`version 42 (1.4.0)`."""
    return f"version {of.version} ({of.tag})"


def readers(seen: ReadersSeen | None) -> str:
    """`3 of 3 followed`, `2 of 3 followed; late: web-3`."""
    if seen is None:
        return "-"
    late = f"; late: {', '.join(seen.late)}" if seen.late else ""
    return f"{seen.current} of {seen.expected} followed{late}"


def value(of: object) -> str:
    """A JSON value in words: `ann`, `web-1, web-2`, `calls 512, failed 3`; `none` for one without anything in it."""
    if isinstance(of, Mapping):
        return ", ".join(f"{name} {value(each)}" for name, each in of.items()) or "none"
    if isinstance(of, list | tuple):
        return ", ".join(map(value, of)) or "none"
    if isinstance(of, float):
        return f"{of:,.6g}"
    return "none" if of is None else str(of)


def change(ratio: float) -> str:
    """A ratio as a change: `+18.0 %`."""
    return f"{100 * (ratio - 1):+.1f} %"
