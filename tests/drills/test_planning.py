"""What a drill is going to do: where to, for how long, and until when readers wait before they go back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agent_deploy.operations.rollback import rollback
from drills.models import DrillPlan, Side, plan_document
from drills.places import whose
from drills.planning import ALLOWANCE, Asked, plan_drill, shadow_of, with_deadline
from drills.policy import CheckSpec, DrillPolicy, SmokeSpec
from drills.recording import plan_of
from registry.errors import NotFound, Refused, RegistryError
from registry.models import Release
from tests.builders import WORKFLOW
from tests.drills.scenes import PLACE, Scene, make_scene, policy_of

_NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def _plan(scene: Scene, policy: DrillPolicy | None = None, **asked: Any) -> DrillPlan:
    wanted = Asked(**{"id": "drill-1", "actor": "ann", **asked})
    plan: DrillPlan = scene.read(
        lambda connection: plan_drill(connection, policy or DrillPolicy(), WORKFLOW, PLACE, wanted, _NOON)
    )
    return plan


def _refused(scene: Scene, kind: type[RegistryError], **asked: Any) -> str:
    with pytest.raises(kind) as refused:
        _plan(scene, **asked)
    assert refused.value.unchanged == "Nothing was moved."
    return refused.value.message


def test_it_goes_to_the_last_known_good_version_before_the_live_one(scene: Scene) -> None:
    plan = _plan(scene)
    assert (plan.baseline.version, plan.baseline.generation) == (3, 3)
    assert (plan.target.version, plan.target.generation, plan.why_target) == (
        2, None, "the last known good one before the baseline",
    )  # fmt: skip
    assert (plan.mode, plan.place, plan.hold_for) == ("live", PLACE, timedelta(seconds=60))


def test_what_is_asked_for_goes_before_what_the_policy_says(scene: Scene) -> None:
    plan = _plan(scene, mode="rehearsal", target="1", hold_for=timedelta(0), trigger="schedule", week="2026-W48")
    assert (plan.target.version, plan.why_target, plan.hold_for) == (1, "as asked for", timedelta(0))
    assert (plan.mode, plan.place, plan.environment) == ("rehearsal", "production-drill", PLACE)
    assert plan.baseline.generation is None
    assert (plan.trigger, plan.week) == ("schedule", "2026-W48")


def test_every_fourth_drill_that_was_not_blocked_goes_further_back_by_its_id(scene: Scene) -> None:
    scene.promote(4)
    for _ in range(3):
        assert scene.drill().outcome == "succeeded"
    assert scene.drill(policy_of(soak=timedelta(days=1))).outcome == "blocked"
    plans = [_plan(scene, id=f"drill-{number}") for number in range(20)]
    assert {plan.target.version for plan in plans} == {1, 2}
    assert {plan.why_target for plan in plans} == {"every 4th drill goes further back"}
    assert _plan(scene, id="drill-7").target == _plan(scene, id="drill-7").target


def test_what_is_on_hold_is_not_gone_back_to_unless_it_is_asked_for(scene: Scene) -> None:
    rollback(scene.registry, WORKFLOW, PLACE, actor="olga")
    scene.promote(4)
    assert _plan(scene).target.version == 2
    assert _plan(scene, target="3").target.version == 3
    assert scene.drill(target="3").outcome == "succeeded"
    assert scene.drill().plan.target.version == 2, "the drill has not lifted the hold"


def test_where_there_is_nothing_to_go_back_to_it_says_so(tmp_path: Any) -> None:
    scene = make_scene(tmp_path, live=1)
    assert _refused(scene, NotFound) == (
        f"{WORKFLOW}@1 is live in {PLACE} and there is no version to go back to: "
        "a real rollback would have nowhere to go either"
    )


def test_a_target_that_is_live_or_never_was_is_refused(scene: Scene) -> None:
    assert _refused(scene, Refused, target="3").startswith(f"{WORKFLOW}@3 is what is live in {PLACE}")
    assert _refused(scene, Refused, target="4").startswith(f"{WORKFLOW}@4 was never live in {PLACE}")


def test_readers_go_back_once_everything_had_its_time_and_more() -> None:
    policy = DrillPolicy(
        max_time_to_rollback=timedelta(seconds=10), smoke=SmokeSpec(within=timedelta(minutes=1)),
        checks=(CheckSpec("a", ("true",), timeout=timedelta(seconds=20)), CheckSpec("b", ("true",), phase="blocking")),
    )  # fmt: skip
    side = Side(1, "1.0.0", "sha256:00")
    plan = DrillPlan(
        "d", WORKFLOW, PLACE, "live", side, side, timedelta(minutes=5), _NOON, _NOON, "ann", "operator", ""
    )
    took = with_deadline(plan, policy, _NOON).deadline - _NOON
    assert (
        took == timedelta(seconds=30) + timedelta(minutes=1) + timedelta(minutes=5) + timedelta(seconds=40) + ALLOWANCE
    )


def test_the_name_of_a_shadow_is_the_name_of_an_environment() -> None:
    assert shadow_of("production") == "production-drill"
    assert (shadow_of("p" * 63), len(shadow_of("p" * 63))) == ("p" * 57 + "-drill", 63)


def test_a_plan_is_read_back_from_its_document(scene: Scene) -> None:
    plan = _plan(scene, mode="rehearsal")
    assert plan_of(plan_document(plan)) == plan


def _release(generation: int, version: int, kind: Any, revert_at: datetime | None = None) -> Release:
    return Release(
        workflow=WORKFLOW, environment=PLACE, generation=generation, version=version, tag="", digest="", kind=kind,
        actor="", reason="", released_at=_NOON, previous_version=None, override_hold=False, previous_hash="", hash="",
        revert_to=3 if revert_at else None, revert_at=revert_at,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (_release(3, 3, "promote"), "baseline"),
        (_release(4, 2, "rollback", _NOON), "own"),
        (_release(4, 2, "rollback", _NOON + timedelta(microseconds=1)), "other"),
        (_release(4, 2, "rollback"), "other"),
        (_release(4, 2, "promote"), "other"),
        (_release(5, 3, "restore"), "restored"),
        (_release(5, 3, "promote"), "other"),
        (_release(5, 2, "rollback"), "other"),
        (_release(6, 3, "restore"), "other"),
        (_release(2, 2, "promote"), "other"),
        (None, "other"),
    ],
)
def test_whose_a_head_is(head: Release | None, expected: str) -> None:
    baseline, target = Side(3, "", "", 3), Side(2, "", "")
    plan = DrillPlan("d", WORKFLOW, PLACE, "live", baseline, target, timedelta(), _NOON, _NOON, "ann", "operator", "")
    assert whose(head, plan) == expected


def test_a_rehearsal_whose_shadow_was_not_ready_has_moved_nothing() -> None:
    side = Side(3, "", "")
    plan = DrillPlan("d", WORKFLOW, PLACE, "rehearsal", side, side, timedelta(), _NOON, _NOON, "ann", "operator", "")
    assert whose(_release(9, 9, "promote"), plan) == "baseline"
