"""Ctrl-C and SIGTERM in the middle of a drill: it ends at once, but never without its restore."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from drills.errors import Stopped

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopping:
    """Turns signals into Stopped where a drill may be stopped, and remembers them where it must not be.

    listens: False leaves signals to whoever had them before.
    """

    def __init__(self, *, listens: bool = True) -> None:
        self.asked = ""
        self._listens = listens
        self._exposed = False

    @contextmanager
    def shielded(self) -> Iterator[None]:
        """Signals are ours, and only remembered, but for what is `exposed` within."""
        with self._listening():
            yield

    @contextmanager
    def exposed(self) -> Iterator[None]:
        """What happens here is stopped by a signal, also by one that came before: Stopped is raised within."""
        try:
            self._exposed = True
            if self.asked:
                raise Stopped(f"stopped by {self.asked}")
            yield
        finally:
            self._exposed = False

    @contextmanager
    def _listening(self) -> Iterator[None]:
        """Signals are ours meanwhile; only in the main thread, for elsewhere Python lets nobody have them."""
        if not self._listens or threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._heard) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _heard(self, number: int, _frame: FrameType | None) -> None:
        self.asked = signal.Signals(number).name
        if self._exposed:
            raise Stopped(f"stopped by {self.asked}")
