"""Whether live readers follow: who they are beforehand, and how long each takes, on one monotonic clock.

The readers' own clocks decide nothing here: a record says what a reader serves, and when we saw it is our own affair.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from drills.course import Clock
from drills.models import DrillPlan, Side, Times
from registry.errors import Unavailable
from registry.models import Reader
from registry.readers import list_readers, standing
from registry.stores import Store

_LOCAL_POLL_S, _REMOTE_POLL_S = 0.025, 0.1
_AWAY_AFTER = "the store is away"


@dataclass(frozen=True, slots=True)
class Followed:
    """took_ms: by reader that followed, milliseconds from the request. late: by reader that did not, why.

    left: those that took their record away, as a process does that ends in good order.
    """

    took_ms: Mapping[str, float]
    late: Mapping[str, str]
    left: frozenset[str] = frozenset()

    def times(self, commit_ms: float) -> Times:
        """Nearest ranks over all that should have followed: one that never did takes for ever, and so is not known."""
        ranked = sorted(self.took_ms.values()) + [math.inf] * len(self.late)

        def at(share: float) -> float | None:
            if not ranked:
                return None
            value = ranked[max(0, math.ceil(share * len(ranked)) - 1)]
            return None if math.isinf(value) else round(value, 1)

        return Times(round(commit_ms, 1), at(0), at(0.5), at(0.95), at(1))


@dataclass(slots=True)
class _Watch:
    """The readers still waited for, and what was last seen of each."""

    waiting: set[str]
    took_ms: dict[str, float] = field(default_factory=dict)
    last: dict[str, str] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)


def live_readers(store: Store, plan: DrillPlan, clock: Clock) -> frozenset[str]:
    """The names of the readers of the plan's place that are alive: those that are to follow."""
    readers = list_readers(store, plan.place, plan.workflow)
    at = clock.now()
    return frozenset(reader.instance for reader in readers if standing(reader, 0, at) == "current")


def follow(
    store: Store,
    plan: DrillPlan,
    side: Side,
    expected: Iterable[str],
    clock: Clock,
    *,
    requested: float,
    within_s: float,
    still_ours: Callable[[], None],
) -> Followed:
    """Look until every expected reader serves `side`, is silent or has left, or the time is up.

    requested: the monotonic reading of the request. still_ours: raises Yielded; asked between looks.
    """
    watch = _Watch(set(expected))
    give_up = clock.monotonic() + within_s
    pause_s = _LOCAL_POLL_S if store.parallel <= 1 else _REMOTE_POLL_S
    while True:
        _look(store, plan, side, watch, clock, requested)
        if not watch.waiting - watch.silent or clock.monotonic() >= give_up:
            late = {name: watch.last.get(name, "no record of it was found") for name in sorted(watch.waiting)}
            return Followed(watch.took_ms, late, frozenset(watch.left))
        still_ours()
        clock.sleep(pause_s)


def _look(store: Store, plan: DrillPlan, side: Side, watch: _Watch, clock: Clock, requested: float) -> None:
    try:
        readers = {reader.instance: reader for reader in list_readers(store, plan.place, plan.workflow)}
    except Unavailable as error:
        watch.last.update(dict.fromkeys(watch.waiting, f"{_AWAY_AFTER}: {error.message}"))
        return
    took_ms, at = (clock.monotonic() - requested) * 1000, clock.now()
    for name in sorted(watch.waiting):
        reader = readers.get(name)
        if reader is None:
            watch.left.add(name)
            watch.waiting.discard(name)
            continue
        watch.last[name] = _behind(reader, side)
        if not watch.last[name]:
            watch.took_ms[name] = took_ms
            watch.waiting.discard(name)
        elif standing(reader, 0, at) != "current":
            watch.silent.add(name)
            watch.last[name] = f"silent since {reader.seen_at:%H:%M:%S}Z, {watch.last[name]}"
        else:
            watch.silent.discard(name)


def _behind(reader: Reader, side: Side) -> str:
    """What a reader serves instead; empty when it serves the side."""
    if side.generation is not None and reader.generation < side.generation:
        return f"serving generation {reader.generation}, version {reader.version}"
    if reader.digest != side.digest:
        return f"at generation {reader.generation}, but serving version {reader.version}: is its clock ahead?"
    return ""
