"""Disks that are full, and folders that nothing can be written to."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class SmallDisk:
    """A file system of its own, of half a megabyte."""

    folder: Path

    def fill(self) -> None:
        """Leave not one byte free."""
        (self.folder / "filler").write_bytes(bytes(shutil.disk_usage(self.folder).free))

    def free(self) -> None:
        """Make room again."""
        (self.folder / "filler").unlink()


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """A small disk mounted at `folder`; the test is skipped where we may not mount one."""
    folder.mkdir()
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", folder], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a small disk takes root")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def read_only(*paths: Path) -> Iterator[None]:
    """Files and folders that nobody can change, not even root, for whom permissions are no hindrance."""
    if os.geteuid() == 0:
        _change_attribute("+i", *paths)
    modes = {path: path.stat().st_mode for path in paths}
    try:
        if os.geteuid() != 0:
            for path in paths:
                path.chmod(modes[path] & 0o555)
        yield
    finally:
        if os.geteuid() == 0:
            _change_attribute("-i", *paths)
        else:
            for path in paths:
                path.chmod(modes[path])


def _change_attribute(change: str, *paths: Path) -> None:
    try:
        subprocess.run(["chattr", change, *paths], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this file system cannot make files immutable")
