"""What happens to the clients of a process when it forks, and when it ends."""

from __future__ import annotations

import atexit
import os
import time
from collections.abc import Callable
from typing import Protocol
from weakref import WeakSet

EXIT_WAIT_S = 2.0


class Living(Protocol):
    """What has to be told of a fork and of the end."""

    def after_fork(self) -> None:
        """In a forked child, before anything else runs there: no other thread is left, and none holds a lock."""

    def stop(self, wait_s: float = 0.0) -> None:
        """End, waiting that many seconds at most."""


_living: WeakSet[Living] = WeakSet()


def enroll(living: Living) -> Callable[[], None]:
    """Tell this one of forks and of the process's end; the answer strikes it off again."""
    _living.add(living)
    return lambda: _living.discard(living)


def _after_fork() -> None:
    for living in list(_living):
        living.after_fork()


def _at_exit() -> None:
    """Stop all at once, then wait for all together: an end that hangs is worse than a reader record left behind."""
    everyone, deadline = list(_living), time.monotonic() + EXIT_WAIT_S
    for living in everyone:
        living.stop()
    for living in everyone:
        living.stop(wait_s=max(0.0, deadline - time.monotonic()))


os.register_at_fork(after_in_child=_after_fork)
atexit.register(_at_exit)
