"""`kill -9` at every place where facts can be half done: each acknowledged one is there once, before and after."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agent_deploy.telemetry.facts.fact import Fact
from agent_deploy.telemetry.facts.segments import list_segments
from agent_deploy.telemetry.facts.spool import spool_files
from agent_deploy.telemetry.facts.store import FactStore
from registry.failpoints import FACT_FAILPOINTS, VARIABLE
from tests.telemetry.facts.made import HOUR, NINE, call, calls_of, kept_in, read_calls, read_facts, seal

pytestmark = pytest.mark.slow

KILLED = -signal.SIGKILL
_ANY_MOMENT = 10

_START = """
import sys
from pathlib import Path
from tests.telemetry.facts.made import call, kept_in
facts = kept_in(Path(sys.argv[1]))
"""
_APPEND = """
for number in range(int(sys.argv[2]), int(sys.argv[3])):
    facts.spool().append(call(number))
    print(number, flush=True)
"""
_DO = {"append": _APPEND, "seal": "facts.seal()", "compact": "facts.compact()"}
APPEND, SEAL, COMPACT = (
    ("spool.written", "spool.synced"),
    ("seal.stored", "seal.removed"),
    ("compact.stored", "compact.deleted"),
)


def _start(folder: Path, what: str, *arguments: object, failpoint: str = "") -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _START + _DO[what], str(folder), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {VARIABLE: failpoint})


def _acknowledged(process: subprocess.Popen[str]) -> list[int]:
    """What it said until it was killed."""
    assert process.stdout is not None
    with process:
        said = process.stdout.read()
    assert process.returncode == KILLED
    return [int(line) for line in said.splitlines()]


def _whole_calls(facts: list[Fact]) -> list[int]:
    numbers = [int(one.trace_id, 16) for one in facts]
    assert all(numbers.count(number) == 3 for number in numbers)
    return sorted(set(numbers))


def _tidied(facts: FactStore) -> list[Fact]:
    """What is there once everything is sealed and merged by somebody else."""
    facts.seal()
    later = FactStore(facts.store, facts.folder, clock=lambda: NINE + 3 * HOUR)  # the dead holder's lease has run out
    later.compact()
    assert spool_files(facts.folder / "spool") == []
    return read_facts(facts)


@pytest.mark.parametrize("failpoint", APPEND)
def test_an_append_that_is_killed_keeps_all_that_it_acknowledged(tmp_path: Path, failpoint: str) -> None:
    facts = kept_in(tmp_path)
    facts.spool().append(call(100))
    facts.close()
    assert _acknowledged(_start(tmp_path, "append", 1, 4, failpoint=failpoint)) == []
    assert set(_whole_calls(read_facts(facts))) in ({100}, {1, 100})
    assert _whole_calls(read_facts(facts)) == _whole_calls(_tidied(facts))


@pytest.mark.parametrize("failpoint", SEAL)
def test_a_seal_that_is_killed_loses_and_doubles_nothing_and_the_next_finishes_it(
    tmp_path: Path, failpoint: str
) -> None:
    facts, given = kept_in(tmp_path), [*call(1), *call(2)]
    for number in (1, 2):
        facts.spool().append(call(number))
        facts.close()
    assert _acknowledged(_start(tmp_path, "seal", failpoint=failpoint)) == []
    assert (read_facts(facts), read_calls(facts)) == (given, calls_of(given))
    assert _tidied(facts) == given
    assert len(list_segments(facts.store)) == 1


@pytest.mark.parametrize("failpoint", COMPACT)
def test_a_compaction_that_is_killed_loses_and_doubles_nothing_and_the_next_finishes_it(
    tmp_path: Path, failpoint: str
) -> None:
    facts, given = kept_in(tmp_path), [*call(1), *call(2)]
    for number in (1, 2):
        seal(facts, call(number))
    assert _acknowledged(_start(tmp_path, "compact", failpoint=failpoint)) == []
    assert (read_facts(facts), read_calls(facts)) == (given, calls_of(given))
    assert _tidied(facts) == given
    assert len(list_segments(facts.store)) == 1


def test_appends_that_are_killed_at_any_moment_keep_all_that_was_acknowledged(tmp_path: Path) -> None:
    facts, acknowledged = kept_in(tmp_path), list[int]()
    for turn in range(_ANY_MOMENT):
        process = _start(tmp_path, "append", turn * 100_000 + 1, (turn + 1) * 100_000)
        assert process.stdout is not None
        acknowledged.append(int(process.stdout.readline()))
        time.sleep(random.uniform(0, 0.05))  # not a wait for anything: this is the moment
        process.kill()
        acknowledged += _acknowledged(process)
        there = _whole_calls(read_facts(facts))
        assert set(acknowledged) <= set(there)
        assert len(there) - len(acknowledged) <= turn + 1
    assert _whole_calls(_tidied(facts)) == there


def test_every_failpoint_of_facts_is_killed_at() -> None:
    assert {*APPEND, *SEAL, *COMPACT} == set(FACT_FAILPOINTS)
