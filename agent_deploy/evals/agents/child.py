"""A process that an agent runs in: in a session of its own, and ended with all that it started."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

Talk = Callable[[str], None]

_LINGER_S = 0.5
_KEPT_LINES = 3
_LONGEST_LINE = 8192
_PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024


def to_stderr(line: str) -> None:
    """Pass a line that an agent wrote to stderr on to ours."""
    sys.stderr.write(line + "\n")


class Child(asyncio.SubprocessProtocol):
    """One process. A subclass says what its output means, in `wrote` and `ended`.

    talk: is given each line of its stderr. gone: done once it has ended and all that it wrote was read.
    """

    def __init__(self, talk: Talk = to_stderr) -> None:
        self._talk = talk
        self._partial = b""
        self._last_lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._transport: asyncio.SubprocessTransport | None = None
        self._loop = asyncio.get_running_loop()
        self.gone: asyncio.Future[None] = self._loop.create_future()
        self.over_memory_mb: int | None = None

    async def start(self, argv: Sequence[str], folder: Path) -> None:
        """Start it in the folder. Raises OSError, as FileNotFoundError for a program that is not there."""
        await self._loop.subprocess_exec(lambda: self, *argv, cwd=folder, start_new_session=True)

    def wrote(self, data: bytes) -> None:
        """It wrote to stdout."""

    def ended(self) -> None:
        """It has ended, and all its output was given to `wrote`."""

    def write(self, data: bytes) -> None:
        """Write to its stdin; what an ended process does not read is dropped."""
        if self._transport is not None:
            pipe = cast(asyncio.WriteTransport, self._transport.get_pipe_transport(0))
            pipe.write(data)

    def close_stdin(self) -> None:
        """Say that no more is coming."""
        if self._transport is not None:
            cast(asyncio.WriteTransport, self._transport.get_pipe_transport(0)).close()

    def kill(self) -> None:
        """End it and all of its session, at once. May be called more than once."""
        if self._transport is not None and not self.gone.done():
            _kill_session(self._transport.get_pid())

    def said_last(self) -> str:
        """The last lines of its stderr, in one; empty when there were none."""
        lines = [*self._last_lines, self._partial.decode(errors="replace")]
        return " | ".join(line.strip() for line in lines if line.strip())[-400:]

    def how_it_ended(self) -> str:
        """`exit code 3: its last lines`, `signal 11 (SIGSEGV)`, `used more than 512 MB`."""
        if self.over_memory_mb is not None:
            return f"used more than {self.over_memory_mb} MB"
        code = self._transport.get_returncode() if self._transport is not None else None
        how = f"signal {-code} ({_signal_name(-code)})" if code is not None and code < 0 else f"exit code {code}"
        said = self.said_last()
        return f"{how}: {said}" if said else how

    @property
    def pid(self) -> int | None:
        """Its process id; None when it was never started."""
        return self._transport.get_pid() if self._transport is not None else None

    @property
    def returncode(self) -> int | None:
        """Its exit code, minus the signal that killed it, or None while it runs."""
        return self._transport.get_returncode() if self._transport is not None else None

    def memory_mb(self) -> float | None:
        """What it holds in memory now (resident set, its own process); None where the system has no /proc."""
        if self._transport is None:
            return None
        try:
            fields = Path(f"/proc/{self._transport.get_pid()}/statm").read_bytes().split()
        except OSError:
            return None
        return int(fields[1]) * _PAGE_KB / 1024

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.SubprocessTransport, transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == 1:
            self.wrote(data)
        else:
            self._said(data)

    def process_exited(self) -> None:
        if self._transport is not None:
            _kill_session(self._transport.get_pid())  # what it started may hold its pipes open
            self._loop.call_later(_LINGER_S, self._transport.close)

    def connection_lost(self, _error: Exception | None) -> None:
        if self._transport is not None:
            self._transport.close()
        self.ended()
        if not self.gone.done():
            self.gone.set_result(None)

    def _said(self, data: bytes) -> None:
        *lines, partial = (self._partial + data).split(b"\n")
        self._partial = partial[-_LONGEST_LINE:]
        for line in lines:
            text = line[:_LONGEST_LINE].decode(errors="replace").rstrip("\r")
            self._last_lines.append(text)
            self._talk(text)


def _kill_session(pid: int) -> None:
    # macOS answers EPERM for a group of which only a zombie is left.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"
