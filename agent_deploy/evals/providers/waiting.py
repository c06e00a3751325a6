"""Waiting in an event loop for a call that blocks."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

_Answer = TypeVar("_Answer")


async def in_thread(call: Callable[[], _Answer]) -> _Answer:
    """What the call gives or raises. It runs in a thread of its own that keeps no process from ending."""
    loop = asyncio.get_running_loop()
    waited: asyncio.Future[_Answer] = loop.create_future()

    def settle(answer: _Answer | None, error: BaseException | None) -> None:
        if waited.done():  # nobody waits any more
            return
        if error is not None:
            waited.set_exception(error)
        else:
            waited.set_result(answer)  # type: ignore[arg-type]

    def run() -> None:
        answer, error = None, None
        try:
            answer = call()
        except BaseException as raised:  # noqa: BLE001 - raised again where it is waited for
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, answer, error)

    threading.Thread(target=run, daemon=True).start()
    return await waited
