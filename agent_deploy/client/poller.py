"""The background thread: one a client, started at the first bundle, polling every workflow in use."""

from __future__ import annotations

import logging
import random
import threading

from agent_deploy.client.clocks import Clocks
from agent_deploy.client.presence import Presence
from agent_deploy.client.served import Served, Slot
from agent_deploy.client.watch import Watch

_EARLIEST = 0.9
_LONGEST_WAIT_S = 3600.0

_log = logging.getLogger("agent_deploy.client")


class Poller:
    """Every `poll_s` seconds, or a little sooner, looks at the store, and says what is served.

    It wakes in between for what reverts at a given moment. It knows nothing of the client, so that a client which is
    dropped without being closed can still be collected.
    """

    def __init__(
        self, watch: Watch, served: Served, presence: Presence, clocks: Clocks, *, poll_s: float, parallel: int
    ) -> None:
        self._watch = watch
        self._served = served
        self._presence = presence
        self._clocks = clocks
        self._poll_s = poll_s
        self._parallel = parallel
        self._look_at = 0.0
        self._reset()

    def _reset(self) -> None:
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._stopping = threading.Event()

    def start(self) -> None:
        """Have the thread run. What is served was just looked at, so its first look is a poll interval away."""
        if self._thread is not None:
            return
        with self._starting:
            if self._thread is not None or self._stopping.is_set():
                return
            self._look_at = self._next_look()
            thread = threading.Thread(target=self._run, name="agent-deploy-poller", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:  # no more threads, or the interpreter is going down: serve all the same
                _log.warning("no thread to poll the store with: %s", error)
                return
            self._thread = thread

    def stop(self, wait_s: float = 0.0) -> None:
        """Tell the thread to remove its reader records and end; wait for it that long at most."""
        self._stopping.set()
        thread = self._thread
        if thread is not None and wait_s > 0 and thread is not threading.current_thread():
            thread.join(wait_s)

    def refresh(self) -> None:
        """Look at the store now, in this thread."""
        self._attend(self._served.slots(), look=True)

    def after_fork(self) -> None:
        """In the child, where the thread is not: pass by again at the next bundle, as another reader."""
        self._served.after_fork()
        self._presence.after_fork()
        stopped = self._stopping.is_set()
        self._reset()
        if stopped:
            self._stopping.set()

    def tick(self) -> float:
        """Do what is due; the seconds until something is again."""
        look = self._clocks.monotonic() >= self._look_at
        if look:
            self._look_at = self._next_look()
        self._served.turn()
        self._attend(self._served.slots(), look=look)
        self._served.turn()
        return self._wait_s()

    def _wait_s(self) -> float:
        reading, turns_at = self._clocks.monotonic(), self._served.turns_at
        due = [self._look_at] if turns_at is None else [self._look_at, turns_at]
        heartbeat_at = self._presence.due_at()
        if heartbeat_at > reading:  # else it could not be said just now, and the next look tries again
            due.append(heartbeat_at)
        return min(max(min(due) - reading, 0.0), _LONGEST_WAIT_S)

    def _run(self) -> None:
        while not self._stopping.wait(self._tick_safely()):
            pass
        self._presence.leave()

    def _tick_safely(self) -> float:
        try:
            return self.tick()
        except Exception:  # noqa: BLE001 - a poller that ends would serve today's bundle for ever
            _log.exception("polling failed; it goes on")
            return self._poll_s

    def _next_look(self) -> float:
        return self._clocks.monotonic() + self._poll_s * random.uniform(_EARLIEST, 1.0)

    def _attend(self, slots: list[Slot], *, look: bool) -> None:
        if not look or self._parallel <= 1 or len(slots) <= 1:
            for slot in slots:
                self._attend_one(slot, look)
            return
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(min(self._parallel, len(slots))) as pool:
            for slot in slots:
                pool.submit(self._attend_one, slot, look)

    def _attend_one(self, slot: Slot, look: bool) -> None:
        try:
            with slot.busy:
                # Only a store that was just read is written to: a record for a folder that is away would make it.
                if look or (slot.serving is not None and self._presence.is_due(slot.serving)):
                    self._watch.look(slot)
                    self._say(slot)
                self._watch.keep(slot)
        except Exception:  # noqa: BLE001 - a poller that ends would serve today's bundle for ever
            _log.exception("%s: the look at the store failed; polling goes on", slot.workflow)

    def _say(self, slot: Slot) -> None:
        if slot.announceable and slot.serving is not None and self._presence.is_due(slot.serving):
            self._presence.say(slot.serving)
