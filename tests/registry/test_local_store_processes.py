"""One folder, many processes: those that race, and those that are killed in the middle of a write."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from registry.stores.local import LocalStore

_PROCESSES = 8
_ROUNDS = 25
_START = """
import sys
from pathlib import Path
from registry.errors import Changed, Exists
from registry.stores.local import LocalStore
store, name = LocalStore(Path(sys.argv[1])), sys.argv[2].encode()
print("ready", flush=True)
sys.stdin.readline()
"""
_CREATE = """
for number in range(int(sys.argv[3])):
    try:
        store.create(f"blobs/{number}", name)
        print(number)
    except Exists:
        pass
"""
_COUNT_UP = """
done = 0
while done < int(sys.argv[3]):
    stored = store.get("counter")
    try:
        store.replace("counter", b"%d" % (int(stored.data) + 1), expect=stored.token)
        done += 1
    except Changed:
        pass
"""
_SWAP_FOREVER = """
token = store.get("live").token
number = 0
while True:
    number += 1
    token = store.replace("live", bytes([number % 256]) * 1_000_000, expect=token)
    if number == 1:
        print("swapping", flush=True)
"""


@contextmanager
def _process(script: str, *arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", _START + script, *map(str, arguments)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _race(script: str, root: Path) -> list[str]:
    """What as many processes said, let go at one moment once all were ready."""
    with ExitStack() as stack:
        racers = [stack.enter_context(_process(script, root, f"racer-{n}", str(_ROUNDS))) for n in range(_PROCESSES)]
        for racer in racers:
            assert racer.stdout is not None
            assert racer.stdout.readline() == "ready\n"
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write("go\n")
            racer.stdin.flush()
        said = [racer.communicate(timeout=60)[0] for racer in racers]
        assert [racer.returncode for racer in racers] == [0] * _PROCESSES
        return said


@pytest.mark.slow
def test_of_many_processes_that_create_one_key_exactly_one_wins_and_its_bytes_stay(tmp_path: Path) -> None:
    said = _race(_CREATE, tmp_path / "store")
    won = {int(line): f"racer-{racer}" for racer, lines in enumerate(said) for line in lines.split()}
    store = LocalStore(tmp_path / "store")
    there = {entry.key: store.get(entry.key) for entry in store.entries("blobs/")}
    assert Counter(line for lines in said for line in lines.split()) == Counter(map(str, range(_ROUNDS)))
    assert {key: stored.data.decode() for key, stored in there.items() if stored} == {
        f"blobs/{number}": name for number, name in won.items()
    }


@pytest.mark.slow
def test_no_swap_is_lost_when_many_processes_count_up_together(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    store.create("counter", b"0")
    _race(_COUNT_UP, tmp_path / "store")
    stored = store.get("counter")
    assert stored is not None
    assert int(stored.data) == _PROCESSES * _ROUNDS


@pytest.mark.slow
def test_a_process_killed_in_the_middle_of_a_swap_leaves_a_whole_object_and_no_lock(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    store.create("live", b"\0" * 1_000_000)
    for turn in range(10):
        with _process(_SWAP_FOREVER, tmp_path / "store", "victim") as victim:
            assert victim.stdin is not None
            assert victim.stdout is not None
            victim.stdin.write("go\n")
            victim.stdin.flush()
            assert [victim.stdout.readline() for _ in range(2)] == ["ready\n", "swapping\n"]
            time.sleep(turn * 0.0007)
            victim.send_signal(signal.SIGKILL)
            victim.wait()
        stored = store.get("live")
        assert stored is not None
        assert stored.data == stored.data[:1] * 1_000_000
        began = time.monotonic()
        store.replace("live", b"\0" * 1_000_000, expect=stored.token)
        assert time.monotonic() - began < 5
