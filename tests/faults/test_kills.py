"""`kill -9` of the real command at every failpoint: the old state or the new one, and the next command just works."""

from __future__ import annotations

import itertools
import math
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from agent_deploy.operations.promote import promote
from registry.failpoints import DRILLS, FAILPOINTS, VARIABLE
from registry.registry import Registry
from registry.source import read_source
from tests.builders import WORKFLOW, add_version, open_registry, write_bundle
from tests.commands import call, finish, run, start
from tests.faults.away import StoreAway
from tests.faults.states import State, look

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("AGENT_DEPLOY_TORTURE", "200"))
KILLED = -signal.SIGKILL

Effect = Callable[[State, "Task"], State]


@dataclass(frozen=True)
class Task:
    """A command to be killed. version: the one that it sets live; digest: of the one that it registers."""

    words: tuple[str, ...]
    version: int = 0
    digest: str = ""
    environment: str = "production"


def nothing(before: State, task: Task) -> State:
    """The command left no trace."""
    return before


def registered(before: State, task: Task) -> State:
    """The version is on record."""
    return replace(before, versions=(*before.versions, task.digest))


def recorded(before: State, task: Task) -> State:
    """The release is on record, and no reader sees it yet."""
    return replace(before, releases=(*before.releases, task.version)) if task.version else before


def published(before: State, task: Task) -> State:
    """Readers see the head too, though nobody noted it."""
    after = recorded(before, task)
    return replace(after, pointer=(len(after.releases), after.releases[-1]))


def delivered(before: State, task: Task) -> State:
    """All of it is done."""
    after = published(before, task)
    return replace(after, delivered=len(after.releases))


_MOVE: dict[str, Effect] = {
    "move.checked": nothing,
    "move.appended": nothing,
    "move.committed": recorded,
    "local.written": recorded,
    "local.moved": published,
    "deliver.published": published,
    "deliver.recorded": delivered,
}
EFFECTS: dict[str, dict[str, Effect]] = {
    "register": {
        "local.written": nothing,
        "local.moved": nothing,
        "register.stored": nothing,
        "register.inserted": nothing,
        "register.committed": registered,
        "deliver.published": lambda before, task: registered(published(before, task), task),
        "deliver.recorded": lambda before, task: registered(delivered(before, task), task),
    },
    "promote": _MOVE,
    "rollback": _MOVE,
    "deliver": {failpoint: effect for failpoint, effect in _MOVE.items() if failpoint.split(".")[0] != "move"},
}
CASES = [(command, failpoint) for command, effects in EFFECTS.items() for failpoint in effects]
# Where a transaction is open, or was just closed: what another database might do otherwise.
TRANSACTIONS = ("register.inserted", "register.committed", "move.appended", "move.committed", "deliver.published")
SHARE = math.ceil(KILLS / len(CASES))


def _task(registry: Registry, command: str, number: int, folder: Path) -> Task:
    """The command of this name as the `number`th kill shall meet it, the registry made ready for it."""
    if command == "register":
        _leave_undelivered(registry)
        bundle = write_bundle(folder / "bundle", prompt=f"Kill {number}.\n")
        return Task(("register", str(bundle)), digest=read_source(bundle).digest)
    if command == "deliver":
        _leave_undelivered(registry)
        return Task(("deliver",))
    if command == "promote":  # every other time the first one of its environment
        environment = f"env-{number}" if number % 2 else "production"
        live = look(registry, environment).releases
        target = 3 - live[-1] if live else 1
        return Task(("promote", WORKFLOW, "--version", str(target), "--env", environment), target, "", environment)
    promote(registry, WORKFLOW, "2", "production", actor="ci", override_hold=True)
    return Task(("rollback", WORKFLOW, "--to-version", "1"), 1)


def _leave_undelivered(registry: Registry) -> None:
    live = look(registry).releases
    away = Registry(registry.database, StoreAway(registry.store))
    promote(away, WORKFLOW, str(3 - live[-1]), "production", actor="ci")


