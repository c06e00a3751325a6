"""How the gate says numbers and spans of time."""

from __future__ import annotations

import math
from datetime import timedelta


def span(length: timedelta) -> str:
    """`14d`, `36h`, `15m`, `40s`: in the largest unit of which there are at least two, rounded down."""
    seconds = int(length.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def points(difference: float) -> str:
    """A difference of two rates in percentage points, with its sign: `-1.7`."""
    return f"{100 * difference:+.1f}"


def change(ratio: float) -> str:
    """What a ratio is as a change: `+21.8`, in per cent; a ratio to nothing is `+inf`."""
    return f"{100 * (ratio - 1):+.1f}" if math.isfinite(ratio) else "+inf"


def count(number: int, noun: str) -> str:
    """`1 case`, `1,200 cases`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def named(names: list[str], most: int = 3) -> str:
    """`a, b, c and 4 more`."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")
