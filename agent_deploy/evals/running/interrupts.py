"""Ctrl-C and SIGTERM while a run goes on: its task is cancelled, so that everything under way ends in order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from agent_deploy.evals.errors import RunInterrupted

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interruptible(task: asyncio.Task[object]) -> Iterator[None]:
    """A block of this task, the running one, that either signal ends; it then raises RunInterrupted.

    Outside the main thread nobody can listen to signals, and the block runs as it is.
    """
    came = False

    def interrupt() -> None:
        nonlocal came
        came = True
        task.cancel()

    loop = asyncio.get_running_loop()
    with suppress(RuntimeError, ValueError):
        for number in _SIGNALS:
            loop.add_signal_handler(number, interrupt)
    try:
        yield
    except asyncio.CancelledError:
        if not came:
            raise
        task.uncancel()
        raise RunInterrupted("interrupted") from None
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
