"""Files that a command writes where its user says: all of them or none, and errors that name the file."""

from __future__ import annotations

import errno
import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from agent_deploy.errors import CannotWrite

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def write_files(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write files that are not there yet below a folder, which is made if need be.

    Raises CannotWrite. Whatever ends it early, Ctrl-C too, all that it made is taken away again: a folder that holds
    half of something would be in the way of the next try.
    """
    made: list[Path] = []
    path = folder
    try:
        for name, data in contents.items():
            path = folder / name
            _make_folders(path.parent, made)
            with path.open("xb") as file:
                made.append(path)
                file.write(data)
    except BaseException as error:
        _take_away(made)
        if isinstance(error, OSError):
            raise cannot_write(path, error) from error
        raise


@contextmanager
def told_if_unwritten(path: Path, unchanged: str = "Nothing was written.") -> Iterator[None]:
    """Raises CannotWrite in the place of an OSError. unchanged: what did not change, or what is done all the same."""
    try:
        yield
    except OSError as error:
        raise cannot_write(path, error, unchanged) from error


def check_can_write(path: Path) -> None:
    """Raises CannotWrite where a file could not be written, to find that out before work that costs something."""
    folder = path.parent
    if not folder.is_dir():
        raise cannot_write(path, OSError(errno.ENOENT, os.strerror(errno.ENOENT)))
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise cannot_write(path, OSError(errno.EACCES, os.strerror(errno.EACCES)))


def cannot_write(path: Path, error: OSError, unchanged: str = "Nothing was written.") -> CannotWrite:
    """The error that names the file."""
    return CannotWrite(
        f"cannot write {path}: {error.strerror or error}", unchanged=unchanged, next_command=look_at(path, error)
    )


def look_at(path: Path, error: OSError) -> str:
    """The command that shows what is in the way: how full the disk is, or whose the nearest folder is."""
    absolute = path.absolute()
    there = next(each for each in (absolute, *absolute.parents) if os.path.lexists(each))
    if error.errno in _NO_ROOM:
        return f"df -h {shlex.quote(str(there))}   # make room, then the same command again"
    shown = [there] if os.path.isdir(there) else [there.parent, there]  # noqa: PTH112 - Path.is_dir may raise
    return f"ls -ld {shlex.join(map(str, shown))}   # who may do what there"


def _make_folders(folder: Path, made: list[Path]) -> None:
    for each in reversed([each for each in (folder, *folder.parents) if not os.path.lexists(each)]):
        each.mkdir()
        made.append(each)


def _take_away(made: list[Path]) -> None:
    for path in reversed(made):
        with suppress(OSError):
            path.rmdir() if path.is_dir() else path.unlink()
