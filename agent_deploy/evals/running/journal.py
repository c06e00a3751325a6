"""The journal of a run: its results so far, in a file that survives a killed process and a full disk.

The first line tells which run it is; then comes one result a line, written at once. A last line that is torn was never
written. One process at a time holds a journal; the lock ends with the process, however it ends.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent_deploy.evals.errors import JournalFailed
from agent_deploy.evals.results import Result, result_document, result_of
from agent_deploy.evals.runs import RunStarted
from registry.errors import Conflict, Damaged

FOLDER = "runs"

Key = tuple[str, int]

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class Journal:
    """A run's results so far. kept: those it held when it was opened, by case and repeat; the last one of each counts.

    Not for several threads, but for `sync`.
    """

    def __init__(self, path: Path, descriptor: int, kept: Mapping[Key, Result]):
        self.path = path
        self.kept = kept
        self._descriptor = descriptor
        self._synced = True

    def append(self, result: Result) -> None:
        """Hand one result to the operating system, which keeps it when this process is killed.

        Raises ValueError or TypeError when it has no JSON (NaN, half a character), JournalFailed when the file cannot
        be written.
        """
        self._write(_encode(result_document(result)).encode())

    def sync(self) -> None:
        """Have the disk hold what was appended, so that a power cut loses none of it. Raises JournalFailed."""
        if self._synced:
            return
        self._synced = True  # before, for what is appended meanwhile by another thread is not synced
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            raise self._failed(error) from error

    def remove(self) -> None:
        """Delete it: the run is on record. The lock is held until then."""
        self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Let go of it. May be called more than once."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _write(self, line: bytes) -> None:
        left = memoryview(line + b"\n")
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError as error:
            raise self._failed(error) from error
        self._synced = False

    def _failed(self, error: OSError) -> JournalFailed:
        return JournalFailed(f"cannot write {self.path}: {error.strerror}")


def open_journal(folder: Path, run: RunStarted) -> Journal:
    """The run's journal in `folder`, made if it is not there, and locked.

    Raises Conflict when another process is at it, Damaged when it is another run's, JournalFailed when it cannot be
    written.
    """
    path = folder / f"{run.id}.jsonl"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise JournalFailed(f"cannot write {path}: {error.strerror}", unchanged="Nothing was asked.") from error
    try:
        return _opened(path, descriptor, run)
    except BaseException:
        os.close(descriptor)
        raise


def _opened(path: Path, descriptor: int, run: RunStarted) -> Journal:
    _lock(descriptor, run)
    lines = _whole_lines(descriptor)
    if not lines:
        journal = Journal(path, descriptor, {})
        journal._write(json.dumps(_header(run)).encode())
        _sync_folder(path.parent)
        return journal
    _check_header(lines[0], run, path)
    return Journal(path, descriptor, _results(lines[1:], path))


def _lock(descriptor: int, run: RunStarted) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise Conflict(
            f"{run.id} is running already, in another process on this machine",
            unchanged="Nothing was asked.",
            next_command=f"agent-deploy evals history {run.workflow}",
        ) from error


def _whole_lines(descriptor: int) -> list[bytes]:
    """The lines that end; what follows the last of them is cut off, or the next result would be glued to it."""
    with os.fdopen(os.dup(descriptor), "rb") as file:
        data = file.read()
    end = data.rfind(b"\n") + 1
    if end < len(data):
        os.ftruncate(descriptor, end)
    return data[:end].splitlines()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _header(run: RunStarted) -> dict[str, Any]:
    return {
        "run": run.id,
        "workflow": run.workflow,
        "version": run.version,
        "digest": run.digest,
        "set_digest": run.set_digest,
        "repeats": run.repeats,
        "agent": run.agent,
    }


def _check_header(line: bytes, run: RunStarted, path: Path) -> None:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if found != _header(run):
        raise Damaged(
            f"{path}:1: not the journal of {run.id}",
            unchanged="Nothing was asked.",
            next_command=f"mv {path} {path}.damaged   # then resume again, from nothing",
        )


def _results(lines: list[bytes], path: Path) -> dict[Key, Result]:
    results: dict[Key, Result] = {}
    for number, line in enumerate(lines, start=2):
        try:
            result = result_of(json.loads(line))
        except (ValueError, KeyError, TypeError, ArithmeticError) as error:
            raise Damaged(
                f"{path}:{number}: not a result: {error}",
                unchanged="Nothing was asked.",
                next_command=f"sed -i {number}d {path}   # that result is then asked again",
            ) from error
        results[result.case, result.repeat] = result
    return results
