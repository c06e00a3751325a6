"""A promote in process, with full durability: SQLite with synchronous=EXTRA, and a local store that fsyncs."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path

from agent_deploy.operations.promote import promote
from benchmarks.bundles import ACTOR, ENVIRONMENT, WORKFLOW, two_versions
from benchmarks.context import Context
from benchmarks.figures import Figure, not_measured, seconds, times_faster, told
from benchmarks.peers import NotMeasured, started
from benchmarks.timing import in_turns, whole
from registry.registry import Registry

_WHAT = "promote in process, SQLite and local store"
_TIMES = 3


def measure(context: Context) -> Iterator[Figure]:
    """Against the least that its durability costs, and against mlflow's way of moving an alias."""
    folder = context.scratch / "moves"
    registry = two_versions(folder)
    rounds = context.repeats(100)
    sampler = whole(_promoter(registry))
    duration, least = in_turns(sampler, whole(_floor(folder / "floor")), rounds=rounds)
    against = "two SQLite commits, synchronous=EXTRA, and one file published with fsync"
    yield told(_WHAT, duration, seconds, against=against, baseline=least)
    try:
        with started(context, "mlflow") as peer:
            duration, theirs = in_turns(sampler, peer.sampler("move"), rounds=rounds)
    except NotMeasured as why:
        yield not_measured(_WHAT, f"mlflow set_prompt_alias on SQLite: {why}", f"≥ {_TIMES} ×")
    else:
        against = f"{peer.title} set_prompt_alias on SQLite"
        yield times_faster(_TIMES, _WHAT, duration, seconds, against=against, baseline=theirs)
    registry.database.close()


def _promoter(registry: Registry) -> Callable[[], object]:
    numbers = cycle("12")
    return lambda: promote(registry, WORKFLOW, next(numbers), ENVIRONMENT, actor=ACTOR)


def _floor(folder: Path) -> Callable[[], object]:
    """The durable writes of a move, and nothing else: recorded, published, recorded that it was published."""
    folder.mkdir()
    connection = sqlite3.connect(folder / "floor.db", isolation_level=None)
    connection.execute("PRAGMA synchronous=EXTRA")
    connection.execute("CREATE TABLE moves (number INTEGER PRIMARY KEY, delivered INTEGER, record TEXT)")

    def write() -> None:
        connection.execute("INSERT INTO moves (delivered, record) VALUES (0, ?)", ["x" * 500])
        _publish(folder, b"x" * 400)
        connection.execute("UPDATE moves SET delivered = 1 WHERE number = (SELECT max(number) FROM moves)")

    return write


def _publish(folder: Path, data: bytes) -> None:
    aside = folder / "aside"
    with aside.open("wb", buffering=0) as file:
        file.write(data)
        os.fsync(file.fileno())
    aside.replace(folder / "pointer")
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
