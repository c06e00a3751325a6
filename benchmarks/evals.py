"""Evals and the gate: a whole evaluation beside other harnesses, slow agents, and reading the evidence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks import evidence, slow_calls
from benchmarks.bundles import WORKFLOW
from benchmarks.children import Run, agent_deploy, python, run_in_turns
from benchmarks.context import Context, say
from benchmarks.desk import Row, lay
from benchmarks.figures import Figure, mebibytes, no_more_than, not_measured, seconds, times_faster, told
from benchmarks.peers.harnesses import Harness, Opener, inspect_ai, promptfoo, pydantic_evals
from benchmarks.peers.installing import NotMeasured
from benchmarks.timing import typical

_CASES = 2000
_WHAT = f"agent-deploy eval, {_CASES:,} cases, instant agent"
_MEMORY = f"{_WHAT}, peak memory of its processes"
# harness -> (how it is opened, how many times faster we have to be, rounds of a full run)
_HARNESSES: Mapping[str, tuple[Opener, float, int]] = {
    "pydantic-evals": (pydantic_evals, 1, 10),
    "promptfoo": (promptfoo, 5, 4),
    "inspect-ai": (inspect_ai, 20, 2),
}
_FLOOR = """\
import sqlite3
connection = sqlite3.connect("floor.db", isolation_level=None)
connection.execute("PRAGMA synchronous=EXTRA")
connection.execute("CREATE TABLE IF NOT EXISTS runs (number INTEGER PRIMARY KEY, record TEXT)")
connection.execute("INSERT INTO runs (record) VALUES (?)", ["x" * 500])
"""


def measure(context: Context) -> Iterator[Figure]:
    """The promises of the eval harness, as whole processes where they are of whole processes."""
    desk = context.scratch / "desk"
    rows = lay(desk, _CASES)
    yield from _least(context, desk)
    for name, (opener, times, rounds) in _HARNESSES.items():
        yield from _beside(context, desk, rows, name, opener, times, rounds)
    yield from slow_calls.measure(context)
    yield from evidence.measure(context)


def _least(context: Context, desk: Path) -> Iterator[Figure]:
    """Against what starting and recording cost at the very least."""
    floor = Harness("python that commits to SQLite once", python("-c", _FLOOR))
    ours, least = _in_turns(desk, floor, context.repeats(15))
    yield told(_WHAT, _wall(ours), seconds, against=floor.title, baseline=_wall(least))
    yield told(_MEMORY, _peak(ours), mebibytes, against=floor.title, baseline=_peak(least))


def _beside(
    context: Context, desk: Path, rows: list[Row], name: str, opener: Opener, times: float, rounds: int
) -> Iterator[Figure]:
    try:
        harness = opener(context, desk, rows)
    except NotMeasured as why:
        yield not_measured(_WHAT, f"{name}: {why}", f"≥ {times:g} ×")
        return
    say(f"  beside {harness.title}")
    ours, theirs = _in_turns(desk, harness, 1 if context.quick else rounds)
    yield times_faster(times, _WHAT, _wall(ours), seconds, against=harness.title, baseline=_wall(theirs))
    yield no_more_than(1, _MEMORY, _peak(ours), mebibytes, against=harness.title, baseline=_peak(theirs))


def _in_turns(desk: Path, other: Harness, rounds: int) -> tuple[list[Run], list[Run]]:
    command = agent_deploy("eval", f"{WORKFLOW}@1", "--json", "--fail-under", "1")
    series = {"ours": [command], "theirs": [other.command]}
    runs = run_in_turns(series, rounds=rounds, folder=desk, variables=other.variables, whole_tree=True)
    return runs["ours"], runs["theirs"]


def _wall(runs: list[Run]) -> float:
    return typical([run.wall_s for run in runs])


def _peak(runs: list[Run]) -> float:
    return max(run.rss_kib for run in runs)