def _ready(folder: Path, database: str | None = None) -> Registry:
    registry = open_registry(folder, database)
    for number in (1, 2):
        add_version(registry, number)
    promote(registry, WORKFLOW, "1", "production", actor="ci")
    return registry


def _kill_and_repeat(registry: Registry, command: str, failpoint: str, number: int, folder: Path) -> None:
    """One kill, all that has to hold after it, and the same command again."""
    task = _task(registry, command, number, folder)
    before = look(registry, task.environment)
    assert run(registry, *task.words, **{VARIABLE: failpoint}).code == KILLED, f"{failpoint} was not reached"
    assert look(registry, task.environment) == EFFECTS[command][failpoint](before, task)
    again = call(registry, *task.words)
    assert again.code == 0, again.err
    done = delivered(before, task)
    assert look(registry, task.environment) == (registered(done, task) if task.digest else done)


@pytest.mark.parametrize(("command", "failpoint"), CASES)
def test_a_command_killed_at_a_failpoint_leaves_the_old_or_the_new_and_no_lock(
    tmp_path: Path, command: str, failpoint: str
) -> None:
    registry = _ready(tmp_path)
    for number in range(SHARE):
        _kill_and_repeat(registry, command, failpoint, number, tmp_path)


@pytest.mark.parametrize(("command", "failpoint"), [case for case in CASES if case[1] in TRANSACTIONS])
def test_the_same_holds_on_postgresql(tmp_path: Path, postgres_url: str, command: str, failpoint: str) -> None:
    registry = _ready(tmp_path, postgres_url)
    _kill_and_repeat(registry, command, failpoint, 0, tmp_path)
    registry.database.close()


def test_every_failpoint_is_killed_at_and_the_kills_are_as_many_as_asked_for() -> None:
    assert {failpoint for _, failpoint in CASES} == set(FAILPOINTS) - set(DRILLS)  # those: test_drill_kills.py
    assert SHARE * len(CASES) >= KILLS


class RandomKiller:
    """Kills commands at moments of the later part of their lives, of which it learns how long they are."""

    def __init__(self) -> None:
        self.kills = 0
        self._latest_s = 0.5

    def kill(self, process: subprocess.Popen[str]) -> None:
        """Kill it, if it is not done by then."""
        time.sleep(random.uniform(0.5, 1.0) * self._latest_s)  # not a wait for anything: this is the moment
        process.kill()
        killed = finish(process).code == KILLED
        self.kills += killed
        self._latest_s *= 1.05 if killed else 0.8


@pytest.mark.parametrize("command", ["promote", "rollback"])
def test_a_move_killed_at_any_moment_leaves_the_old_or_the_new_and_no_lock(tmp_path: Path, command: str) -> None:
    registry, killer = _ready(tmp_path), RandomKiller()
    while killer.kills < SHARE:
        task = _task(registry, command, 0, tmp_path)
        before = look(registry)
        killer.kill(start(registry, *task.words))
        assert look(registry) in [effect(before, task) for effect in (nothing, recorded, published, delivered)]
        assert call(registry, *task.words).code == 0
        assert look(registry) == delivered(before, task)


def test_the_very_first_register_killed_at_any_moment_leaves_none_or_one_and_no_lock(tmp_path: Path) -> None:
    words, killer = ("register", str(write_bundle(tmp_path / "bundle"))), RandomKiller()
    for number in itertools.takewhile(lambda _: killer.kills < SHARE, itertools.count()):
        folder = tmp_path / str(number)
        killer.kill(start(None, *words, **_places(folder)))
        registry = open_registry(folder)
        assert len(look(registry).versions) <= 1
        assert call(registry, *words, "--json").document["version"] == 1
        assert len(look(registry).versions) == 1
        registry.database.close()


def _places(folder: Path) -> dict[str, str]:
    """Where `open_registry` looks, for a command to be the first to go there."""
    state = folder / ".agent-deploy"
    return {"AGENT_DEPLOY_DATABASE": f"sqlite:///{state}/registry.db", "AGENT_DEPLOY_STORE": str(state)}
