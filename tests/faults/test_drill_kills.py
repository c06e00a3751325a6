"""`kill -9` of real drills, at every phase and in between: the baseline comes back, or an operator's choice stands."""

from __future__ import annotations

import math
import os
import random
import signal
import sqlite3
import time
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from agent_deploy.config import Config
from agent_deploy.operations.drill.recover import recover
from registry.database import Database
from registry.drilling import DrillLease
from registry.failpoints import DRILLS
from registry.readers import list_readers
from registry.registry import Registry
from registry.stores import open_store
from tests.builders import WORKFLOW
from tests.client.releases import wait_until
from tests.drills.scenes import PLACE, SHADOW, Scene, later, make_scene, policy_of
from tests.faults.drilling import ended, order_of, readers, served, start_drill
from tests.faults.racing import race

pytestmark = pytest.mark.slow

KILLED = -signal.SIGKILL
# In the middle of the two moves too. The first of each that a drill comes by is that of its rollback.
MOVES = ("move.checked", "move.appended", "move.committed", "deliver.published")
CASES = (*DRILLS, *MOVES)
KILLS = max(20, math.ceil(int(os.environ.get("AGENT_DEPLOY_TORTURE", "0")) / len(CASES)))
# Until then nothing is on record of a drill, and after that nothing is left to do.
_BEFORE = ("drill.plan", "drill.blockers", "drill.prechecks", "drill.intent", "drill.appended")
_AFTER = ("drill.recorded",)


def _recover(scene: Scene) -> list[str]:
    """What a command that comes along an hour later does about dead drills."""
    return [drill.outcome for drill in recover(scene.registry, scene.config, actor="next", clock=later())]


def _assert_at_rest(scene: Scene, place: str = PLACE) -> None:
    """The baseline is live, readers can see it, and no drill is left behind."""
    assert (scene.head(place).version, scene.head(place).revert_to, scene.lease(place)) == (3, None, None)


@pytest.mark.parametrize("failpoint", CASES)
def test_a_drill_killed_at_any_point_is_brought_to_its_end_by_whoever_comes_next(
    tmp_path: Path, failpoint: str
) -> None:
    scene = make_scene(tmp_path)
    with readers(scene, {"one": "good", "two": "good"}):
        for number in range(KILLS):
            order = order_of(scene, number, failpoint=failpoint)
            assert ended(start_drill(order)) == KILLED, f"{failpoint} was not reached"
            assert _recover(scene) == ([] if failpoint in (*_BEFORE, *_AFTER) else ["interrupted"])
            _assert_at_rest(scene)
            assert _recover(scene) == []
            assert scene.intents() == [drill.plan.id for drill in scene.records()]
        head = scene.head()
        wait_until(lambda: set(served(scene).values()) == {(head.generation, 3)})
        assert ended(start_drill(order_of(scene, KILLS))) == 0
    scene.assert_whole()


@pytest.mark.parametrize("failpoint", CASES)
def test_a_rehearsal_killed_at_any_point_touches_nothing_but_its_shadow(tmp_path: Path, failpoint: str) -> None:
    scene = make_scene(tmp_path)
    assert ended(start_drill(order_of(scene, 1, mode="rehearsal"))) == 0  # makes the shadow
    assert ended(start_drill(order_of(scene, 2, mode="rehearsal", failpoint=failpoint))) == KILLED
    _recover(scene)
    _assert_at_rest(scene, SHADOW)
    assert scene.head().generation == 3
    scene.assert_whole()


@pytest.mark.parametrize("failpoint", ["drill.rolled_back", "drill.verify", "drill.hold", "drill.restore"])
def test_with_nobody_left_to_recover_readers_go_back_by_themselves_at_the_deadline(
    tmp_path: Path, failpoint: str
) -> None:
    scene = make_scene(tmp_path)
    policy = policy_of(max_time_to_rollback=timedelta(milliseconds=500))
    with readers(scene, {"one": "good", "two": "good"}):
        order = order_of(scene, 1, failpoint=failpoint, policy=policy, allowance=timedelta())
        assert ended(start_drill(order)) == KILLED
        deadline = scene.head().revert_at
        assert deadline is not None
        wait_until(lambda: set(served(scene).values()) == {(4, 3)})
        assert _serving_since(scene) == {deadline}
        assert _recover(scene) == ["interrupted"]
        wait_until(lambda: set(served(scene).values()) == {(5, 3)})


def _serving_since(scene: Scene) -> set[datetime]:
    return {reader.serving_since for reader in list_readers(scene.registry.store, PLACE, WORKFLOW)}


