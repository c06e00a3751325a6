"""Whether live readers follow: who they are beforehand, and how long each takes, on one monotonic clock.

The readers' own clocks decide nothing here: a record says what a reader serves, and when we saw it is our own affair.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from drills.course import Clock
from drills.models import DrillPlan, Side, Times
from registry.errors import RegistryError
from registry.models import Reader
from registry.readers import list_readers, standing
from registry.stores import Store

_LOCAL_POLL_S, _REMOTE_POLL_S = 0.025, 0.1


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


def live_readers(store: Store, plan: DrillPlan, clock: Clock) -> frozenset[str]:
    """The names of the readers of the plan's place that are alive: those that are to follow."""
    readers = list_readers(store, plan.place, plan.workflow)
    at = clock.now()
    return frozenset(reader.instance for reader in readers if standing(reader, 0, at) == "current")


class Lookout:
    """Looks at readers from the moment of a request on, in a thread of its own, so that whatever else the drill has to
    do meanwhile does not count as their time. `close` it.
    """

    def __init__(self, store: Store, plan: DrillPlan, side: Side, clock: Clock) -> None:
        self.requested = clock.monotonic()
        self._store = store
        self._plan = plan
        self._side = side
        self._clock = clock
        self._pause_s = _LOCAL_POLL_S if store.parallel <= 1 else _REMOTE_POLL_S
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="agent-deploy-drill-lookout", daemon=True)
        self._waiting: set[str] = set()
        self._silent: set[str] = set()
        self._left: set[str] = set()
        self._took_ms: dict[str, float] = {}
        self._last: dict[str, str] = {}

    def begin(self, expected: Iterable[str]) -> float:
        """Look out for these readers to serve the side, from now on; the monotonic reading of now, the request's."""
        self._waiting = set(expected)
        self.requested = self._clock.monotonic()
        self._thread.start()
        return self.requested

    def wait(self, within_s: float, still_ours: Callable[[], None]) -> Followed:
        """Until every reader serves it, is silent or has left, or the time is up; how it stands then.

        still_ours: raises Yielded; asked once at least.
        """
        give_up = self._clock.monotonic() + within_s
        while True:
            still_ours()
            with self._lock:
                decided = not self._waiting - self._silent
            if decided or self._clock.monotonic() >= give_up:
                return self._found()
            self._clock.sleep(self._pause_s)

    def close(self) -> None:
        """Look no more. May be called more than once."""
        self._done.set()
        if self._thread.is_alive():
            self._thread.join()

    def _found(self) -> Followed:
        with self._lock:
            late = {name: self._last.get(name, "no record of it was found") for name in sorted(self._waiting)}
            return Followed(dict(self._took_ms), late, frozenset(self._left))

    def _run(self) -> None:
        while self._waiting and not self._done.is_set():
            self._look()
            self._done.wait(self._pause_s)

    def _look(self) -> None:
        try:
            readers = {
                reader.instance: reader for reader in list_readers(self._store, self._plan.place, self._plan.workflow)
            }
        except RegistryError as error:
            with self._lock:
                self._last.update(dict.fromkeys(self._waiting, f"the store is away: {error.message}"))
            return
        took_ms = (self._clock.monotonic() - self.requested) * 1000
        with self._lock:
            for name in sorted(self._waiting):
                self._note(name, readers.get(name), took_ms)

    def _note(self, name: str, reader: Reader | None, took_ms: float) -> None:
        """What one look says of one reader."""
        if reader is None:
            self._left.add(name)
            self._waiting.discard(name)
            return
        behind = _behind(reader, self._side)
        self._silent.discard(name)
        if not behind:
            self._took_ms[name] = took_ms
            self._waiting.discard(name)
        elif standing(reader, 0, self._clock.now()) != "current":
            self._silent.add(name)
            behind = f"silent since {reader.seen_at:%H:%M:%S}Z, {behind}"
        self._last[name] = behind


def _behind(reader: Reader, side: Side) -> str:
    """What a reader serves instead; empty when it serves the side."""
    if side.generation is not None and reader.generation < side.generation:
        return f"serving generation {reader.generation}, version {reader.version}"
    if reader.digest != side.digest:
        return f"at generation {reader.generation}, but serving version {reader.version}: is its clock ahead?"
    return ""
