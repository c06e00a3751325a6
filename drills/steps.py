"""The way there: steady before, rolled back, verified, held. Each step raises what ends the drill before its time."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace

from drills.course import Course, Detail
from drills.errors import Blocked, NotVerified, Yielded
from drills.following import Followed, Lookout, live_readers
from drills.leasing import Keeper
from drills.policy import SmokeSpec
from drills.ports import Moved, Ports
from drills.recording import with_generations
from drills.watching import hold, look, still_ours, told_of
from registry.errors import Conflict
from registry.failpoints import reached
from registry.registry import Registry

_FIRST_PAUSE_S = 0.1
_OWN_READER_S = 10.0


@dataclass(frozen=True, slots=True)
class Party:
    """All that takes part in a drill under way."""

    registry: Registry
    ports: Ports
    course: Course
    keeper: Keeper


def go_there(party: Party) -> None:
    """Everything up to the moment when the baseline is to come back."""
    course = party.course
    with course.phase("steady_before"):
        asked = look(party.ports, course, "steady_before", course.plan.planned_at)
        failed = course.add_checks(asked)
        if failed:
            raise Blocked(f"not steady before anything was touched: {told_of(failed)}")
    with closing(_lookout(party)) as lookout:
        moved = _roll_back(party, lookout)
        reached("drill.rolled_back")
        _verify(party, lookout, moved)
    with course.phase("hold") as detail:
        detail["for_s"] = course.plan.hold_for.total_seconds()
        hold(party.registry, party.ports, course)


def _lookout(party: Party) -> Lookout:
    """For the target, at the generation that it is going to have: a drill's rollback follows on its baseline."""
    plan = party.course.plan
    target = replace(plan.target, generation=(plan.baseline.generation or 0) + 1)
    return Lookout(party.registry.store, plan, target, party.course.clock)


def _roll_back(party: Party, lookout: Lookout) -> Moved:
    """The move, on the operator's own path."""
    course = party.course
    with course.phase("rollback") as detail:
        course.expected = _expected(party)
        detail["readers"] = sorted(course.expected)
        lookout.begin(course.expected)
        try:
            moved = party.ports.roll_back(course.plan, party.keeper.admit)
        except Conflict as error:
            party.keeper.check()
            raise Yielded(error.message) from error
        course.rolled_back_at = moved.release.released_at
        course.plan = with_generations(course.plan, course.plan.baseline.generation, moved.release.generation)
        detail["generation"] = moved.release.generation
        detail["committed_ms"] = round(moved.committed_ms, 1)
        _deliver(party, moved)
        return moved


def _expected(party: Party) -> frozenset[str]:
    """The readers that are to follow; a rehearsal's own has to be among them first."""
    course, clock = party.course, party.course.clock
    give_up = clock.monotonic() + _OWN_READER_S
    while True:
        found = live_readers(party.registry.store, course.plan, clock)
        if found or course.plan.mode == "live":
            return found
        if clock.monotonic() >= give_up:
            raise NotVerified(f"the rehearsal's own reader said nothing for {_OWN_READER_S:g} s")
        clock.sleep(_FIRST_PAUSE_S)


def _deliver(party: Party, moved: Moved) -> None:
    """A rollback that readers cannot see is tried for as long as they may take."""
    course, clock = party.course, party.course.clock
    trouble, pause_s = moved.not_delivered, _FIRST_PAUSE_S
    give_up = clock.monotonic() + course.policy.late_after.total_seconds()
    ours = still_ours(party.registry, course)
    while trouble:
        if clock.monotonic() >= give_up:
            raise NotVerified(f"the rollback is on record, but could not be published: {trouble}")
        ours()
        clock.sleep(pause_s)
        pause_s = min(2 * pause_s, 1.0)
        trouble = party.ports.deliver(course.plan.workflow, course.plan.place)


def _verify(party: Party, lookout: Lookout, moved: Moved) -> None:
    """Every reader serves the target, and what a client is served answers the smoke cases."""
    course = party.course
    with course.phase("verify") as detail:
        within_s = course.policy.late_after.total_seconds()
        followed = lookout.wait(within_s, still_ours(party.registry, course))
        course.time_to_rollback = followed.times(moved.committed_ms)
        note_followed(course, detail, followed)
        if followed.late:
            raise NotVerified(late_told(followed.late))
        _smoke(party)


def _smoke(party: Party) -> None:
    """That a client is served the target is asked even where no case is."""
    course = party.course
    spec = course.policy.smoke or SmokeSpec(most=0)
    asked = list(party.ports.smoke(course.plan, spec, course.plan.target, "verify"))
    course.smoke += asked
    failed = [f"{check.name}: {check.detail}" for check in asked if not check.ok]
    if failed:
        raise NotVerified("; ".join(failed))


def note_followed(course: Course, detail: Detail, followed: Followed) -> None:
    """Keep how it went with the readers. What has left is no more expected; what was late once, stays so."""
    detail["took_ms"] = {name: round(ms, 1) for name, ms in sorted(followed.took_ms.items())}
    if followed.left:
        detail["left"] = sorted(followed.left)
        course.expected -= followed.left
    if followed.late:
        detail["late"] = dict(followed.late)
        course.late = dict(followed.late) | course.late


def late_told(late: Mapping[str, str]) -> str:
    """Readers that did not follow, by name, in one line."""
    return "did not follow: " + "; ".join(f"{name} ({why})" for name, why in late.items())
