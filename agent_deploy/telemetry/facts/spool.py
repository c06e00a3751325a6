"""The spool: facts on this machine's disk, durable before they are acknowledged, until they are sealed into segments.

`spool/<pid>-<random>.jsonl`, one file at a time for each process. Who writes a file holds the kernel's lock on it, so
a file that can be locked is finished: closed by its process, or left by one that died.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from agent_deploy.telemetry.facts.fact import Fact
from agent_deploy.telemetry.facts.lines import lines_of
from registry.errors import Unavailable
from registry.failpoints import reached

SUFFIX = ".jsonl"
NEW = ".new"
_MAX_FILE_BYTES = 64 * 1024 * 1024
_MAX_FILE_AGE_S = 10.0


class _Batch:
    """What is written with one fsync: the lines of all appends that waited together."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.done = False
        self.error: Unavailable | None = None


@dataclass(slots=True)
class _File:
    """The file that is being written. size: of what is durable in it."""

    path: Path
    descriptor: int
    began: float
    size: int = 0


class Spool:
    """Appends facts durably, from any thread. One object a process writes one file at a time.

    A file is finished at `max_file_bytes`, or once it is `max_file_age_s` old and somebody appends or calls `roll`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        max_file_bytes: int = _MAX_FILE_BYTES,
        max_file_age_s: float = _MAX_FILE_AGE_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder = folder.absolute()  # the process may change its folder later
        self._max_file_bytes = max_file_bytes
        self._max_file_age_s = max_file_age_s
        self._monotonic = monotonic
        self._file: _File | None = None
        self._after_fork()
        _spools.add(self)

    def append(self, facts: Sequence[Fact]) -> None:
        """Write the facts; they are durable when it returns. Appends that wait together share one fsync.

        Raises Unavailable when they could not be written (a full disk): none of them counts as acknowledged then.
        """
        if not facts:
            return
        lines = lines_of(facts)
        with self._joining:
            batch = self._waiting
            batch.parts.append(lines)
        with self._committing:
            if not batch.done:  # nobody did it for us while we waited for our turn
                self._commit(batch)
        if batch.error is not None:
            raise Unavailable(
                batch.error.message, unchanged="None of these facts counts as written.", next_command="df -h"
            )

    def roll(self, *, everything: bool = False) -> None:
        """Finish the file that is being written if it is old enough, or in any case; the next append begins another."""
        with self._committing:
            if self._file is not None and (everything or self._is_due(self._file)):
                self._finish()

    def close(self) -> None:
        """Finish the file that is being written. An append afterwards begins another."""
        self.roll(everything=True)

    def _commit(self, batch: _Batch) -> None:
        with self._joining:
            self._waiting = _Batch()
        try:
            self._write(b"".join(batch.parts))
        except OSError as error:
            self._abandon()
            batch.error = Unavailable(f"cannot write to {self.folder}: {error.strerror or error}")
        except BaseException:  # a Ctrl-C in one thread must not pass for an answer to the others
            self._abandon()
            batch.error = Unavailable(f"writing to {self.folder} was interrupted")
            raise
        finally:
            batch.done = True

    def _write(self, data: bytes) -> None:
        file = self._file = self._file or self._begin()
        view = memoryview(data)
        while view:
            view = view[os.write(file.descriptor, view) :]
        reached("spool.written")
        os.fsync(file.descriptor)
        reached("spool.synced")
        file.size += len(data)
        if self._is_due(file):
            self._finish()

    def _begin(self) -> _File:
        """A new file, locked before it has the name under which others look for finished ones."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{os.getpid()}-{secrets.token_hex(8)}{SUFFIX}"
        aside = path.with_suffix(NEW)
        descriptor = os.open(aside, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            aside.rename(path)
            _sync_folder(self.folder)
        except OSError:
            os.close(descriptor)
            raise
        return _File(path, descriptor, self._monotonic())

    def _is_due(self, file: _File) -> bool:
        return file.size >= self._max_file_bytes or self._monotonic() - file.began >= self._max_file_age_s

    def _finish(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):  # closing alone would leave the lock with a child that was forked meanwhile
                fcntl.flock(file.descriptor, fcntl.LOCK_UN)
            os.close(file.descriptor)

    def _abandon(self) -> None:
        """After a failed write, take back what was not acknowledged; nothing more is written behind it."""
        if self._file is not None:
            with suppress(OSError):
                os.ftruncate(self._file.descriptor, self._file.size)
            self._finish()

    def _after_fork(self) -> None:
        """The file and its lock are the parent's; a thread of the parent may have held the locks of ours."""
        if self._file is not None:
            os.close(self._file.descriptor)
            self._file = None
        self._joining, self._committing = threading.Lock(), threading.Lock()
        self._waiting = _Batch()

    def in_child(self) -> None:
        """For the fork hook: begin anew in the child."""
        self._after_fork()


_spools: weakref.WeakSet[Spool] = weakref.WeakSet()


def _begin_anew() -> None:
    for spool in list(_spools):
        spool.in_child()


os.register_at_fork(after_in_child=_begin_anew)


def spool_files(folder: Path) -> list[Path]:
    """All files of the spool, those that are being written too, the oldest first. Raises Unavailable."""
    found = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(SUFFIX):
                    with suppress(FileNotFoundError):  # sealed meanwhile
                        found.append((entry.stat().st_mtime_ns, entry.path))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Unavailable(f"cannot read {folder}: {error.strerror or error}") from error
    return [Path(path) for _, path in sorted(found)]


@contextmanager
def finished_file(path: Path) -> Iterator[bool]:
    """Whether this file is finished and still there; inside, no other process takes it for finished."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        yield False
        return
    try:
        yield _lock(descriptor) and _still_there(path, descriptor)
    finally:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _still_there(path: Path, descriptor: int) -> bool:
    try:
        return path.stat().st_ino == os.fstat(descriptor).st_ino
    except FileNotFoundError:
        return False


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
