"""Sealing: finished files of the spool become segments in the store, and go.

A crash in between leaves facts in both, or in two segments; queries and compaction count each once. A file is guarded
by the kernel's lock, and what others do in the store stands in nobody's way: sealing waits for no lease.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agent_deploy.telemetry.facts.engine import open_engine
from agent_deploy.telemetry.facts.files import note_written
from agent_deploy.telemetry.facts.holding import HeldFiles
from agent_deploy.telemetry.facts.rows import lines_sql
from agent_deploy.telemetry.facts.segments import Segment
from agent_deploy.telemetry.facts.spool import NEW, finished_file, spool_files
from agent_deploy.telemetry.facts.writing import put_hours
from registry.failpoints import reached
from registry.stores import Store

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

DAMAGED = ".damaged"
_LONGEST_LINE = 1024 * 1024
_BATCH_BYTES = 128 * 1024 * 1024  # about half a million facts, which is what fits into memory
_LEFTOVER_AFTER_S = 3600.0


@dataclass(frozen=True, slots=True)
class Sealed:
    """What was sealed: the segments written, the facts in them, and how many files of the spool they were.

    damaged: files of the spool with lines that are no facts, kept under this name; their whole lines are sealed.
    """

    segments: tuple[Segment, ...] = ()
    facts: int = 0
    files: int = 0
    damaged: tuple[Path, ...] = ()

    def __add__(self, other: Sealed) -> Sealed:
        return Sealed(
            self.segments + other.segments,
            self.facts + other.facts,
            self.files + other.files,
            self.damaged + other.damaged,
        )


def seal(store: Store, folder: Path) -> Sealed:
    """Turn every finished file of the spool under `folder` into segments. Files that are being written stay.

    Raises Unavailable when the store is away; what is not sealed yet stays in the spool.
    """
    _sweep(folder / "spool")
    sealed = Sealed()
    for batch in _batches(spool_files(folder / "spool")):
        with ExitStack() as locks:
            finished = [path for path in batch if locks.enter_context(finished_file(path))]
            if finished:
                sealed += _seal(store, folder, finished)
    return sealed


def _seal(store: Store, folder: Path, files: Sequence[Path]) -> Sealed:
    for path in files:
        _cut_torn_line(path)
    held = HeldFiles(folder)
    try:
        with open_engine(held.scratch) as connection:
            connection.execute(f"CREATE TEMP TABLE lines AS {lines_sql(files)}")
            damaged = _damaged(connection)
            written, facts = put_hours(connection, "lines", store, held.folder)
    finally:
        held.release()
    reached("seal.stored")
    note_written(store, folder, written)
    kept = tuple(_take_away(path) for path in files if str(path) in damaged)
    for path in files:
        path.unlink(missing_ok=True)
        reached("seal.removed")
    return Sealed(tuple(written), facts, len(files), kept)


def _damaged(connection: DuckDBPyConnection) -> set[str]:
    rows = connection.execute("SELECT DISTINCT filename FROM lines WHERE started_at IS NULL").fetchall()
    return {path for (path,) in rows}


def _cut_torn_line(path: Path) -> None:
    """Take off a last line that its process did not live to write whole: nobody was told that it is kept."""
    with path.open("r+b") as file:
        end = file.seek(0, os.SEEK_END)
        start = max(0, end - _LONGEST_LINE)
        file.seek(start)
        before, newline, last = file.read().rpartition(b"\n")
        if last and not _is_json(last):
            file.truncate(start + len(before) + len(newline))


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _take_away(path: Path) -> Path:
    return path.rename(path.with_suffix(DAMAGED))


def _batches(paths: Sequence[Path]) -> Iterator[list[Path]]:
    """The files, as many at once as are read together; the oldest first."""
    batch, size = list[Path](), 0
    for path in paths:
        length = _size(path)
        if batch and size + length > _BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(path)
        size += length
    if batch:
        yield batch


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:  # sealed in between
        return 0


def _sweep(folder: Path) -> None:
    """Remove what processes left that died before they could give their file its name: nothing is in it."""
    for path in folder.glob(f"*{NEW}"):
        with suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > _LEFTOVER_AFTER_S:
                path.unlink()
