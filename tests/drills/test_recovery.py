"""Dead drills: found by their leases, brought to rest once, and put on record with all that is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from agent_deploy.operations.drill.recover import recover as recover_all
from agent_deploy.operations.status import status
from agent_deploy.wiring import open_registry
from drills import course
from drills.models import Drill
from drills.recovery import GIVE_UP_AFTER, recover
from registry.drilling import DrillLease
from registry.errors import Unavailable
from tests.builders import WORKFLOW
from tests.drills.scenes import SHADOW, Scene, later, policy_of


class Killed(BaseException):
    """As `kill -9` leaves it: nothing that would clean up is run."""


def die_in(scene: Scene, monkeypatch: pytest.MonkeyPatch, phase: str, **more: Any) -> DrillLease | None:
    def reached(name: str) -> None:
        if name == f"drill.{phase}":
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(course, "reached", reached)
        with pytest.raises(Killed):
            scene.drill(**more)
    return scene.lease(SHADOW if more.get("mode") == "rehearsal" else "production")


def _never(error: Exception) -> None:
    raise error


def _recover(scene: Scene, by: timedelta = timedelta(hours=1), **ports: Any) -> list[Drill]:
    return recover(
        scene.registry, scene.ports(policy_of(), **ports), owner="next", actor="nora", stuck=_never, clock=later(by)
    )


def test_one_that_died_with_the_target_live_is_restored_and_recorded_with_what_is_known(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = die_in(scene, monkeypatch, "hold")
    assert lease is not None
    assert lease.phase == "hold"
    (drill,) = _recover(scene)
    assert (drill.outcome, drill.error) == (
        "interrupted", "every process of it died in phase hold; found by nora; version 3 is live again",
    )  # fmt: skip
    assert [phase.name for phase in drill.phases] == [
        "plan", "blockers", "prechecks", "intent", "steady_before", "rollback", "verify", "restore",
    ]  # fmt: skip
    assert drill.time_to_rollback.commit is not None
    assert drill.phases[-1].detail == {"recovered_by": "nora"}
    assert (scene.head().kind, scene.head().version, scene.lease()) == ("restore", 3, None)
    assert scene.records() == [drill]
    assert _recover(scene) == []


def test_one_that_died_before_it_moved_anything_has_nothing_to_put_back(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    die_in(scene, monkeypatch, "steady_before")
    (drill,) = _recover(scene)
    assert drill.error.endswith("nothing had been moved")
    assert (scene.head().generation, scene.lease()) == (3, None)


def test_one_whose_lease_has_not_run_out_is_alive_to_everybody_else(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = die_in(scene, monkeypatch, "hold")
    assert _recover(scene, timedelta()) == []
    assert scene.lease() == lease
    assert lease is not None
    blocked = scene.drill()
    assert (blocked.outcome, blocked.plan.baseline.version) == ("blocked", 3)
    assert blocked.error == f"another drill is under way: {lease.drill} by ann, in phase hold"


def test_where_it_cannot_be_restored_it_stays_for_the_next_one_to_try(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    die_in(scene, monkeypatch, "hold")

    def restore(*_: Any) -> Any:
        raise Unavailable("the store is away")

    soon = timedelta(seconds=31)
    (drill,) = _recover(scene, soon, restore=restore)
    assert (drill.outcome, scene.records()) == ("restore_failed", [])
    lease = scene.lease()
    assert lease is not None
    (again,) = _recover(scene, soon + timedelta(seconds=1))
    assert (again.outcome, scene.head().kind, scene.lease()) == ("interrupted", "restore", None)


def test_long_past_its_deadline_it_goes_on_record_as_failed_and_is_still_tried(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    die_in(scene, monkeypatch, "hold")

    def restore(*_: Any) -> Any:
        raise Unavailable("the store is away")

    (drill,) = _recover(scene, timedelta(hours=1) + GIVE_UP_AFTER, restore=restore)
    assert ([one.outcome for one in scene.records()], scene.lease() is None) == (["restore_failed"], False)
    assert scene.head().revert_to == 3
    (restored,) = _recover(scene, timedelta(hours=2))
    assert (restored.outcome, scene.head().kind, scene.lease()) == ("interrupted", "restore", None)
    assert scene.records() == [drill], "a drill has one record"


def test_a_rehearsal_that_died_is_brought_to_rest_in_its_shadow(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    die_in(scene, monkeypatch, "hold", mode="rehearsal")
    assert [drill.outcome for drill in _recover(scene)] == ["interrupted"]
    assert (scene.head(SHADOW).kind, scene.head(SHADOW).version) == ("restore", 3)
    assert scene.head().generation == 3


def test_whichever_command_comes_next_does_it_and_says_so(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    lease = die_in(scene, monkeypatch, "verify")
    said: list[str] = []
    open_registry(scene.config, say=said.append)
    assert said == []
    assert lease is not None
    with scene.registry.database.write() as connection:
        connection.exec_driver_sql("UPDATE drill_leases SET lease_until = '2026-01-01T00:00:00.000000Z'")
    registry = open_registry(scene.config, say=said.append)
    (line,) = said
    assert line.startswith(f"{lease.drill} interrupted: every process of it died in phase verify; found by ")
    assert [live.release.kind for live in status(registry, WORKFLOW).live] == ["restore"]


def test_nothing_dead_costs_one_look(scene: Scene) -> None:
    assert recover_all(scene.registry, scene.config, actor="nora") == []


def test_a_process_that_lost_its_lease_may_not_roll_back_any_more(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It slept just before the rollback, was taken for dead, and wakes up."""
    found: list[Drill] = []

    def reached(name: str) -> None:
        if name == "drill.rollback":
            found.extend(_recover(scene))

    monkeypatch.setattr(course, "reached", reached)
    drill = scene.drill()
    assert (drill.outcome, [drill]) == ("interrupted", found)
    assert (scene.head().generation, scene.lease(), scene.records()) == (3, None, found)


def test_a_process_that_lost_its_lease_in_the_hold_lets_the_other_finish(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[Drill] = []

    def reached(name: str) -> None:
        if name == "drill.hold":
            found.extend(_recover(scene))

    monkeypatch.setattr(course, "reached", reached)
    drill = scene.drill(policy_of(hold_for=timedelta(seconds=20)))
    assert [drill] == found
    assert (scene.head().generation, scene.head().kind, len(scene.records())) == (5, "restore", 1)
    assert replace(drill, error="").outcome == "interrupted"
