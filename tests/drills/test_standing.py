"""How an environment stands with its drills is read off the records, or off their absence."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from drills.models import Drill, Outcome
from drills.policy import DrillPolicy
from drills.standing import Standing, standing_of
from tests.drills.records import NOON, drill_of

_DAY = timedelta(days=1)
_POLICY = DrillPolicy(scheduled=True)
_FIRST = NOON - 30 * _DAY


def _standing(*drills: Drill, policy: DrillPolicy = _POLICY) -> Standing:
    return standing_of(drills, _FIRST, policy, NOON)


def test_without_any_drill_the_time_runs_from_when_something_first_went_live() -> None:
    assert _standing() == Standing(None, None, _FIRST, _FIRST + 8 * _DAY)
    assert _standing().overdue_since(NOON) == _FIRST + 8 * _DAY


def test_it_is_overdue_from_the_end_of_the_eighth_day_after_the_last_success_and_not_a_moment_sooner() -> None:
    last = drill_of(at=NOON - 3 * _DAY)
    standing = _standing(last)
    due = last.ended_at + 8 * _DAY
    assert (standing.last_success, standing.since, standing.overdue_from) == (last, last.ended_at, due)
    assert standing.overdue_since(due - timedelta(microseconds=1)) is None
    assert standing.overdue_since(due) == due


@pytest.mark.parametrize(
    "outcome",
    ["failed_verify", "failed_guard", "failed_objective", "precheck_failed", "blocked", "interrupted",
     "restore_failed"],
)  # fmt: skip
def test_only_success_sets_the_clock_back(outcome: Outcome) -> None:
    good, newer = drill_of(at=NOON - 9 * _DAY), drill_of(outcome, 2, at=NOON - 2 * _DAY)
    standing = _standing(newer, good)
    assert (standing.last, standing.last_success) == (newer, good)
    assert standing.overdue_since(NOON) == good.ended_at + 8 * _DAY


def test_a_rehearsal_counts_only_where_the_policy_says_so() -> None:
    rehearsed = drill_of(at=NOON - _DAY, mode="rehearsal", shadow="production-drill")
    assert _standing(rehearsed).last_success is None
    assert _standing(rehearsed, policy=replace(_POLICY, count_rehearsal=True)).last_success == rehearsed


def test_where_drills_are_not_scheduled_none_is_ever_overdue() -> None:
    assert _standing(policy=DrillPolicy()).overdue_since(NOON + 1000 * _DAY) is None


def test_a_record_from_the_future_does_not_put_off_what_is_overdue() -> None:
    good, mad = drill_of(at=NOON - 9 * _DAY), drill_of(number=2, at=NOON + 400 * _DAY)
    assert _standing(mad, good).overdue_since(NOON) == good.ended_at + 8 * _DAY
    a_little_ahead = drill_of(number=2, at=NOON + timedelta(minutes=20))
    assert _standing(a_little_ahead, good).last_success == a_little_ahead


def test_rows_are_counted_from_the_newest_and_blocked_drills_neither_break_nor_make_them() -> None:
    def outcomes(*newest_first: Outcome) -> tuple[int, int, int]:
        found = _standing(*(drill_of(outcome, number) for number, outcome in enumerate(newest_first)))
        return found.succeeded_in_a_row, found.failed_in_a_row, found.blocked_in_a_row

    assert outcomes("succeeded", "blocked", "succeeded", "failed_verify", "succeeded") == (2, 0, 0)
    assert outcomes("blocked", "blocked", "failed_guard", "interrupted", "succeeded") == (0, 2, 2)
    assert outcomes() == (0, 0, 0)
