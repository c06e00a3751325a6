"""Drills: what an idle tick costs, and what a drill costs beyond holding and waiting for readers."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from agent_deploy.operations.promote import promote
from agent_deploy.operations.register import register
from benchmarks.bundles import ACTOR, ENVIRONMENT, WORKFLOW, database_url, source, two_versions
from benchmarks.children import agent_deploy, environment, python, run_in_turns
from benchmarks.context import Context, say
from benchmarks.figures import Figure, at_most, no_more_than, seconds
from benchmarks.timing import typical
from registry.database import Database
from registry.registry import Registry
from registry.stores import open_store

_WORKFLOWS = 1000
_READERS = 3
_HOLD_S = 2
_IMPORTS = "import click, sqlmodel"
# What a drill waits for: readers that poll, and the hold that was asked for.
_WAITING = ("verify", "hold", "verify_restored")
_READER = Path(__file__).parent / "reader.py"


def measure(context: Context) -> Iterator[Figure]:
    """An idle tick over a thousand workflows, and whole drills with three readers, in processes of their own."""
    yield _idle_tick(context)
    yield from _whole_drills(context)


def _idle_tick(context: Context) -> Figure:
    folder = context.scratch / "drill-tick"
    folder.mkdir()
    count = _WORKFLOWS // 10 if context.quick else _WORKFLOWS
    say(f"  {count} workflows, each live in production …")
    _populate(folder, count)
    _configure(folder, {"window": f'{{days = ["{_not_today()}"], from = "10:00", to = "16:00"}}'})
    tick = agent_deploy("--config", str(folder / "agent-deploy.toml"), "drill", "tick")
    runs = run_in_turns({"tick": [tick], "imports": [python("-c", _IMPORTS)]}, rounds=context.repeats(20))
    wall = {name: typical([run.wall_s for run in kept]) for name, kept in runs.items()}
    what = f"drill tick, nothing due among {count} workflows"
    return no_more_than(1.4, what, wall["tick"], seconds, against=f'python -c "{_IMPORTS}"', baseline=wall["imports"])


def _whole_drills(context: Context) -> Iterator[Figure]:
    folder = context.scratch / "drill-run"
    two_versions(folder).database.close()
    _configure(folder, {"soak": '"0s"'})
    config = str(folder / "agent-deploy.toml")
    command = agent_deploy("--config", config, "drill", "run", WORKFLOW, "--hold-for", f"{_HOLD_S}s", "--json")
    logs = [folder / f"reader-{number}.log" for number in range(_READERS)]
    readers = [_reader(folder, log) for log in logs]
    try:
        _wait_for(config, _READERS)
        drills = [_drill(command, logs) for _ in range(context.repeats(5))]
    finally:
        for reader in readers:
            reader.terminate()
            reader.wait(timeout=30)
    beyond, off = ([figures[place] for figures in drills] for place in (0, 1))
    readers_told = f"a live drill with {_READERS} readers"
    yield at_most(2.0, f"{readers_told}, beyond hold and polling", typical(beyond), seconds)
    yield at_most(0.1, f"{readers_told}: time to rollback, off what they saw", typical(off), seconds)


def _reader(folder: Path, log: Path) -> subprocess.Popen[bytes]:
    words = python(str(_READER), "follow", str(folder), WORKFLOW)
    variables = environment(AGENT_DEPLOY_CACHE=str(folder / "cache"))
    with log.open("wb") as file:
        return subprocess.Popen(words, env=variables, stdout=file)


def _drill(command: list[str], logs: list[Path]) -> tuple[float, float]:
    """Seconds beyond waiting; and how far the last reader's time, as recorded, lies from what that reader saw."""
    started = time.perf_counter()
    done = subprocess.run(command, env=environment(), capture_output=True, check=True, text=True)
    wall_s = time.perf_counter() - started
    drill: dict[str, Any] = json.loads(done.stdout)
    waited = sum(_lasted_s(phase) for phase in drill["phases"] if phase["phase"] in _WAITING)
    requested = next(phase["started_at"] for phase in drill["phases"] if phase["phase"] == "rollback")
    told = datetime.fromisoformat(requested).timestamp() + drill["time_to_rollback_ms"]["last"] / 1000
    generation = str(drill["target"]["generation"])
    seen = max(
        float(at) for log in logs for number, at in map(str.split, log.read_text().splitlines()) if number == generation
    )
    return wall_s - waited, abs(told - seen)


def _lasted_s(phase: dict[str, Any]) -> float:
    ended, started = (datetime.fromisoformat(phase[key]) for key in ("ended_at", "started_at"))
    return (ended - started).total_seconds()


def _populate(folder: Path, count: int) -> None:
    registry = Registry(Database(database_url(folder)), open_store(str(folder)))
    for number in range(count):
        workflow = f"{WORKFLOW}-{number}"
        register(registry, source(workflow, 1), actor=ACTOR)
        promote(registry, workflow, "1", ENVIRONMENT, actor=ACTOR)
    registry.database.close()


def _configure(folder: Path, drill: dict[str, str]) -> None:
    keys = "".join(f"{key} = {value}\n" for key, value in drill.items())
    (folder / "agent-deploy.toml").write_text(
        f'database = "{database_url(folder)}"\nstore = "{folder}"\n[environments.{ENVIRONMENT}.drill]\n{keys}'
    )


def _not_today() -> str:
    return f"{datetime.now(UTC) + timedelta(days=3):%a}".lower()


def _wait_for(config: str, readers: int) -> None:
    status = agent_deploy("--config", config, "status", "--json")
    while True:
        out = subprocess.run(status, env=os.environ, capture_output=True, check=True, text=True).stdout
        if json.loads(out)["workflows"][0]["environments"][0]["readers"]["current"] == readers:
            return
