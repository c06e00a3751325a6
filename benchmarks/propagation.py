"""How soon running processes serve what was released, and what following costs them while nothing is."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.bundles import ENVIRONMENT, WORKFLOW, flags, two_versions
from benchmarks.children import agent_deploy, environment, python
from benchmarks.context import Context, say
from benchmarks.figures import Figure, at_most, percent_of_a_core, seconds, told
from registry.pointers import pointer_key, read_pointer
from registry.stores import open_store

_READER = Path(__file__).parent / "reader.py"
_POLL_S = 1.0
_ASKED_S = _POLL_S + 0.25
_READERS = 50
_START_WITHIN_S = 120.0
_FOLLOW_WITHIN_S = 30.0
_IDLE_S = 30.0
_IDLE_ASKED = 0.01


def measure(context: Context) -> Iterator[Figure]:
    """Idle readers first, on their own; then a crowd of them, and rollbacks typed beside it."""
    folder = context.scratch / "propagation"
    two_versions(folder).database.close()
    share = _idle_share(folder, 5.0 if context.quick else _IDLE_S)
    yield at_most(_IDLE_ASKED, "an idle reader's CPU, of one core", share, percent_of_a_core, against="poll every 1 s")
    say(f"  starting {_READERS} readers")
    with _crowd(folder) as crowd:
        crowd.until_serving(2, _START_WITHIN_S)
        waits, published = _rollbacks(folder, crowd, context.repeats(15))
    waits.sort()
    note = f", median {seconds(waits[len(waits) // 2])}"
    what = f"rollback's commit to the last of {_READERS} readers, slowest of {len(waits)}"
    yield at_most(_ASKED_S, what, waits[-1], seconds, against="poll interval + 0.25 s", note=note)
    yield told("rollback's commit to its pointer published, slowest", max(published), seconds)


class _Crowd:
    """Readers that report through one pipe: a line each, short enough to be written whole."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._rest = b""

    def until_serving(self, generation: int, within_s: float) -> float:
        """The epoch seconds at which the last of all readers began to serve the generation."""
        deadline, moments = time.monotonic() + within_s, list[float]()
        while len(moments) < _READERS:
            if not select.select([self._descriptor], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise RuntimeError(f"{len(moments)} of {_READERS} readers serve generation {generation}")
            *lines, self._rest = (self._rest + os.read(self._descriptor, 65536)).split(b"\n")
            for line in lines:
                served, moment = line.split()
                if int(served) == generation:
                    moments.append(float(moment))
        return max(moments)


@contextmanager
def _crowd(folder: Path) -> Iterator[_Crowd]:
    reading, writing = os.pipe()
    command = python(str(_READER), "follow", str(folder), WORKFLOW)
    variables = environment(AGENT_DEPLOY_CACHE=str(folder / "cache"))
    readers = [subprocess.Popen(command, stdout=writing, env=variables) for _ in range(_READERS)]
    try:
        yield _Crowd(reading)
    finally:
        for reader in readers:
            reader.kill()
        for reader in readers:
            reader.wait()
        os.close(reading)
        os.close(writing)


def _rollbacks(folder: Path, crowd: _Crowd, rounds: int) -> tuple[list[float], list[float]]:
    """Seconds from each rollback's moment on record until all served it, and until its pointer was published."""
    store = open_store(str(folder))
    pointer_file = folder / pointer_key(ENVIRONMENT, WORKFLOW)
    waits, published = [], []
    for number in range(rounds):
        words = ["rollback", WORKFLOW, "--to-version", str(1 + number % 2)]
        subprocess.run(agent_deploy(*flags(folder), *words), check=True, capture_output=True, env=environment())
        pointer = read_pointer(store, ENVIRONMENT, WORKFLOW)
        recorded = pointer.released_at.timestamp()
        published.append(pointer_file.stat().st_mtime - recorded)
        waits.append(crowd.until_serving(pointer.generation, _FOLLOW_WITHIN_S) - recorded)
        time.sleep(_POLL_S * (0.5 + number / rounds))  # another moment of the readers' rhythm each time
    return waits, published


def _idle_share(folder: Path, duration_s: float) -> float:
    """The largest share of a core among three readers that only follow."""
    command = python(str(_READER), "idle", str(folder), WORKFLOW, str(duration_s))
    variables = environment(AGENT_DEPLOY_CACHE=str(folder / "cache"))
    readers = [subprocess.Popen(command, stdout=subprocess.PIPE, env=variables) for _ in range(3)]
    return max(float(reader.communicate()[0]) for reader in readers)
