"""The way back, always: restored, readers verified again, steady after, and what it all cost."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

from drills.course import Course, one_line
from drills.errors import DrillEnded, GuardTripped, LeaseLost, NotVerified, ObjectiveMissed, RestoreFailed, Yielded
from drills.following import Lookout
from drills.restoring import Restored, put_back
from drills.steps import Party, late_told, note_followed
from drills.watching import look, still_ours, told_of
from registry.failpoints import reached


def come_back(party: Party, ended: DrillEnded | None) -> DrillEnded | None:
    """Put the baseline back and look that all is as before. ended: what ended the drill early, if anything did.

    What ends it in the end: whoever moved the head meanwhile, a restore that failed, then what was wrong first.
    """
    if isinstance(ended, Yielded | LeaseLost):
        return ended
    plan = party.course.plan
    side = replace(plan.baseline, generation=(plan.baseline.generation or 0) + 2)
    with closing(Lookout(party.registry.store, plan, side, party.course.clock)) as lookout:
        return _come_back(party, ended, lookout)


def _come_back(party: Party, ended: DrillEnded | None, lookout: Lookout) -> DrillEnded | None:
    course = party.course
    try:
        restored = _restore(party, ended, lookout)
    except (Yielded, LeaseLost, RestoreFailed) as error:
        return type(error)(f"{error}; before that: {ended}") if ended else error
    finally:
        course.restored_at = course.clock.now()
    reached("drill.restored")
    if not restored.moved:
        course.skip("verify_restored", "nothing was moved")
        course.skip("steady_after", "nothing was moved")
        return ended
    late = _in_phase(lambda: _verify(party, restored, lookout))
    unsteady = _in_phase(lambda: _steady(party))
    _measure_cost(party)
    return ended or late or unsteady or _too_slow(course)


def _restore(party: Party, ended: DrillEnded | None, lookout: Lookout) -> Restored:
    course, clock = party.course, party.course.clock
    last = max(course.plan.deadline - clock.now(), timedelta()) + course.policy.restore_within
    with course.phase("restore") as detail:
        restored = put_back(
            party.registry, party.ports, course.plan, clock,
            until=lookout.begin(course.expected) + last.total_seconds(),
            reason=f"end of {course.plan.id}" + (f": {ended}" if ended else ""),
        )  # fmt: skip
        detail["attempts"] = restored.attempts
        if not restored.moved:
            detail["moved"] = False
        return restored


def _verify(party: Party, restored: Restored, lookout: Lookout) -> None:
    """The readers that were there before serve the baseline again."""
    course = party.course
    with course.phase("verify_restored") as detail:
        ours = still_ours(party.registry, course, "restored")
        followed = lookout.wait(course.policy.late_after.total_seconds(), ours)
        course.time_to_restore = followed.times(restored.committed_ms)
        note_followed(course, detail, followed)
        if followed.late:
            raise NotVerified(f"after the restore, {late_told(followed.late)}")


def _steady(party: Party) -> None:
    course = party.course
    with course.phase("steady_after"):
        failed = course.add_checks(look(party.ports, course, "steady_after", course.restored_at or course.clock.now()))
        if failed:
            raise GuardTripped(f"not steady after the restore: {told_of(failed)}")


def _in_phase(step: Callable[[], None]) -> DrillEnded | None:
    """What a step that comes after the restore ended in; nothing that it raises may keep the record from being made."""
    try:
        step()
    except DrillEnded as error:
        return error
    except Exception as error:  # noqa: BLE001 - said above
        return NotVerified(one_line(error))
    return None


def _measure_cost(party: Party) -> None:
    course = party.course
    if course.rolled_back_at is None or course.restored_at is None:
        return
    try:
        course.cost = dict(party.ports.cost(course.plan, course.rolled_back_at, course.restored_at))
    except Exception as error:  # noqa: BLE001 - what it cost is good to know, and no part of whether it worked
        course.cost = {"note": f"not known: {one_line(error)}"}


def _too_slow(course: Course) -> DrillEnded | None:
    """By the last reader; where there is none to look at, by the commit."""
    times, limit_ms = course.time_to_rollback, course.policy.max_time_to_rollback.total_seconds() * 1000
    took_ms = times.last if course.expected else times.commit
    if took_ms is None or took_ms <= limit_ms:
        return None
    return ObjectiveMissed(f"the rollback took {took_ms / 1000:.1f} s, and may take {limit_ms / 1000:g} s")
