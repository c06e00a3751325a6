"""What a record says of cost, and how the difference between two versions went over the last weeks.

A record's `cost_delta` is the JSON of whatever measured it (calls, eval runs). Wherever in it an object has `ratio`,
`low` and `high`, that is the target's cost over the baseline's with its interval, and it is drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any

from drills.models import Drill
from drills.report.blocks import Block, Chart, Pairs, Point, Table, Words
from drills.report.wording import change, value

Path = tuple[str, ...]
_DELTA = ("ratio", "low", "high")


def cost_blocks(drill: Drill, earlier: Sequence[Drill]) -> tuple[Block, ...]:
    """All that the drill's record says of cost, and a chart a delta of it and of the drills before (newest first)."""
    rows = tuple(_flat(drill.cost))
    if not rows:
        return (Words(("Not enough data: nothing is known of what the two versions cost.",)), *_charts(drill, earlier))
    return (Pairs(rows), *_charts(drill, earlier))


def deltas(cost: Mapping[str, Any], path: Path = ()) -> dict[Path, tuple[float, float, float]]:
    """Every ratio with its interval, by where it stands."""
    found = {}
    given = tuple(cost.get(name) for name in _DELTA)
    numbers = [float(number) for number in given if isinstance(number, int | float) and isfinite(number)]
    if len(numbers) == len(given):
        found[path] = (numbers[0], numbers[1], numbers[2])
    for name, of in cost.items():
        if isinstance(of, Mapping):
            found.update(deltas(of, (*path, name)))
    return found


def _charts(drill: Drill, earlier: Sequence[Drill]) -> Iterator[Block]:
    """A chart, and its figures for those who cannot see it, for each delta that is known of two drills or more."""
    oldest_first = [*reversed(earlier), drill]
    by_drill = [(one, deltas(one.cost)) for one in oldest_first]
    for path in dict.fromkeys(path for _, found in by_drill for path in found):
        known = [(one, found[path]) for one, found in by_drill if path in found]
        if len(known) < 2:
            continue
        points = tuple(Point(f"{one.ended_at:%Y-%m-%d}", *delta) for one, delta in known)
        title = f"Cost of the target over the baseline's, drill by drill: {_words(path) or 'delta'}"
        yield Chart(title, points)
        rows = tuple(_row(one, *delta) for one, delta in known)
        yield Table(("ended", "drill", "from", "to", "delta", "interval"), rows)


def _row(drill: Drill, ratio: float, low: float, high: float) -> tuple[str, ...]:
    plan = drill.plan
    ended = f"{drill.ended_at:%Y-%m-%d}"
    interval = f"{change(low)} to {change(high)}"
    return ended, plan.id, str(plan.baseline.version), str(plan.target.version), change(ratio), interval


def _flat(cost: Mapping[str, Any], path: Path = ()) -> Iterator[tuple[str, str]]:
    delta = deltas(cost, path).get(path)
    for name, of in cost.items():
        here = (*path, name)
        if delta and name in _DELTA:
            if name == _DELTA[0]:
                yield _words((*path, "delta")), f"{change(delta[0])} ({change(delta[1])} to {change(delta[2])})"
        elif isinstance(of, Mapping):
            yield from _flat(of, here)
        elif of is not None and of != "" and of != []:
            yield _words(here), value(of)


def _words(path: Path) -> str:
    return ", ".join(name.replace("_", " ") for name in path)
