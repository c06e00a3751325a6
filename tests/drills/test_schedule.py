"""When a scheduled drill is due."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from drills.models import Outcome
from drills.policy import DrillPolicy, Window
from drills.schedule import Decision, Scene, decide, drilled_week, drilled_weeks, retry_at
from registry.drilling import DrillWeek
from tests.drills.records import drill_of

POLICY = DrillPolicy(scheduled=True, jitter=timedelta(), window=Window((1, 3), time(10), time(16)))
TUESDAY = datetime(2026, 11, 24, tzinfo=UTC)
THURSDAY = datetime(2026, 11, 26, tzinfo=UTC)
NEXT_TUESDAY = datetime(2026, 12, 1, 10, tzinfo=UTC)
SCENE = Scene("support-triage", "production", TUESDAY - timedelta(weeks=4))


def week(state: str, not_before: datetime | None = None, label: str = "2026-W48", attempts: int = 1) -> DrillWeek:
    return DrillWeek("support-triage", "production", label, "drill-0000000001", state, attempts, not_before)


def hour(day: datetime, at: int, minute: int = 0) -> datetime:
    return day.replace(hour=at, minute=minute)


def test_it_is_due_once_the_window_is_open() -> None:
    assert decide(SCENE, POLICY, hour(TUESDAY, 9, 59)) == Decision(
        "waiting", "2026-W48", hour(TUESDAY, 10), "the window opens"
    )
    assert decide(SCENE, POLICY, hour(TUESDAY, 10)) == Decision("due", "2026-W48", None, "the drill of 2026-W48 is due")


def test_a_window_that_was_missed_leaves_the_next_one_of_the_week() -> None:
    assert decide(SCENE, POLICY, hour(TUESDAY, 16)).at == hour(THURSDAY, 10)
    assert decide(SCENE, POLICY, hour(THURSDAY, 15, 59)).state == "due"


def test_a_week_that_passed_without_its_drill_is_not_made_up_for() -> None:
    assert decide(SCENE, POLICY, hour(THURSDAY, 16)) == Decision(
        "waiting", "2026-W48", NEXT_TUESDAY, "the window of 2026-W48 is over"
    )


def test_a_week_has_one_drill() -> None:
    done = Decision("done", "2026-W48", NEXT_TUESDAY, "2026-W48 had its drill")
    assert decide(replace(SCENE, weeks=[week("completed")]), POLICY, hour(TUESDAY, 12)) == done


def test_a_drill_that_somebody_ran_by_hand_is_the_weeks_drill() -> None:
    by_hand = drill_of(at=TUESDAY, trigger="operator", week="")
    scene = replace(SCENE, drilled=drilled_weeks([drill_of("blocked"), by_hand], POLICY))
    assert decide(scene, POLICY, hour(TUESDAY, 12)).state == "done"


@pytest.mark.parametrize(
    ("outcome", "mode", "policy", "counted"),
    [
        ("succeeded", "live", POLICY, "2026-W48"),
        ("failed_guard", "live", POLICY, ""),
        ("blocked", "live", POLICY, ""),
        ("succeeded", "rehearsal", POLICY, ""),
        ("succeeded", "rehearsal", replace(POLICY, count_rehearsal=True), "2026-W48"),
        ("succeeded", "rehearsal", replace(POLICY, mode="rehearsal"), "2026-W48"),
        ("succeeded", "live", replace(POLICY, mode="rehearsal"), "2026-W48"),
    ],
)
def test_the_drill_of_a_week_succeeded_in_the_mode_that_the_policy_asks_for(
    outcome: Outcome, mode: str, policy: DrillPolicy, counted: str
) -> None:
    assert drilled_week(drill_of(outcome, at=TUESDAY, mode=mode, week=""), policy) == counted


def test_while_a_scheduler_is_at_work_no_other_begins() -> None:
    scene = replace(SCENE, weeks=[week("claimed", hour(TUESDAY, 10, 15))])
    running = Decision("running", "2026-W48", hour(TUESDAY, 10, 15), "drill-0000000001 is at work")
    assert decide(scene, POLICY, hour(TUESDAY, 10, 14)) == running
    assert decide(scene, POLICY, hour(TUESDAY, 10, 15)).state == "due"


def test_after_a_failure_it_is_tried_again_when_the_back_off_is_over() -> None:
    scene = replace(SCENE, weeks=[week("released", hour(TUESDAY, 12))])
    assert decide(scene, POLICY, hour(TUESDAY, 11)) == Decision(
        "waiting", "2026-W48", hour(TUESDAY, 12), "drill-0000000001 is tried again"
    )
    assert decide(scene, POLICY, hour(TUESDAY, 12)) == Decision(
        "due", "2026-W48", None, "the drill of 2026-W48 is due, attempt 2"
    )


def test_a_back_off_beyond_the_window_waits_for_the_next_one() -> None:
    scene = replace(SCENE, weeks=[week("released", hour(TUESDAY, 18))])
    assert decide(scene, POLICY, hour(TUESDAY, 14)).at == hour(THURSDAY, 10)


def test_a_clock_that_was_set_back_gives_no_second_drill() -> None:
    scene = replace(SCENE, weeks=[week("completed", label="2026-W49")])
    assert decide(scene, POLICY, hour(TUESDAY, 12)) == Decision(
        "behind", "2026-W48", None, "the clock stands before a drill of 2026-W49, which is on record"
    )
    assert decide(replace(SCENE, drilled=["2026-W50"]), POLICY, hour(TUESDAY, 12)).state == "behind"


def test_a_clock_that_stands_before_the_last_release_is_wrong() -> None:
    scene = replace(SCENE, released_at=hour(TUESDAY, 13, 1))
    assert decide(scene, POLICY, hour(TUESDAY, 12)).why == (
        "the clock stands before the release of 2026-11-24 13:01Z, which is on record"
    )
    assert decide(replace(scene, released_at=hour(TUESDAY, 13)), POLICY, hour(TUESDAY, 12)).state == "due"


def test_without_a_drill_table_none_is_scheduled() -> None:
    assert decide(SCENE, replace(POLICY, scheduled=False), hour(TUESDAY, 12)).state == "off"


def test_the_jitter_puts_the_opening_off_but_never_beyond_half_of_the_window() -> None:
    openings = [
        decide(replace(SCENE, workflow=f"workflow-{number}"), replace(POLICY, jitter=timedelta(days=1)), TUESDAY).at
        for number in range(50)
    ]
    assert all(at and hour(TUESDAY, 10) <= at < hour(TUESDAY, 13) for at in openings)
    assert len(set(openings)) == 50


def test_the_back_off_doubles_up_to_a_day() -> None:
    waits = [retry_at(POLICY, "blocked", attempts, "2026-W48", TUESDAY) - TUESDAY for attempts in (1, 2, 3, 4, 5, 99)]
    assert waits == [timedelta(hours=hours) for hours in (2, 4, 8, 16, 24, 24)]


def test_an_environment_that_could_not_be_restored_is_left_alone_until_the_next_week() -> None:
    assert retry_at(POLICY, "restore_failed", 1, "2026-W48", TUESDAY) == datetime(2026, 11, 30, tzinfo=UTC)
