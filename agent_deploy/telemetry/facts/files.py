"""Segments as files that DuckDB can read: those of a folder in place, those of S3 from a local cache by digest.

Every segment is hashed by us once. A folder's files are noted in `checked` after that; what is in the cache was hashed
on its way there.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from agent_deploy.telemetry.facts.holding import HeldFiles
from agent_deploy.telemetry.facts.segments import Segment, in_parallel
from registry.blobs import digest_of
from registry.errors import Damaged, Missing, Unavailable
from registry.stores import Store
from registry.stores.local import LocalStore

CACHE_BYTES = 8 * 1024**3
_SUFFIX = ".parquet"
_ATTEMPTS = 5
_LEFTOVER_AFTER_S = 3600.0  # a file being written aside, whose process then died


class SegmentFiles(Protocol):
    """Where a store's segments can be read as files."""

    def path(self, segment: Segment) -> Path:
        """The file of this segment, checked. Raises Missing, or Damaged when it holds other bytes."""

    def tidy(self) -> None:
        """Make room, and note what was learnt."""


def segment_files(store: Store, folder: Path, cache_bytes: int = CACHE_BYTES) -> SegmentFiles:
    """The files of this store's segments; `folder` is where this machine keeps its own things."""
    if isinstance(store, LocalStore):
        return FilesInPlace(Path(store.url).absolute(), folder / "checked")
    return CachedFiles(store, folder / "cache", cache_bytes)


def hold_segments(store: Store, files: SegmentFiles, held: HeldFiles, segments: Sequence[Segment]) -> list[Path]:
    """Paths by which all the segments stay readable. Raises Missing when one is gone, Damaged naming the damaged."""
    found = in_parallel(store, lambda segment: _hold(files, held, segment), segments)
    files.tidy()
    damaged = [one for one in found if isinstance(one, Damaged)]
    if damaged:
        raise damaged_together(damaged)
    return [one for one in found if isinstance(one, Path)]


def note_written(store: Store, folder: Path, segments: Iterable[Segment]) -> None:
    """These segments were hashed when they were written just now: nobody here has to hash them again."""
    files = segment_files(store, folder)
    if isinstance(files, FilesInPlace):
        files.trust(segments)


def damaged_segment(segment: Segment, where: str, why: str) -> Damaged:
    """The error that names a segment which cannot be read, and how the others can be."""
    return Damaged(
        f"{segment.key} in {where} is damaged: {why}",
        unchanged="Nothing was changed. Time ranges without that hour can be read.",
        next_command="agent-deploy traces compact --set-aside   # moves damaged segments to facts-damaged/",
    )


def damaged_together(damaged: Sequence[Damaged]) -> Damaged:
    """One error that names all of them."""
    message = "; ".join(error.message for error in damaged)
    return Damaged(message, unchanged=damaged[0].unchanged, next_command=damaged[0].next_command)


class FilesInPlace:
    """A folder's segments, where they are. A file is hashed again when it is another one, or was written to."""

    def __init__(self, root: Path, checked: Path) -> None:
        self._root = root
        self._checked = checked
        self._known = set(checked.read_text(encoding="ascii").splitlines()) if checked.exists() else set()
        self._new: list[str] = []

    def path(self, segment: Segment) -> Path:
        """See `SegmentFiles.path`."""
        path = self._root / segment.key
        try:
            line = _identity(segment, path)
            if line not in self._known:
                _check(segment, _digest_of_file(path), str(self._root))
                self._new.append(line)
        except FileNotFoundError:
            raise Missing(f"{segment.key} is not in {self._root}") from None
        except OSError as error:
            raise damaged_segment(segment, str(self._root), error.strerror or str(error)) from error
        return path

    def trust(self, segments: Iterable[Segment]) -> None:
        """Take these files for checked."""
        with suppress(OSError):
            self._new += [_identity(segment, self._root / segment.key) for segment in segments]
        self.tidy()

    def tidy(self) -> None:
        """See `SegmentFiles.tidy`. A note that cannot be written costs hashing again, nothing else."""
        new, self._new = self._new, []
        self._known.update(new)
        if new:
            with suppress(OSError):
                self._checked.parent.mkdir(parents=True, exist_ok=True)
                with self._checked.open("a", encoding="ascii") as file:
                    file.write("".join(f"{line}\n" for line in new))


class CachedFiles:
    """Segments of a store that is no folder, kept by digest on this machine, about `limit` bytes of them.

    Those not used for longest go first. Files are written aside and then named, so that none is ever half there.
    """

    def __init__(self, store: Store, folder: Path, limit: int) -> None:
        self._store = store
        self._folder = folder
        self._limit = limit

    def path(self, segment: Segment) -> Path:
        """See `SegmentFiles.path`."""
        path = self._folder / f"{segment.digest.removeprefix('sha256:')}{_SUFFIX}"
        with suppress(OSError):  # not there, most likely
            if path.stat().st_size == segment.size:
                os.utime(path)
                return path
        self._write(path, self._fetch(segment))
        return path

    def tidy(self) -> None:
        """See `SegmentFiles.tidy`."""
        kept = 0
        for used_at, size, path in sorted(_by_use(self._folder), reverse=True):
            kept += size
            being_written = not path.endswith(_SUFFIX) and time.time() - used_at < _LEFTOVER_AFTER_S
            if kept > self._limit and not being_written:
                Path(path).unlink(missing_ok=True)

    def _fetch(self, segment: Segment) -> bytes:
        stored = self._store.get(segment.key)
        if stored is None:  # only a conditional get answers so
            raise Missing(f"{segment.key} is not in {self._store.url}")
        _check(segment, digest_of(stored.data), self._store.url)
        return stored.data

    def _write(self, path: Path, data: bytes) -> None:
        aside = path.with_suffix(f".{secrets.token_hex(8)}")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            aside.write_bytes(data)
            aside.rename(path)
        except OSError as error:
            with suppress(OSError):
                aside.unlink()
            raise Unavailable(f"cannot write to {self._folder}: {error.strerror or error}") from error


def _hold(files: SegmentFiles, held: HeldFiles, segment: Segment) -> Path | Damaged:
    for _ in range(_ATTEMPTS):
        try:
            return held.hold(files.path(segment))
        except Damaged as error:
            return error
        except FileNotFoundError:  # taken away in between: by the cache, or by a compaction, which `path` will tell
            continue
    raise Missing(f"{segment.key} went away as often as it was looked for")


def _check(segment: Segment, digest: str, where: str) -> None:
    if digest != segment.digest:
        raise damaged_segment(segment, where, f"it holds other bytes ({digest})")


def _identity(segment: Segment, path: Path) -> str:
    """What tells this file, as it is now, from every other."""
    status = path.stat()
    return f"{segment.digest} {status.st_ino} {status.st_mtime_ns} {status.st_size}"


def _digest_of_file(path: Path) -> str:
    with path.open("rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


def _by_use(folder: Path) -> Iterable[tuple[float, int, str]]:
    """The files as (last use, size, path)."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                status = entry.stat()
                yield status.st_mtime, status.st_size, entry.path
