"""A drill from plan to record: what each outcome takes, and where the environment is afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from drills import course
from drills.models import Check, DrillPlan, Outcome, PhaseName, Side, drill_document
from drills.policy import CheckSpec, SmokeSpec
from drills.recording import drill_of
from registry.blobs import blob_key
from registry.drilling import DrillLease, take_lease
from registry.errors import Unavailable
from registry.releases import find_previous_version, is_on_hold, list_releases
from registry.times import now
from tests.builders import WORKFLOW
from tests.drills.scenes import PLACE, SHADOW, Scene, policy_of

PHASES: list[PhaseName] = [
    "plan", "blockers", "prechecks", "intent", "steady_before", "rollback", "verify", "hold", "restore",
    "verify_restored", "steady_after", "record",
]  # fmt: skip


def _kinds(scene: Scene, place: str = PLACE) -> list[tuple[str, int]]:
    releases = scene.read(lambda connection: list_releases(connection, WORKFLOW, place, 99))
    return [(release.kind, release.version) for release in reversed(releases)]


def _check_that(ok: bool, detail: str = "as told") -> Any:
    def check(spec: CheckSpec, plan: DrillPlan, phase: PhaseName) -> Check:
        return Check(spec.name, phase, ok, detail)

    return check


def _at(monkeypatch: pytest.MonkeyPatch, failpoint: str, act: Any) -> None:
    """Have something happen when a drill comes to a failpoint."""

    def reached(name: str) -> None:
        if name == failpoint:
            act()

    monkeypatch.setattr(course, "reached", reached)


def test_a_live_drill_goes_to_the_version_before_and_comes_back_and_is_on_record(scene: Scene) -> None:
    drill = scene.drill()
    assert (drill.outcome, drill.error) == ("succeeded", "")
    assert [(phase.name, phase.result) for phase in drill.phases] == [(name, "passed") for name in PHASES]
    assert _kinds(scene)[3:] == [("rollback", 2), ("restore", 3)]
    assert (drill.plan.baseline, drill.plan.target) == (
        replace(drill.plan.baseline, version=3, generation=3),
        replace(drill.plan.target, version=2, generation=4),
    )
    assert scene.records() == [drill_of(drill_document(drill))]
    assert scene.intents() == [drill.plan.id]
    assert (scene.lease(), scene.head().version) == (None, 3)
    scene.assert_whole()


def test_the_pointer_of_the_rollback_says_where_readers_go_back_to_and_when(scene: Scene) -> None:
    drill = scene.drill()
    rolled_back = scene.read(lambda connection: list_releases(connection, WORKFLOW, PLACE, 2))[1]
    assert (rolled_back.revert_to, rolled_back.revert_at) == (3, drill.plan.deadline)
    assert rolled_back.reason.startswith(drill.plan.id)


def test_a_drill_leaves_no_hold_and_the_way_back_as_it_was(scene: Scene) -> None:
    before = scene.read(lambda connection: find_previous_version(connection, scene.head()))
    for _ in range(5):  # the fourth goes further back
        assert scene.drill().outcome == "succeeded"
    assert [drill.plan.target.version for drill in scene.records()] == [2, 2, 2, 1, 2]
    assert scene.read(lambda connection: find_previous_version(connection, scene.head())) == before
    assert not any(_is_on_hold(scene, version) for version in (1, 2, 3))


def _is_on_hold(scene: Scene, version: int) -> bool:
    held: bool = scene.read(lambda connection: is_on_hold(connection, WORKFLOW, PLACE, version))
    return held


def test_a_rehearsal_moves_a_shadow_with_a_reader_of_its_own_and_nothing_else(scene: Scene) -> None:
    before = _kinds(scene)
    drill = scene.drill(mode="rehearsal")
    assert (drill.outcome, drill.plan.place) == ("succeeded", SHADOW)
    assert drill.readers is not None
    assert (drill.readers.expected, drill.readers.current, drill.readers.late) == (1, 1, ())
    assert _kinds(scene, SHADOW) == [("promote", 2), ("promote", 3), ("rollback", 2), ("restore", 3)]
    assert _kinds(scene) == before
    assert list(scene.registry.store.entries("readers/")) == []
    again = scene.drill(mode="rehearsal")
    assert (again.outcome, _kinds(scene, SHADOW)[4:]) == ("succeeded", [("rollback", 2), ("restore", 3)])
    scene.assert_whole()


BLOCKED = [
    ({"soak": timedelta(hours=1)}, {}, "version 3 has been live only since"),
    ({}, {"frozen": lambda _: "releases are frozen until Monday"}, "releases are frozen until Monday"),
    ({}, {"paused": lambda: "paused by olga: audit week"}, "paused by olga: audit week"),
    (
        {"checks": (CheckSpec("no incident", ("false",), phase="blocking"),)},
        {"check": _check_that(False, "there is one")},
        "check no incident: there is one",
    ),
    (
        {"checks": (CheckSpec("errors", ("false",)),)},
        {"check": _check_that(False, "too many")},
        "not steady before anything was touched: check errors: too many",
    ),
]


@pytest.mark.parametrize(("policy", "ports", "why"), BLOCKED)
def test_what_speaks_against_a_drill_now_blocks_it_and_nothing_is_touched(
    scene: Scene, policy: dict[str, Any], ports: dict[str, Any], why: str
) -> None:
    before = _kinds(scene)
    drill = scene.drill(policy_of(**policy), **ports)
    assert drill.outcome == "blocked"
    assert drill.exit_ok
    assert drill.error.startswith(why)
    assert (_kinds(scene), scene.lease(), scene.records()) == (before, None, [drill_of(drill_document(drill))])


def test_a_drill_of_another_process_blocks_and_is_named(scene: Scene) -> None:
    other = DrillLease(WORKFLOW, PLACE, "drill-other", "there", now() + timedelta(minutes=1), {"actor": "olga"}, "hold")
    with scene.registry.database.write() as connection:
        take_lease(connection, other)
    drill = scene.drill()
    assert (drill.outcome, drill.error) == (
        "blocked",
        "another drill is under way: drill-other by olga, in phase hold",
    )
    assert scene.lease() == other


def test_a_drill_that_another_was_faster_than_at_the_intent_is_blocked_too(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = DrillLease(WORKFLOW, PLACE, "drill-other", "there", now() + timedelta(minutes=1), {"actor": "olga"}, "hold")

    def take() -> None:
        with scene.registry.database.write() as connection:
            take_lease(connection, other)

    _at(monkeypatch, "drill.intent", take)
    assert scene.drill().outcome == "blocked"
    assert (scene.lease(), scene.intents()) == (other, [])


def test_a_target_that_is_not_whole_fails_the_prechecks_as_a_real_rollback_would_have_failed(scene: Scene) -> None:
    target = scene.read(lambda connection: list_releases(connection, WORKFLOW, PLACE, 2))[1]
    scene.registry.store.delete(blob_key(target.digest))
    drill = scene.drill()
    assert (drill.outcome, drill.exit_ok) == ("precheck_failed", False)
    assert drill.error.startswith("target whole in the store: support-triage@2 is not whole: ")
    assert (scene.head().generation, scene.lease()) == (3, None)


def test_too_few_live_readers_fail_the_prechecks(scene: Scene) -> None:
    drill = scene.drill(policy_of(readers=2))
    assert (drill.outcome, drill.error) == ("precheck_failed", "live readers: 0 live, at least 2 wanted")


def test_an_edited_chain_fails_the_prechecks(scene: Scene) -> None:
    with scene.registry.database.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER releases_no_update")
        connection.exec_driver_sql("UPDATE releases SET actor = 'nobody' WHERE generation = 2")
    drill = scene.drill()
    assert drill.outcome == "precheck_failed"
    assert drill.error.startswith(f"chains verified: {WORKFLOW} in production: generation 2 was edited")


def test_a_smoke_case_that_the_target_fails_today_fails_the_prechecks_and_the_drill_stays_away(scene: Scene) -> None:
    def smoke(plan: DrillPlan, spec: SmokeSpec, side: Side, phase: PhaseName) -> Sequence[Check]:
        return [Check("case refund", phase, ok=phase != "prechecks", detail="model gpt-4 was retired")]

    drill = scene.drill(policy_of(smoke=SmokeSpec()), smoke=smoke)
    assert (drill.outcome, drill.error) == ("precheck_failed", "case refund: model gpt-4 was retired")
    assert scene.head().generation == 3


def test_a_client_that_is_served_something_else_than_the_target_fails_verify_and_all_comes_back(scene: Scene) -> None:
    def smoke(plan: DrillPlan, spec: SmokeSpec, side: Side, phase: PhaseName) -> Sequence[Check]:
        return [Check("served by a client", phase, ok=False, detail="served version 3")]

    drill = scene.drill(smoke=smoke)
    assert (drill.outcome, drill.error) == ("failed_verify", "served by a client: served version 3")
    assert _kinds(scene)[3:] == [("rollback", 2), ("restore", 3)]
    assert [phase.name for phase in drill.phases if phase.result == "failed"] == ["verify"]


def test_a_guard_that_trips_ends_the_hold_at_once(scene: Scene) -> None:
    def check(spec: CheckSpec, plan: DrillPlan, phase: PhaseName) -> Check:
        return Check(spec.name, phase, ok=phase != "hold", detail="errors are up")

    policy = policy_of(checks=(CheckSpec("errors", ("true",)),), hold_for=timedelta(hours=1))
    drill = scene.drill(policy, check=check)
    assert (drill.outcome, drill.error) == ("failed_guard", "check errors: errors are up")
    assert [(one.phase, one.ok) for one in drill.checks if one.name == "errors"] == [
        ("steady_before", True), ("hold", False), ("steady_after", True),
    ]  # fmt: skip
    assert scene.head().kind == "restore"


def test_checks_are_asked_again_and_again_while_the_target_is_live(scene: Scene) -> None:
    policy = policy_of(checks=(CheckSpec("errors", ("true",)),), hold_for=timedelta(milliseconds=100))
    drill = scene.drill(policy, check=_check_that(True))
    (held,) = [one for one in drill.checks if one.phase == "hold"]
    assert held.sample["asked"] >= 3


def test_not_steady_after_the_restore_fails_the_guard(scene: Scene) -> None:
    def check(spec: CheckSpec, plan: DrillPlan, phase: PhaseName) -> Check:
        return Check(spec.name, phase, ok=phase != "steady_after", detail="still up")

    drill = scene.drill(policy_of(checks=(CheckSpec("errors", ("true",)),)), check=check)
    assert (drill.outcome, drill.error) == ("failed_guard", "not steady after the restore: check errors: still up")


def test_a_rollback_slower_than_the_objective_fails_it_by_the_commit_where_there_are_no_readers(scene: Scene) -> None:
    drill = scene.drill(policy_of(max_time_to_rollback=timedelta()))
    assert drill.outcome == "failed_objective"
    assert drill.error.endswith("s, and may take 0 s")
    assert scene.head().version == 3


def test_whatever_goes_wrong_on_the_way_the_baseline_comes_back(scene: Scene) -> None:
    def smoke(plan: DrillPlan, spec: SmokeSpec, side: Side, phase: PhaseName) -> Sequence[Check]:
        raise ZeroDivisionError("a bug of ours")

    drill = scene.drill(smoke=smoke)
    assert (drill.outcome, drill.error, scene.head().kind) == ("failed_verify", "a bug of ours", "restore")


def test_a_rollback_that_cannot_be_made_is_a_failed_drill_with_nothing_moved(scene: Scene) -> None:
    def roll_back(plan: DrillPlan, admit: Any) -> Any:
        raise Unavailable("the store is away")

    drill = scene.drill(roll_back=roll_back)
    assert (drill.outcome, drill.error, scene.head().generation) == ("failed_verify", "the store is away", 3)
    results = {phase.name: phase.result for phase in drill.phases}
    assert (results["restore"], results["verify_restored"]) == ("passed", "skipped")


OPERATOR: list[tuple[PhaseName, Outcome]] = [
    ("plan", "interrupted"), ("blockers", "interrupted"), ("prechecks", "interrupted"), ("intent", "interrupted"),
    ("steady_before", "interrupted"), ("rollback", "interrupted"), ("verify", "interrupted"), ("hold", "interrupted"),
    ("restore", "interrupted"), ("verify_restored", "interrupted"), ("steady_after", "succeeded"),
    ("record", "succeeded"),
]  # fmt: skip


@pytest.mark.parametrize("version", [1, 2, 3, 4])
@pytest.mark.parametrize(("phase", "outcome"), OPERATOR)
def test_an_operators_promote_in_any_phase_wins(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, phase: PhaseName, outcome: Outcome, version: int
) -> None:
    """Whatever version it is of: also the target, which is live just then, and also the baseline."""
    released: list[int] = []
    _at(monkeypatch, f"drill.{phase}", lambda: released.append(scene.promote(version).generation))
    drill = scene.drill(policy_of(hold_for=timedelta(seconds=2)) if phase == "hold" else policy_of())
    nothing_new = version == 3 and not _is_away(phase)  # what is live already
    assert drill.outcome == ("succeeded" if nothing_new else outcome)
    head = scene.head()
    if not nothing_new:
        assert (head.generation, head.version, head.actor, head.kind) == (released[0], version, "olga", "promote")
    assert (scene.lease(), scene.records()[-1].outcome) == (None, drill.outcome)
    scene.assert_whole()


def _is_away(phase: PhaseName) -> bool:
    """Whether the target is live when this phase begins."""
    return phase in ("verify", "hold", "restore")


def test_an_operators_rollback_to_the_target_makes_it_stay(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    from agent_deploy.operations.rollback import rollback

    def go() -> None:
        made = rollback(scene.registry, WORKFLOW, PLACE, actor="olga", to_version="2")
        assert made.changed
        assert made.undo == f"agent-deploy promote {WORKFLOW} --version 3 --env {PLACE} --expect-generation 5"

    _at(monkeypatch, "drill.hold", go)
    drill = scene.drill(policy_of(hold_for=timedelta(seconds=2)))
    assert drill.outcome == "interrupted"
    assert drill.error == "somebody moved the head: generation 5 is a rollback to version 2 by olga"
    assert (scene.head().version, scene.head().revert_to) == (2, None)


def test_a_drill_on_an_environment_moved_in_between_says_whose_the_head_is(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    _at(monkeypatch, "drill.verify", lambda: scene.promote(4))
    assert scene.drill().error == "somebody moved the head: generation 5 is a promote to version 4 by olga"


def test_a_store_away_during_the_restore_is_tried_until_it_is_back(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.faults.away import StoreAway

    away = StoreAway(scene.registry.store, away=False)
    elsewhere = replace(scene, registry=replace(scene.registry, store=away))
    tries: list[float] = []

    def leave() -> None:
        away.away = True

    def sleep(seconds: float) -> None:
        tries.append(seconds)
        away.away = len(tries) < 3

    _at(monkeypatch, "drill.restore", leave)
    drill = elsewhere.drill(clock=course.Clock(sleep=sleep), policy=policy_of(hold_for=timedelta()))
    assert drill.outcome == "succeeded"
    (restore,) = [phase for phase in drill.phases if phase.name == "restore"]
    assert restore.detail["attempts"] == 4
    assert (scene.head().kind, scene.head().version) == ("restore", 3)


def test_a_restore_that_never_succeeds_is_the_loudest_outcome_and_leaves_the_drill_to_whoever_comes_next(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def restore(plan: DrillPlan, head: Any, reason: str) -> Any:
        raise Unavailable("the store is away")

    monkeypatch.setattr("drills.planning.ALLOWANCE", timedelta())
    policy = policy_of(max_time_to_rollback=timedelta(milliseconds=50))
    drill = scene.drill(policy, restore=restore, smoke=lambda *_: [])
    assert drill.outcome == "restore_failed"
    assert drill.error.startswith("the baseline could not be put back in ")
    assert drill.error.endswith("attempts: the store is away")
    lease = scene.lease()
    assert lease is not None
    assert (lease.drill, lease.phase, lease.lease_until <= now()) == (drill.plan.id, "restore_failed", True)
    assert scene.head().revert_to == 3
