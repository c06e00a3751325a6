"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path

_PACKAGES = ("agent-deploy", "click", "sqlmodel", "sqlalchemy", "jinja2", "structlog")


def facts(folder: Path, peers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(name, value) pairs, for the record. folder: where the measured registries lie."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    yield "machine", f"{_cpu()}, {os.cpu_count()} cores, {memory:.0f} GiB of memory"
    yield "system", f"{platform.system()} {platform.release()}, {_file_system(folder)}"
    yield "Python", f"{platform.python_version()} ({platform.python_implementation()}), SQLite {sqlite3.sqlite_version}"
    yield "packages", ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    if peers:
        yield "peers", ", ".join(f"{name} {number}" for name, number in sorted(peers.items()))


def load() -> str:
    """How busy the machine is, as `uptime` says it."""
    return ", ".join(f"{average:.1f}" for average in os.getloadavg())


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _file_system(folder: Path) -> str:
    """The type of the file system that the folder is on: that of the longest mount point above it."""
    try:
        mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    except OSError:
        return "file system unknown"
    above = [(mount[1], mount[2]) for mount in mounts if folder.absolute().is_relative_to(mount[1])]
    return max(above, key=lambda mount: len(mount[0]))[1] if above else "file system unknown"