@pytest.mark.parametrize("failpoint", ["drill.rolled_back", "drill.hold", "drill.restore", "move.committed"])
def test_what_an_operator_chose_after_the_kill_stands(tmp_path: Path, failpoint: str) -> None:
    scene = make_scene(tmp_path)
    for number, version in enumerate((4, 1, 2)):  # the last one is the target, live just then
        assert ended(start_drill(order_of(scene, number, failpoint=failpoint, target="2"))) == KILLED
        chosen = scene.promote(version)
        assert _recover(scene) == ["interrupted"]
        assert (scene.head(), scene.lease()) == (chosen, None)
        assert "somebody moved the head" in scene.records()[-1].error
        scene.promote(3)
    scene.assert_whole()


def test_drills_killed_at_any_moment_are_brought_to_their_end(tmp_path: Path) -> None:
    scene, chance = make_scene(tmp_path), random.Random(5)
    died_in: list[str] = []
    for number in range(KILLS):
        process = start_drill(order_of(scene, number, policy=policy_of(hold_for=timedelta(milliseconds=100))))
        time.sleep(chance.uniform(0.0, 0.5))  # not a wait for anything: this is the moment
        process.kill()
        ended(process)
        lease: DrillLease | None = scene.lease()
        died_in += [lease.phase] if lease else []
        _recover(scene)
        _assert_at_rest(scene)
    assert len(set(died_in)) >= 2, died_in
    scene.assert_whole()


def test_of_many_that_find_a_dead_drill_at_once_one_brings_it_to_its_end(tmp_path: Path) -> None:
    scene = make_scene(tmp_path)
    assert ended(start_drill(order_of(scene, 1, failpoint="drill.hold"))) == KILLED
    place = (scene.config.database, scene.config.store, scene.config.state)
    outcomes = race(_recover_there, [place] * 8)
    assert sorted(outcomes) == [[]] * 7 + [["interrupted"]]
    _assert_at_rest(scene)
    assert [drill.outcome for drill in scene.records()] == ["interrupted"]


def _recover_there(place: tuple[str, str, Path]) -> list[str]:
    database, store, state = place
    registry = Registry(Database(database), open_store(store))
    config = Config(database, store, state=state)
    return [drill.outcome for drill in recover(registry, config, actor="next", clock=later())]


def _put_to_sleep(pid: int, folder: Path) -> None:
    """Stop it at a moment when it does not read: SQLite lets nobody write as long as a reader is in the middle."""
    while True:
        os.kill(pid, signal.SIGSTOP)
        time.sleep(0.05)  # until it has stopped
        if not _is_locked(folder / ".agent-deploy" / "registry.db"):
            return
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.05)


def _is_locked(path: Path) -> bool:
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            return True
        return False


def test_a_drill_that_slept_through_its_lease_wakes_up_to_what_was_done_meanwhile(tmp_path: Path) -> None:
    scene = make_scene(tmp_path)
    policy = policy_of(hold_for=timedelta(seconds=60))
    process = start_drill(order_of(scene, 1, policy=policy))
    wait_until(lambda: (lease := scene.lease()) is not None and lease.phase == "hold")
    assert process.pid is not None
    _put_to_sleep(process.pid, tmp_path)
    assert _recover(scene) == ["interrupted"]
    os.kill(process.pid, signal.SIGCONT)
    assert ended(process) == 8
    _assert_at_rest(scene)
    assert [drill.outcome for drill in scene.records()] == ["interrupted"]
    assert (scene.head().generation, scene.head().kind) == (5, "restore")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_drill_told_to_end_puts_the_baseline_back_first(tmp_path: Path, number: signal.Signals) -> None:
    scene = make_scene(tmp_path)
    process = start_drill(order_of(scene, 1, policy=policy_of(hold_for=timedelta(seconds=60))))
    wait_until(lambda: (lease := scene.lease()) is not None and lease.phase == "hold")
    assert process.pid is not None
    os.kill(process.pid, number)
    assert ended(process) == 8
    _assert_at_rest(scene)
    (drill,) = scene.records()
    assert (drill.outcome, drill.error) == ("interrupted", f"stopped by {number.name}")


def test_an_operator_in_another_process_ends_a_drill_that_holds(tmp_path: Path) -> None:
    scene = make_scene(tmp_path)
    process = start_drill(order_of(scene, 1, policy=policy_of(hold_for=timedelta(seconds=60))))
    wait_until(lambda: (lease := scene.lease()) is not None and lease.phase == "hold")
    chosen = scene.promote(4)
    assert ended(process) == 8
    assert (scene.head(), scene.lease(), scene.records()[-1].outcome) == (chosen, None, "interrupted")
