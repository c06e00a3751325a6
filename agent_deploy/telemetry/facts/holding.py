"""Files held for one query: hard links in a folder of its own, so that nobody can take them away meanwhile.

Compaction, pruning and the cache remove files at any time. A link keeps the content until the query is done with it.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from registry.errors import Unavailable

_LOCK = "lock"
_NEW = ".new"
_LEFTOVER_AFTER_S = 3600.0


class HeldFiles:
    """A folder under `folder/held/`, locked while it is in use. Folders of processes that died are removed.

    Where that cannot be written, for the disk is full or whoever asks may only read, it is a temporary folder: facts
    are seen all the same. Raises Unavailable where there is no room for that either.
    """

    def __init__(self, folder: Path) -> None:
        self._temporary: Path | None = None
        try:
            parent = folder / "held"
            parent.mkdir(parents=True, exist_ok=True)
            sweep(parent)
            self._take(parent)
        except OSError as error:
            self._temporary = _temporary(folder, error)
            self._take(self._temporary)

    def _take(self, parent: Path) -> None:
        self.folder = parent / secrets.token_hex(8)
        aside = self.folder.with_suffix(_NEW)  # not to be seen by others before it is locked
        aside.mkdir()
        descriptor = os.open(aside / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        self._descriptor: int | None = descriptor
        self._owner = os.getpid()
        aside.rename(self.folder)

    @property
    def scratch(self) -> Path:
        """Where the query may put what does not fit into memory."""
        return self.folder / "scratch"

    def hold(self, path: Path) -> Path:
        """The path by which this file stays. Raises FileNotFoundError when it is gone already."""
        held = self.folder / path.name
        try:
            held.hardlink_to(path)
        except FileExistsError:
            return held
        except FileNotFoundError:
            raise
        except OSError:  # another file system, or one without links: in place, at the risk that it goes
            return path
        return held

    def release(self) -> None:
        """Let go of everything; again is no error. By then the number of our descriptor may be another's."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            if os.getpid() == self._owner:  # in a forked child the files are still the parent's
                shutil.rmtree(self._temporary or self.folder, ignore_errors=True)
            os.close(descriptor)


def _temporary(folder: Path, error: OSError) -> Path:
    """Of this user alone, for what a query puts there may tell of tenants."""
    try:
        return Path(tempfile.mkdtemp(prefix="agent-deploy-"))
    except OSError:
        raise Unavailable(f"cannot write to {folder}: {error.strerror or error}") from error


def sweep(parent: Path) -> None:
    """Remove the folders whose processes are gone."""
    for folder in parent.iterdir():
        if _is_abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _is_abandoned(folder: Path) -> bool:
    try:
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC)
    except OSError:  # being made, or half removed
        return _is_old(folder)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return folder.suffix != _NEW or _is_old(folder)


def _is_old(folder: Path) -> bool:
    with suppress(OSError):
        return time.time() - folder.stat().st_mtime > _LEFTOVER_AFTER_S
    return False
