"""An async function, called as tasks of one event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from agent_deploy.evals.agents.calling import called_async, raised

_STOPPING_S = 0.5

Read = Callable[[Callable[[list[dict[str, Any]]], None]], None]


def serve(function: Callable[..., Any], bundle: Any, write: Callable[[str], None], read: Read) -> None:
    """Answer for good. read: gives questions and cancellations, as they come, to what it is called with."""
    asyncio.run(_serve(_Tasks(function, bundle, write), write, read))


async def _serve(tasks: _Tasks, write: Callable[[str], None], read: Read) -> None:
    loop = asyncio.get_running_loop()

    def take(messages: list[dict[str, Any]]) -> None:
        loop.call_soon_threadsafe(tasks.take, messages)

    threading.Thread(target=read, args=(take,), daemon=True).start()
    write('{"ready": true}')
    await loop.create_future()  # for good: the reading thread ends the process


class _Tasks:
    def __init__(self, function: Callable[..., Any], bundle: Any, write: Callable[[str], None]) -> None:
        self._function = function
        self._bundle = bundle
        self._write = write
        self._open: dict[int, asyncio.Task[None]] = {}
        self._stopping: set[asyncio.Task[None]] = set()

    def take(self, messages: list[dict[str, Any]]) -> None:
        """Have questions answered, stop cancelled ones, and say whether they did stop."""
        for message in messages:
            if "cancel" in message:
                self._cancel(message["cancel"])
            else:
                self._open[message["id"]] = asyncio.create_task(self._answer(message))

    def _cancel(self, question: int) -> None:
        task = self._open.get(question)
        stopping = asyncio.create_task(self._stop(question, task))
        self._stopping.add(stopping)
        stopping.add_done_callback(self._stopping.discard)

    async def _answer(self, question: dict[str, Any]) -> None:
        task = self._open[question["id"]]
        try:
            self._write(await called_async(self._function, self._bundle, question))
        except asyncio.CancelledError as error:
            if not task.cancelling():  # the agent's own doing, and somebody waits for its answer
                self._write(raised(question["id"], error))
        finally:
            del self._open[question["id"]]

    async def _stop(self, question: int, task: asyncio.Task[None] | None) -> None:
        if task is not None:
            task.cancel()
            await asyncio.wait([task], timeout=_STOPPING_S)
        ended = "true" if task is None or task.done() else "false"
        self._write(f'{{"cancel": {question}, "ended": {ended}}}')
