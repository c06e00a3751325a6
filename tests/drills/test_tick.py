"""`drill tick`: what is due is run, once; what is not is left alone; what is missing is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from agent_deploy.operations.drill.tick import Ran
from drills.claiming import CLAIM, claim
from drills.errors import Blocked
from drills.models import FAILED, Drill, DrillPlan, Outcome
from drills.recording import record_drill, record_intent
from registry.drilling import DrillLease, DrillWeek, find_week
from registry.errors import Refused, Unavailable
from registry.registry import Registry
from tests.builders import WORKFLOW, open_registry
from tests.drills.records import drill_of, plan_of
from tests.drills.scheduled import MONDAY, TABLE, TUESDAY, Scheduler, config_of, go_live

HOUR = timedelta(hours=1)
TEN = TUESDAY + 10 * HOUR
THURSDAY_TEN = TEN + timedelta(days=2)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    registry = open_registry(tmp_path)
    go_live(registry)
    return registry


@pytest.fixture
def host(registry: Registry) -> Scheduler:
    return Scheduler(registry, config_of(registry))


def week_of(registry: Registry, week: str = "2026-W48") -> DrillWeek | None:
    with registry.database.read() as connection:
        return find_week(connection, WORKFLOW, "production", week)


def lease_of(plan: DrillPlan, owner: str, at: datetime) -> DrillLease:
    return DrillLease(plan.workflow, plan.place, plan.id, owner, at + timedelta(seconds=30), {})


def outcomes_at(host: Scheduler, *moments: datetime) -> list[list[str]]:
    found: list[list[str]] = []
    for at in moments:
        host.at = at
        found.append([ran.outcome for ran in host.tick().ran])
    return found


def test_a_drill_that_is_due_is_run_and_the_week_is_complete(host: Scheduler, registry: Registry) -> None:
    done = host.tick()
    assert [replace(ran, drill="") for ran in done.ran] == [
        Ran(WORKFLOW, "production", "2026-W48", "", "succeeded")
    ]  # fmt: skip
    assert not done.failed
    week = week_of(registry)
    assert week is not None
    assert (week.state, week.drill, week.attempts) == ("completed", done.ran[0].drill, 1)


def test_nothing_is_run_outside_of_the_window_or_twice_in_a_week(host: Scheduler) -> None:
    hours = [MONDAY + number * HOUR for number in range(7 * 24)]
    ran = {at: found for at, found in zip(hours, outcomes_at(host, *hours), strict=True) if found}
    assert ran == {TEN: ["succeeded"]}


def test_every_week_has_its_drill(host: Scheduler) -> None:
    outcomes_at(host, *(TEN + timedelta(weeks=number) for number in range(5)))
    assert [at for _, at in host.begun] == [TEN + timedelta(weeks=number) for number in range(5)]


@pytest.mark.parametrize("outcome", sorted(FAILED - {"restore_failed"}))
def test_a_drill_that_failed_is_told_and_tried_again_with_back_off(host: Scheduler, outcome: Outcome) -> None:
    host.outcomes = [outcome, outcome]
    first = host.tick()
    assert first.failed
    assert first.ran[0].retry_at == drill_of(at=TEN).ended_at + 2 * HOUR
    hours = [TEN + number * HOUR for number in range(1, 6)]
    again = [[], [], [outcome], [], []]  # two hours after the end of the first, and then four of the second
    assert outcomes_at(host, *hours) == again
    assert outcomes_at(host, THURSDAY_TEN, THURSDAY_TEN + HOUR) == [["succeeded"], []]


def test_a_blocked_drill_is_no_failure_and_tried_again(host: Scheduler) -> None:
    host.outcomes = ["blocked"]
    assert not host.tick().failed
    assert outcomes_at(host, TEN + HOUR, TEN + 3 * HOUR) == [[], ["succeeded"]]


def test_an_environment_that_could_not_be_restored_is_left_to_people_for_the_week(host: Scheduler) -> None:
    host.outcomes = ["restore_failed"]
    assert host.tick().failed
    assert outcomes_at(host, TEN + 3 * HOUR, THURSDAY_TEN, TEN + timedelta(weeks=1)) == [[], [], ["succeeded"]]


def test_a_drill_that_has_nothing_to_go_back_to_is_blocked_and_one_that_breaks_off_is_an_error(host: Scheduler) -> None:
    host.trouble = Refused("nothing to go back to")
    blocked = host.tick()
    assert (blocked.ran[0].outcome, blocked.ran[0].error, blocked.failed) == ("blocked", "nothing to go back to", False)
    host.at, host.trouble = TEN + 2 * HOUR, Unavailable("the database is away")
    broken = host.tick()
    assert (broken.ran[0].outcome, broken.failed) == ("error", True)


def test_one_workflow_in_trouble_keeps_no_other_from_its_drill(host: Scheduler, registry: Registry) -> None:
    go_live(registry, "billing")
    host.outcomes = ["failed_guard"]
    assert [(ran.workflow, ran.outcome) for ran in host.tick().ran] == [
        ("billing", "failed_guard"), (WORKFLOW, "succeeded")
    ]  # fmt: skip


def test_after_an_interrupted_drill_the_rest_is_left_to_the_next_tick(host: Scheduler, registry: Registry) -> None:
    go_live(registry, "billing")
    host.outcomes = ["interrupted"]
    assert [ran.workflow for ran in host.tick().ran] == ["billing"]
    assert [ran.workflow for ran in host.tick().ran] == [WORKFLOW]


def test_whoever_is_told_to_stop_begins_no_further_drill(host: Scheduler) -> None:
    assert host.tick(stop=lambda: True).ran == ()
    assert len(host.tick().ran) == 1


def test_what_died_is_recovered_first_and_counts_as_a_failure(host: Scheduler) -> None:
    dead = drill_of("interrupted", at=MONDAY)
    done = host.tick(recover=lambda: [dead])
    assert (done.recovered, done.failed, len(done.ran)) == ((dead,), True, 1)


def test_a_workflow_opts_out_and_others_have_no_policy_at_all(registry: Registry) -> None:
    off = config_of(registry, {**TABLE, "enabled": False})
    assert Scheduler(registry, off).tick().looks == ()
    assert Scheduler(registry, config_of(registry, None)).tick().looks == ()


def test_a_workflows_own_table_counts_over_the_environments(registry: Registry) -> None:
    go_live(registry, "billing")
    config = config_of(registry)
    own = {"billing": {"environments": {"production": {"drill": {"enabled": False}}}}}
    host = Scheduler(registry, replace(config, document={**config.document, "workflows": own}))
    assert [ran.workflow for ran in host.tick().ran] == [WORKFLOW]


def test_a_drill_run_by_hand_is_the_weeks_drill_and_one_before_a_failed_one_as_well(
    host: Scheduler, registry: Registry
) -> None:
    record_drill(registry.database, drill_of(number=1, at=MONDAY, week="", trigger="operator"), None)
    record_drill(registry.database, drill_of("failed_guard", 2, at=MONDAY + HOUR, week="", trigger="operator"), None)
    assert host.tick().ran == ()


def test_a_claim_whose_scheduler_died_before_it_began_is_taken_over_once_it_ran_out(host: Scheduler) -> None:
    policy = host.tick(stop=lambda: True).looks[0].policy
    assert claim(host.registry.database, policy, WORKFLOW, "production", "drill-dead", TEN)
    assert outcomes_at(host, TEN, TEN + CLAIM - timedelta(seconds=1)) == [[], []]
    assert outcomes_at(host, TEN + CLAIM) == [["succeeded"]]
    week = week_of(host.registry)
    assert week is not None
    assert week.attempts == 2


@pytest.mark.parametrize(("outcome", "then"), [("succeeded", []), ("interrupted", [["interrupted"]])])
def test_a_claim_whose_scheduler_died_after_the_record_is_settled_by_the_record(
    host: Scheduler, outcome: Outcome, then: list[list[str]]
) -> None:
    policy = host.tick(stop=lambda: True).looks[0].policy
    claimed = claim(host.registry.database, policy, WORKFLOW, "production", "drill-00000000aa", TEN)
    assert claimed is not None
    record_drill(host.registry.database, drill_of(outcome, at=TEN, id=claimed.drill), None)
    assert outcomes_at(host, TEN + CLAIM) == [[]]
    week = week_of(host.registry)
    assert week is not None
    assert week.state == ("claimed" if outcome == "succeeded" else "released")
    host.outcomes = ["interrupted"]
    assert [found for found in outcomes_at(host, TEN + 3 * HOUR, TEN + 4 * HOUR) if found] == then


def test_a_claim_whose_drill_is_under_way_is_nobody_elses_however_late_it_is(host: Scheduler) -> None:
    policy = host.tick(stop=lambda: True).looks[0].policy
    plan = plan_of(7, planned_at=TEN)
    assert claim(host.registry.database, policy, WORKFLOW, "production", plan.id, TEN)
    assert record_intent(host.registry.database, lease_of(plan, "other", TEN), plan) is None
    assert outcomes_at(host, TEN + CLAIM, TEN + 5 * HOUR) == [[], []]


def test_a_scheduler_that_slept_through_its_claim_begins_no_drill_any_more(host: Scheduler) -> None:
    policy = host.tick(stop=lambda: True).looks[0].policy
    plan = plan_of(7, planned_at=TEN)
    assert claim(host.registry.database, policy, WORKFLOW, "production", plan.id, TEN)
    assert outcomes_at(host, TEN + CLAIM) == [["succeeded"]]
    with pytest.raises(Blocked, match="2026-W48 is another drill's"):
        record_intent(host.registry.database, lease_of(plan, "sleeper", TEN + HOUR), plan)


def test_a_clock_that_jumps_gives_no_second_drill_of_a_week(host: Scheduler) -> None:
    back, forth = TEN - timedelta(weeks=1), TEN + timedelta(weeks=1)
    moments = [TEN, back, TEN + HOUR, back + HOUR, forth, TEN + 2 * HOUR, forth + HOUR]
    assert outcomes_at(host, *moments) == [["succeeded"], [], [], [], ["succeeded"], [], []]


def test_a_drill_is_overdue_from_the_eighth_day_on_and_until_one_succeeds(host: Scheduler) -> None:
    assert not host.tick().overdue
    eighth = drill_of(at=TEN).ended_at + timedelta(days=8)
    host.outcomes = ["failed_guard"]
    host.at = eighth - timedelta(minutes=59)  # Wednesday: the window of the next week's Tuesday was missed
    assert host.tick().overdue == []
    host.at = eighth
    assert [look.overdue_since for look in host.tick().overdue] == [eighth]
    host.at = THURSDAY_TEN + timedelta(weeks=1)
    assert [look.overdue_since for look in host.tick().overdue] == [eighth]  # that one failed
    host.at += 3 * HOUR
    assert host.tick().overdue == []


def test_what_never_had_a_drill_is_overdue_eight_days_after_it_went_live(host: Scheduler) -> None:
    host.at = MONDAY + timedelta(days=8) - timedelta(seconds=1)
    assert host.tick(stop=lambda: True).overdue == []
    host.at = MONDAY + timedelta(days=8)
    assert [look.last_success for look in host.tick(stop=lambda: True).overdue] == [None]


def test_a_record_from_the_future_cannot_hide_that_a_drill_is_overdue(host: Scheduler, registry: Registry) -> None:
    future: Drill = drill_of(at=TEN + timedelta(weeks=9), week="")
    record_drill(registry.database, future, None)
    host.at = MONDAY + timedelta(days=8)
    assert [look.decision.state for look in host.tick().overdue] == ["behind"]
