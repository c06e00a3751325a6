"""A drill from its plan to its record: prepare, record, perform, record the outcome. And it always comes back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace

from drills.blockers import find_blockers, in_the_way
from drills.course import Clock, Course, one_line
from drills.errors import (
    Blocked,
    DrillEnded,
    GuardTripped,
    LeaseLost,
    NotVerified,
    ObjectiveMissed,
    PrecheckFailed,
    RestoreFailed,
)
from drills.leasing import Keeper, new_lease
from drills.models import RECORDED, Drill, DrillPlan, Outcome
from drills.planning import with_deadline
from drills.policy import DrillPolicy
from drills.ports import Ports
from drills.prechecks import failed_prechecks
from drills.recording import record_drill, record_intent, recorded, with_generations
from drills.returning import come_back
from drills.steps import Party, go_there
from drills.stopping import Stopping
from registry.errors import RegistryError
from registry.evidence import list_evidence
from registry.registry import Registry
from registry.times import to_text

_OUTCOMES: tuple[tuple[type[DrillEnded], Outcome], ...] = (
    (Blocked, "blocked"),
    (PrecheckFailed, "precheck_failed"),
    (NotVerified, "failed_verify"),
    (GuardTripped, "failed_guard"),
    (ObjectiveMissed, "failed_objective"),
    (RestoreFailed, "restore_failed"),
)
_RECORD_PAUSE_S = 1.0


def run(
    registry: Registry,
    ports: Ports,
    plan: DrillPlan,
    policy: DrillPolicy,
    *,
    owner: str,
    clock: Clock | None = None,
    stopping: Stopping | None = None,
    began: Callable[[DrillPlan], None] = lambda _plan: None,
) -> Drill:
    """Carry the plan out; the drill as it was put on record. Raises nothing but what keeps even that from being made.

    owner: names this process in the lease. stopping: whose signals end the drill early, its restore excepted; without
    it the drill listens to none. began: told once the intent is on record and before anything moves; returns at once.
    """
    course = Course(plan, policy, clock or Clock())
    stopping = stopping or Stopping(listens=False)
    with stopping.shielded():
        try:
            with stopping.exposed():
                _prepare(registry, ports, course)
            keeper = _begin(registry, course, owner)
        except DrillEnded as error:
            return _finish(registry, course, error, None)
        with keeper.kept():
            began(course.plan)
            return _perform(Party(registry, ports, course, keeper), owner, stopping)


def _prepare(registry: Registry, ports: Ports, course: Course) -> None:
    """Everything that is looked at before anything is recorded or moved."""
    with course.phase("plan") as detail:
        detail["why_target"] = course.plan.why_target
    with course.phase("blockers"):
        blockers = find_blockers(registry, ports, course)
        if blockers:
            raise Blocked("; ".join(blockers))
    with course.phase("prechecks"):
        failed = failed_prechecks(registry, ports, course)
        if failed:
            raise PrecheckFailed("; ".join(failed))


def _begin(registry: Registry, course: Course, owner: str) -> Keeper:
    """Lease and intent on record. Raises Blocked when another drill was faster."""
    with course.phase("intent") as detail:
        course.plan = with_deadline(course.plan, course.policy, course.clock.now())
        detail["deadline"] = to_text(course.plan.deadline)
        lease = new_lease(course.drill("interrupted"), owner, course.clock)
        there = record_intent(registry.database, lease, course.plan)
        if there is not None:
            raise Blocked(in_the_way(there))
    keeper = Keeper(registry.database, lease, course.clock)
    course.note = keeper.note
    return keeper


def _perform(party: Party, owner: str, stopping: Stopping) -> Drill:
    """There and back. Signals are heard on the way there alone."""
    ended: DrillEnded | None = None
    with ExitStack() as stack:
        try:
            with stopping.exposed():
                if party.course.plan.mode == "rehearsal":
                    _make_ready(party, stack)
                go_there(party)
        except DrillEnded as error:
            ended = error
        except Exception as error:  # noqa: BLE001 - whatever it is, the baseline comes back
            ended = NotVerified(one_line(error))
        ended = come_back(party, ended)
        return _finish(party.registry, party.course, ended, owner)


def _make_ready(party: Party, stack: ExitStack) -> None:
    """Of a rehearsal: the shadow is as the place itself is, and a reader of its own follows it until the end."""
    course = party.course
    generation = party.ports.ready_shadow(course.plan)
    course.plan = with_generations(course.plan, generation, None)
    stack.enter_context(party.ports.own_reader(course.plan))


def _finish(registry: Registry, course: Course, ended: DrillEnded | None, owner: str | None) -> Drill:
    """Put it on record; for as long as a restore would be tried, should the database be away."""
    at = course.clock.now()
    course.note = lambda _phase, _drill: None
    with course.phase("record"):
        pass
    drill = course.drill(outcome_of(ended), str(ended or ""))
    left_s = (course.plan.deadline - at + course.policy.restore_within).total_seconds()
    give_up = course.clock.monotonic() + (max(0.0, left_s) if owner else 0.0)
    while True:
        try:
            record_drill(registry.database, drill, owner)
            return drill
        except LeaseLost as error:
            return _recorded_by_other(registry, drill, error)
        except RegistryError as error:
            if owner is None or course.clock.monotonic() >= give_up:
                return _unrecorded(drill, error)
        course.clock.sleep(_RECORD_PAUSE_S)


def outcome_of(ended: DrillEnded | None) -> Outcome:
    """What a drill that ended so came to."""
    if ended is None:
        return "succeeded"
    return next((outcome for kind, outcome in _OUTCOMES if isinstance(ended, kind)), "interrupted")


def _recorded_by_other(registry: Registry, drill: Drill, error: LeaseLost) -> Drill:
    """What the process that took over put on record; until it has, that we were interrupted."""
    with registry.database.read() as connection:
        found = list_evidence(connection, drill.plan.workflow, kind=RECORDED, subject=drill.plan.id, limit=1)
    return recorded(found[0]) if found else replace(drill, outcome="interrupted", error=str(error))


def _unrecorded(drill: Drill, error: RegistryError) -> Drill:
    """What is on no record did not succeed, whatever it was."""
    told = f"{drill.error or drill.outcome}; and it could not be recorded: {one_line(error)}"
    outcome: Outcome = drill.outcome if drill.outcome == "restore_failed" else "interrupted"
    return replace(drill, outcome=outcome, error=told)
