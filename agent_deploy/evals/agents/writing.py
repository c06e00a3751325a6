"""Answers on their way out of the worker."""

from __future__ import annotations

import os
import threading
from queue import SimpleQueue


class Answers:
    """Where answers go, one writer at a time."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, line: str) -> None:
        """Write the line, or lines. A parent that is gone needs no answers, and no worker."""
        left = memoryview(f"{line}\n".encode())
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError:
            os._exit(0)


class QueuedAnswers:
    """Answers of many threads: a thread of their own writes all that are there in one go.

    A write gives the interpreter away to other threads; with hundreds of them, getting it back is what takes long.
    """

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._lines: SimpleQueue[str] = SimpleQueue()
        threading.Thread(target=self._write_all, daemon=True).start()

    def write(self, line: str) -> None:
        """Have the line written."""
        self._lines.put(line)

    def _write_all(self) -> None:
        while True:
            lines = [self._lines.get()]
            while not self._lines.empty():
                lines.append(self._lines.get())
            self._answers.write("\n".join(lines))
