"""A function that is not async, called in threads: as many as questions wait, up to a limit."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from agent_deploy.evals.agents.calling import called


class Threads:
    """Answers questions in threads, each with a line. A thread is started only when none is free."""

    def __init__(self, function: Callable[..., Any], bundle: Any, write: Callable[[str], None], limit: int) -> None:
        self._function = function
        self._bundle = bundle
        self._write = write
        self._limit = limit
        self._questions: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self._free = threading.Semaphore(0)
        self._started = 0
        self._open: set[int] = set()

    def take(self, messages: list[dict[str, Any]]) -> None:
        """Have questions answered, and say of cancelled ones whether they have ended."""
        for message in messages:
            if "cancel" in message:
                self._cancel(message["cancel"])
            else:
                self._ask(message)

    def _ask(self, question: dict[str, Any]) -> None:
        self._open.add(question["id"])
        self._questions.put(question)
        if self._started < self._limit and not self._free.acquire(blocking=False):
            self._started += 1
            threading.Thread(target=self._work, daemon=True).start()

    def _cancel(self, question: int) -> None:
        ended = "false" if question in self._open else "true"  # a thread cannot be stopped
        self._write(f'{{"cancel": {question}, "ended": {ended}}}')

    def _work(self) -> None:
        while True:
            question = self._questions.get()
            answer = called(self._function, self._bundle, question)
            self._open.discard(question["id"])
            self._write(answer)
            self._free.release()
