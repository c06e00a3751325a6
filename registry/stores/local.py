"""A store in a folder: each key is a file. Writes go to a file aside first, so that nobody ever reads half of one."""

# ruff: noqa: PTH100, PTH102, PTH105, PTH106, PTH108, PTH110, PTH116, PTH120, PTH123
# Paths are plain strings here: pathlib costs more than the small reads that every reader makes each second.

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from registry.errors import BadInput, Changed, Exists, Missing, Unavailable
from registry.failpoints import reached
from registry.stores import Entry, Stored

_Made = TypeVar("_Made")

_TMP = "tmp"
_LOCK = ".lock"
_LOCK_WAIT_S = 30.0
_LEFTOVER_AFTER_S = 3600.0
# A key that ends in a whole SHA-256 is never the beginning of another, so one stat says what a listing would.
_ENDS_IN_DIGEST = re.compile(r"(?:.*/)?[0-9a-f]{64}")


class LocalStore:
    """Objects as files under `root`, which the first write makes; POSIX only.

    A token is the SHA-256 of the content. `tmp/` (files being written) and `.lock` are the store's own. A key cannot
    be at once an object and the folder of others. The lock is the kernel's: it goes with the process that held it.
    """

    def __init__(self, root: Path) -> None:
        self.url = str(root)
        self.parallel = 1
        self._root = os.path.abspath(root)  # the process may change its folder later

    def get(self, key: str, *, unless: str | None = None) -> Stored | None:
        """See `Store.get`."""
        path = self._path(key)
        try:
            data = _read(path)
        except FileNotFoundError:
            raise Missing(f"{key} is not in {self.url}") from None
        except OSError as error:
            raise self._unavailable("read", key, error) from error
        token = _token(data)
        return None if token == unless else Stored(data, token)

    def create(self, key: str, data: bytes) -> str:
        """See `Store.create`. Before it raises `Exists`, what is there is durable too."""
        path = self._path(key)
        try:
            if not os.path.lexists(path):
                with self._written(data, durably=True) as aside, suppress(FileExistsError):
                    self._link(aside, path)
                    reached("local.moved")
                    _sync_folder(path)
                    return _token(data)
            _sync_folder(path)
        except OSError as error:
            raise self._unavailable("write", key, error) from error
        raise Exists(f"{key} is already in {self.url}")

    def replace(self, key: str, data: bytes, *, expect: str | None) -> str:
        """See `Store.replace`."""
        path = self._path(key)
        try:
            if expect is None:
                self._overwrite(path, data)
            elif not self._swap(path, data, expect):
                raise Changed(f"{key} in {self.url} is no longer what was expected")
        except OSError as error:
            raise self._unavailable("write", key, error) from error
        return _token(data)

    def entries(self, prefix: str) -> Iterator[Entry]:
        """See `Store.entries`. What comes or goes meanwhile may or may not be listed."""
        folder, _, start = prefix.rpartition("/")
        if "/" in prefix:
            self._path(folder, reserved=True)
        try:
            if _ENDS_IN_DIGEST.fullmatch(prefix):
                yield from self._entry(prefix)
            elif folder.partition("/")[0] != _TMP:
                yield from self._walk(folder + "/" if folder else "", start)
        except OSError as error:
            raise self._unavailable("list", prefix, error) from error

    def delete(self, key: str) -> None:
        """See `Store.delete`. A folder that this empties goes too."""
        path = self._path(key)
        try:
            with self._locked():
                os.unlink(path)
                self._prune(os.path.dirname(path))
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._unavailable("delete", key, error) from error

    def _path(self, key: str, *, reserved: bool = False) -> str:
        parts = key.split("/")
        if "" in parts or "." in parts or ".." in parts or "\0" in key:
            raise BadInput(f"{key!r} is not a key: it has to name a file inside {self.url}")
        if not reserved and (parts[0] == _TMP or key == _LOCK):
            raise BadInput(f"{key!r} is not a key: {self.url} keeps it for itself")
        return f"{self._root}/{key}"

    def _link(self, aside: str, path: str) -> None:
        try:
            os.link(aside, path)
        except FileNotFoundError:
            with self._locked():  # so that no delete takes the empty folder away again
                _make_folder(os.path.dirname(path))
                os.link(aside, path)

    def _overwrite(self, path: str, data: bytes) -> None:
        with self._written(data, durably=False) as aside, self._locked():
            _in_folder(path, lambda: os.replace(aside, path))

    def _swap(self, path: str, data: bytes, expect: str) -> bool:
        """Replace the file durably if its content still has this token; whether it had."""
        if not os.path.exists(self._root):
            return False
        with self._locked():
            self._sweep()
            if _token_at(path) != expect:
                return False
            with self._written(data, durably=True) as aside:
                os.replace(aside, path)
                reached("local.moved")
            _sync_folder(path)
            return True

    @contextmanager
    def _written(self, data: bytes, *, durably: bool) -> Iterator[str]:
        """The path of a file in `tmp/` that holds the data; removed at the end unless it was moved away."""
        path = f"{self._root}/{_TMP}/{os.getpid()}-{os.urandom(8).hex()}"
        try:
            with _in_folder(path, lambda: open(path, "xb", buffering=0)) as file:
                view = memoryview(data)
                while view:
                    view = view[file.write(view) :]
                if durably:
                    os.fsync(file.fileno())
            reached("local.written")
            yield path
        finally:
            with suppress(FileNotFoundError):
                os.unlink(path)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the store's lock, against threads and processes alike. FileNotFoundError when there is no root."""
        descriptor = os.open(f"{self._root}/{_LOCK}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            _lock(descriptor)
            try:
                yield
            finally:
                # Closing alone would leave the lock with a child that was forked meanwhile.
                fcntl.flock(descriptor, fcntl.LOCK_UN)
        finally:
            os.close(descriptor)

    def _sweep(self) -> None:
        """Remove what killed processes left in `tmp/`."""
        with suppress(FileNotFoundError), os.scandir(f"{self._root}/{_TMP}") as found:
            for entry in found:
                with suppress(FileNotFoundError):
                    if time.time() - entry.stat(follow_symlinks=False).st_mtime > _LEFTOVER_AFTER_S:
                        os.unlink(entry.path)

    def _prune(self, folder: str) -> None:
        with suppress(OSError):  # not empty, or filled again meanwhile
            while folder != self._root:
                os.rmdir(folder)
                folder = os.path.dirname(folder)

    def _walk(self, folder: str, start: str) -> Iterator[Entry]:
        """The entries under `folder` ("" or "a/b/") whose name there begins with `start`."""
        for name in _names(f"{self._root}/{folder}", start):
            if not folder and name in (_LOCK, _TMP + "/"):
                continue
            if name.endswith("/"):
                yield from self._walk(folder + name, "")
            else:
                yield from self._entry(folder + name)

    def _entry(self, key: str) -> Iterator[Entry]:
        """The entry of this key, if there is such a file."""
        try:
            found = os.stat(f"{self._root}/{key}")
        except FileNotFoundError:
            return
        if stat.S_ISREG(found.st_mode):
            yield Entry(key, found.st_size)

    def _unavailable(self, verb: str, key: str, error: OSError) -> Unavailable:
        return Unavailable(f"cannot {verb} {self.url}/{key}: {error.strerror or error}")


def _token(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _token_at(path: str) -> str | None:
    try:
        return _token(_read(path))
    except FileNotFoundError:
        return None


def _read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.readall()


def _names(folder: str, start: str) -> list[str]:
    """The names in a folder that begin with `start`, in the order of keys: a folder's as "name/"."""
    try:
        with os.scandir(folder) as found:
            names = [entry.name + "/" if entry.is_dir() else entry.name for entry in found]
            return sorted(name for name in names if name.startswith(start))
    except FileNotFoundError:
        return []


def _in_folder(path: str, make: Callable[[], _Made]) -> _Made:
    """Do what makes the file `path`, making its folder where that is missing."""
    try:
        return make()
    except FileNotFoundError:
        _make_folder(os.path.dirname(path))
        return make()


def _make_folder(folder: str) -> None:
    with suppress(FileExistsError):
        try:
            os.mkdir(folder)
        except FileNotFoundError:
            _make_folder(os.path.dirname(folder))
            os.mkdir(folder)
        _sync_folder(folder)


def _sync_folder(path: str) -> None:
    """Make what happened to the name `path` durable."""
    try:
        descriptor = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:  # pruned: all that it held was deleted
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that cannot sync folders says so
            raise
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    give_up = time.monotonic() + _LOCK_WAIT_S
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > give_up:
                text = f"another process has held its lock for {_LOCK_WAIT_S:.0f} s"
                raise TimeoutError(errno.ETIMEDOUT, text) from None
            time.sleep(0.001)
