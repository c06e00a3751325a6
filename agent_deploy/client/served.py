"""What a client serves, in memory: which bundle of each workflow, until when, and what there is to say about it.

No I/O in here. The one lock is held for a few assignments only, so that no reader ever waits for a store.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from datetime import datetime

from agent_deploy.client.bundle import Bundle
from agent_deploy.client.clocks import Clocks
from agent_deploy.client.errors import Stale
from registry.models import Pointer


@dataclass(frozen=True, slots=True)
class Serving:
    """What one workflow is served with. Replaced as a whole, so that nobody, a forked child neither, sees half of it.

    pointer: what it follows; None for the fallback. token: the store's for that pointer; None makes the next look read
    it again. reverts: what takes over at `pointer.revert_at`, loaded beforehand; `reverted` once it has.
    """

    bundle: Bundle
    pointer: Pointer | None
    token: str | None
    since: datetime
    reverts: Bundle | None = None
    reverted: bool = False


@dataclass(slots=True)
class Slot:
    """One workflow in use. busy: held while the store is asked about it. seen: the highest release ever served here.

    confirmed: the monotonic reading when the store last said that what is served is its head; None when it never did.
    ages_from: the reading from which staleness counts, `confirmed` or else when serving began. announceable: whether
    the store could last be read, so that a reader record has somewhere to go. lacking: why neither disk nor fallback
    helped at first. kept: the pointer that the disk has. The rest says when to try again what failed.
    """

    workflow: str
    busy: threading.Lock = field(default_factory=threading.Lock)
    serving: Serving | None = None
    seen: Pointer | None = None
    confirmed: float | None = None
    ages_from: float = 0.0
    last_error: str = ""
    rejected: str = ""
    lacking: str = ""
    announceable: bool = False
    ask_again_at: float = 0.0
    kept: Pointer | None = None
    keep_at: float = 0.0
    keep_failed: bool = False


@dataclass(frozen=True, slots=True)
class Status:
    """How one workflow is served. age_s: seconds since the store last confirmed it, None when it never did.

    last_error: why the last look at the store failed. rejected: why the pointer found there is not followed. Both are
    empty when all is well.
    """

    workflow: str
    environment: str
    generation: int
    version: int
    tag: str
    digest: str
    source: str
    since: datetime
    age_s: float | None
    stale: bool
    last_error: str
    rejected: str


class Served:
    """All workflows in use. `warm` holds what may be answered at once, as long as the clock is before `until`."""

    def __init__(self, clocks: Clocks, max_staleness_s: float | None) -> None:
        self.warm: dict[str, Bundle] = {}
        self.until: float | None = None
        self.turns_at: float | None = None
        self.closed = False
        self._clocks = clocks
        self._max_staleness_s = max_staleness_s
        self._slots: dict[str, Slot] = {}
        self._lock = threading.Lock()

    def slot(self, workflow: str) -> Slot:
        """The workflow's slot, made at the first call."""
        with self._lock:
            return self._slots.setdefault(workflow, Slot(workflow))

    def slots(self) -> list[Slot]:
        """Those that are served."""
        with self._lock:
            return [slot for slot in self._slots.values() if slot.serving is not None]

    def serve(self, slot: Slot, serving: Serving) -> Serving | None:
        """Serve this from now on; what was served before."""
        with self._lock:
            before = slot.serving
            if before is None and slot.confirmed is None:
                slot.ages_from = self._clocks.monotonic()
            # Once turned, a release stays turned, though it be read again and whatever the clock says then.
            stays = before is not None and before.reverted and before.pointer == serving.pointer
            slot.serving = _turned(serving) if stays or self._is_due(serving) else serving
            if serving.pointer is not None:
                slot.seen = serving.pointer
            self._show(slot)
            self._reckon()
            return before

    def confirm(self, slot: Slot, at: float) -> None:
        """Note that the store confirmed what is served, at this monotonic reading."""
        with self._lock:
            slot.confirmed = slot.ages_from = at
            self._reckon()

    def turn(self) -> None:
        """Let what is due to revert do so."""
        with self._lock:
            for slot in self._slots.values():
                if slot.serving is not None and self._is_due(slot.serving):
                    slot.serving = _turned(slot.serving)
                    self._show(slot)
            self._reckon()

    def answer(self, slot: Slot) -> Bundle:
        """What is served now; raises Stale when that is older than the cap allows. The slot has to be served."""
        self.turn()
        with self._lock:
            assert slot.serving is not None  # noqa: S101 - said above
            self._refuse_stale(slot)
            self._show(slot)
            return slot.serving.bundle

    def status(self) -> dict[str, Status]:
        """How each workflow is served, by name."""
        self.turn()
        with self._lock:
            return {
                slot.workflow: self._status(slot, slot.serving)
                for slot in self._slots.values()
                if slot.serving is not None
            }

    def close(self) -> None:
        """Answer nothing any more."""
        with self._lock:
            self.closed = True
            self.warm.clear()

    def after_fork(self) -> None:
        """In the child: locks that nobody holds, and nothing warm, so that each next call passes by the client."""
        self._lock = threading.Lock()
        self.warm.clear()
        for slot in self._slots.values():
            slot.busy = threading.Lock()

    def _show(self, slot: Slot) -> None:
        if slot.serving is not None and not self.closed:
            self.warm[slot.workflow] = slot.serving.bundle

    def _is_due(self, serving: Serving) -> bool:
        pointer = serving.pointer
        if serving.reverts is None or pointer is None or pointer.revert_at is None:
            return False
        return self._clocks.wall() >= pointer.revert_at

    def _reckon(self) -> None:
        """When the next answer may differ from the warm one: something reverts, or grows too old."""
        servings = [slot.serving for slot in self._slots.values() if slot.serving is not None]
        pointers = [serving.pointer for serving in servings if serving.reverts is not None]
        turns = [self._clocks.reading_at(p.revert_at) for p in pointers if p is not None and p.revert_at is not None]
        self.turns_at = min(turns, default=None)
        if self._max_staleness_s is not None:
            turns += [
                slot.ages_from + self._max_staleness_s for slot in self._slots.values() if slot.serving is not None
            ]
        self.until = min(turns, default=None)

    def _is_stale(self, slot: Slot) -> bool:
        return self._max_staleness_s is not None and self._quiet_s(slot) >= self._max_staleness_s

    def _quiet_s(self, slot: Slot) -> float:
        return max(0.0, self._clocks.monotonic() - slot.ages_from)

    def _refuse_stale(self, slot: Slot) -> None:
        if self._is_stale(slot):
            why = slot.rejected or slot.last_error or "the store has not answered"
            raise Stale(
                f"{slot.workflow}: for {self._quiet_s(slot):.1f} s the store has not confirmed what is served, "
                f"and max_staleness is {self._max_staleness_s:g} s ({why})",
                next_step="client.status() says more",
            )

    def _status(self, slot: Slot, serving: Serving) -> Status:
        bundle = serving.bundle
        return Status(
            workflow=slot.workflow,
            environment=bundle.environment,
            generation=bundle.generation,
            version=bundle.version,
            tag=bundle.tag,
            digest=bundle.digest,
            source=bundle.source,
            since=serving.since,
            age_s=None if slot.confirmed is None else self._quiet_s(slot),
            stale=self._is_stale(slot),
            last_error=slot.last_error,
            rejected=slot.rejected,
        )


def _turned(serving: Serving) -> Serving:
    if serving.reverts is None or serving.pointer is None:
        return serving
    since = serving.pointer.revert_at or serving.since
    return replace(serving, bundle=serving.reverts, since=since, reverts=None, reverted=True)


def objection(pointer: Pointer, environment: str, workflow: str, seen: Pointer | None) -> str:
    """Why a pointer found in the store must not be followed; empty when it may be."""
    if (pointer.environment, pointer.workflow) != (environment, workflow):
        return f"the pointer is that of {pointer.workflow} in {pointer.environment}"
    if seen is None or pointer.generation > seen.generation or pointer == seen:
        return ""
    if pointer.generation == seen.generation:
        return f"the pointer says generation {seen.generation} as before, with other content"
    return f"the pointer went back from generation {seen.generation} to {pointer.generation}"
