"""Drills watched by readers in real processes: good ones are timed, and those that do not follow are named."""

from __future__ import annotations

import os
import signal
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from drills.models import ReadersSeen
from registry.readers import list_readers
from tests.builders import WORKFLOW
from tests.client.releases import wait_until
from tests.drills.scenes import PLACE, Scene, make_scene, policy_of
from tests.faults.drilling import readers

pytestmark = pytest.mark.slow

_WITHIN = timedelta(milliseconds=700)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """Version 3 is live, after 1 and 2."""
    return make_scene(tmp_path)


def test_readers_that_follow_are_counted_and_timed_as_they_themselves_saw_it(scene: Scene) -> None:
    policy = policy_of(readers=3, hold_for=timedelta(milliseconds=400))
    seen: list[float] = []

    def watch() -> None:
        """When each reader says that it began to serve the target, by the same machine's clock."""
        wait_until(lambda: len(_since(scene, 4)) == 3)
        seen.extend(_since(scene, 4))

    with readers(scene, {"one": "good", "two": "good", "three": "good"}):
        watcher = threading.Thread(target=watch)
        watcher.start()
        drill = scene.drill(policy)
        watcher.join()
    assert (drill.outcome, drill.readers) == ("succeeded", ReadersSeen(3, 3))
    times, (rollback,) = drill.time_to_rollback, [one for one in drill.phases if one.name == "rollback"]
    assert times.commit is not None
    assert times.first is not None
    assert times.last is not None
    assert times.commit < times.first <= times.last
    really_ms = (max(seen) - rollback.started_at.timestamp()) * 1000
    assert abs(times.last - really_ms) < 250  # on a machine that does nothing else, 100
    assert drill.time_to_restore.last is not None


def _since(scene: Scene, generation: int) -> list[float]:
    found = list_readers(scene.registry.store, PLACE, WORKFLOW)
    return [one.serving_since.timestamp() for one in found if one.generation == generation]


def test_a_reader_whose_cache_never_lets_go_is_named_though_it_says_it_is_up_to_date(scene: Scene) -> None:
    with readers(scene, {"good": "good", "stuck": "stuck"}):
        drill = scene.drill(policy_of(readers=2, max_time_to_rollback=_WITHIN / 3))
    assert (drill.outcome, drill.readers) == ("failed_verify", ReadersSeen(2, 1, ("stuck",)))
    assert drill.error == "did not follow: stuck (at generation 4, but serving version 3: is its clock ahead?)"
    assert (scene.head().kind, drill.time_to_rollback.first is not None, drill.time_to_rollback.last) == (
        "restore", True, None,
    )  # fmt: skip


def test_a_reader_that_does_not_hear_is_named(scene: Scene) -> None:
    """Stopped before the drill begins, and so recently that it still passes for alive."""
    with readers(scene, {"good": "good", "deaf": "good"}) as started:
        pid = started["deaf"].pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        drill = scene.drill(policy_of(readers=2, max_time_to_rollback=_WITHIN))
    assert (drill.outcome, drill.readers) == ("failed_verify", ReadersSeen(2, 1, ("deaf",)))
    assert "deaf (silent since" in drill.error
    assert "serving generation 3, version 3)" in drill.error


def test_a_reader_that_dies_while_the_target_is_live_is_named(scene: Scene) -> None:
    with readers(scene, {"good": "good", "mortal": "mortal"}):
        policy = policy_of(readers=2, max_time_to_rollback=timedelta(seconds=2), hold_for=timedelta(milliseconds=300))
        drill = scene.drill(policy)
    assert drill.outcome == "failed_verify"
    assert drill.readers is not None
    assert (drill.readers.expected, drill.readers.late) == (2, ("mortal",))
    assert scene.head().kind == "restore"


def test_a_reader_that_ends_in_good_order_is_no_fault(scene: Scene) -> None:
    with readers(scene, {"good": "good", "leaving": "leaving"}):
        drill = scene.drill(policy_of(readers=2, hold_for=timedelta(milliseconds=300)))
    assert (drill.outcome, drill.error) == ("succeeded", "")
    assert drill.readers == ReadersSeen(1, 1)
    assert ["leaving"] in [phase.detail.get("left") for phase in drill.phases]
