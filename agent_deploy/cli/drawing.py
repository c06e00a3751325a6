"""Lines and bars in the terminal: a trend as a chart, a step as a bar. In Unicode if stdout can say it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import pairwise

Point = tuple[int, float]


def speaks_unicode(encoding: str | None) -> bool:
    """Whether text in this encoding can hold what is drawn here."""
    try:
        "█⣿└─".encode(encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def draws_charts() -> bool:
    """Whether charts are for whoever reads: a terminal that speaks Unicode."""
    return sys.stdout.isatty() and speaks_unicode(sys.stdout.encoding)


def bar(start: float, end: float, width: int, *, unicode: bool) -> str:
    """A bar from one share (0 to 1) of so many columns to another; one column at least, and inside."""
    first = min(max(int(start * width), 0), width - 1)
    last = min(max(round(end * width), first + 1), width)
    return f"{' ' * first}{('█' if unicode else '#') * (last - first)}".ljust(width)


def chart(title: str, values: Sequence[float | None], labels: tuple[str, str], words: Sequence[str], width: int) -> str:
    """A line through the values, in braille; None leaves a gap. labels: of the first and the last value.

    words: how the greatest and the least of the values are told beside the axis. Empty without two values.
    """
    known = [(place, value) for place, value in enumerate(values) if value is not None]
    if len(known) < 2:
        return ""
    side = max(map(len, words))
    lines = _drawn(known, len(values), width - side - 2)
    edge = [words[0].rjust(side), *[" " * side] * (len(lines) - 2), words[1].rjust(side)]
    body = [f"{label} ┤{line}".rstrip() for label, line in zip(edge, lines, strict=True)]
    space = " " * max(1, len(lines[0]) - len(labels[0]) - len(labels[1]))
    return "\n".join([title, *body, f"{' ' * (side + 2)}{labels[0]}{space}{labels[1]}"])


def _drawn(known: Sequence[Point], count: int, width: int, height: int = 5) -> list[str]:
    from plotille import Canvas  # type: ignore[import-untyped]  # drawn seldom, so loaded only then

    low, high = min(value for _, value in known), max(value for _, value in known)
    room = (high - low) * 0.02 or abs(high) * 0.02 or 1.0
    canvas = Canvas(width, height, 0, low - room, max(count - 1, 1), high + room)
    for (place, value), (next_place, next_value) in pairwise(known):
        if next_place == place + 1:
            canvas.line(place, value, next_place, next_value)
    for place, value in known:
        canvas.point(place, value)
    return str(canvas.plot("\n")).split("\n")
