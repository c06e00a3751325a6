"""drill daemon: a small scheduler in the foreground, for whoever has none. It ticks until a signal says to stop."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import FrameType

from agent_deploy.log import event
from agent_deploy.operations.drill.tick import Tick

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def daemon(
    tick: Callable[[Callable[[], bool]], Tick],
    every: timedelta,
    told: Callable[[Tick], None],
    failed: Callable[[Exception], None],
    *,
    stopping: threading.Event | None = None,
) -> int:
    """Tick at once and then at every `every`, until SIGINT or SIGTERM, or `stopping` is set; how many ticks failed.

    tick: one tick, that asks its argument whether to stop before each drill. What it raises is told and survived: the
    database may be back for the next one. A drill in hand goes on to its end, for it has a place to bring to rest; it
    runs in a thread, where no signal reaches it.
    """
    stopping = stopping or threading.Event()
    ticking = _Ticking(tick, every.total_seconds(), told, failed, stopping)
    thread = threading.Thread(target=ticking.run, name="agent-deploy-drill-ticks")
    with _listening(stopping):
        thread.start()
        thread.join()
    return ticking.failures


class _Ticking:
    def __init__(
        self,
        tick: Callable[[Callable[[], bool]], Tick],
        every_s: float,
        told: Callable[[Tick], None],
        failed: Callable[[Exception], None],
        stopping: threading.Event,
    ) -> None:
        self._tick = tick
        self._every_s = every_s
        self._told = told
        self._failed = failed
        self._stopping = stopping
        self.failures = 0

    def run(self) -> None:
        while not self._stopping.is_set():
            started = time.monotonic()
            self._once()
            self._stopping.wait(max(0.0, started + self._every_s - time.monotonic()))

    def _once(self) -> None:
        try:
            self._told(self._tick(self._stopping.is_set))
        except Exception as error:  # noqa: BLE001 - whatever it is, next time it may be well
            self.failures += 1
            event("tick failed", error=str(error))
            self._failed(error)


@contextmanager
def _listening(stopping: threading.Event) -> Iterator[None]:
    """Signals set the event meanwhile; only in the main thread, for elsewhere Python lets nobody have them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def heard(number: int, _frame: FrameType | None) -> None:
        event("stopping", signal=signal.Signals(number).name)
        stopping.set()

    before = {number: signal.signal(number, heard) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
