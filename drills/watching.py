"""The outcome checks: before, throughout and after. And whether the head is still the drill's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from drills.course import Course
from drills.errors import GuardTripped, LeaseLost, Yielded
from drills.models import Check, PhaseName
from drills.places import Whose, told, whose
from drills.ports import Ports
from registry.errors import Unavailable
from registry.registry import Registry
from registry.releases import find_head

_LOOK_S = 0.5  # between two looks at the head
_MARGIN_S = 10.0  # so long before readers go back by themselves, the drill does


def look(ports: Ports, course: Course, phase: PhaseName, since: datetime) -> list[Check]:
    """Every outcome check, asked once, and what the facts say."""
    asked = [ports.check(spec, course.plan, phase) for spec in course.policy.checks_of("outcome")]
    return [*asked, *ports.facts(course.plan, phase, since)]


def told_of(failed: list[Check]) -> str:
    """Checks that do not hold, in one line."""
    return "; ".join(f"check {check.name}: {check.detail}" for check in failed)


def still_ours(registry: Registry, course: Course, ours: Whose = "own") -> Callable[[], None]:
    """A look at the head that raises Yielded when it is somebody else's, and LeaseLost when another process restored.

    ours: `own` while the target is live, `restored` afterwards. A database that is away is no reason to stop, for
    nobody else can move anything either.
    """
    plan, clock = course.plan, course.clock
    looked = [clock.monotonic() - _LOOK_S]

    def ask() -> None:
        if clock.monotonic() - looked[0] < _LOOK_S:
            return
        looked[0] = clock.monotonic()
        try:
            with registry.database.read() as connection:
                head = find_head(connection, plan.workflow, plan.place)
        except Unavailable:
            return
        stands = whose(head, plan)
        if stands == "restored" and ours == "own":
            raise LeaseLost("the lease ran out, and another process restored")
        if stands != ours:
            raise Yielded(f"somebody moved the head: {told(head)}")

    return ask


def hold(registry: Registry, ports: Ports, course: Course) -> None:
    """Let the target be live for as long as planned, with a round of checks every so often and one at the end.

    Raises GuardTripped, Yielded, LeaseLost.
    """
    plan, clock = course.plan, course.clock
    to_deadline_s = (plan.deadline - clock.now()).total_seconds() - _MARGIN_S
    end = clock.monotonic() + min(plan.hold_for.total_seconds(), max(0.0, to_deadline_s))
    ours, rounds = still_ours(registry, course), _Rounds(ports, course)
    try:
        while True:
            rounds.ask()
            due = clock.monotonic() + course.policy.guard_every.total_seconds()
            while (left_s := min(end, due) - clock.monotonic()) > 0:
                ours()
                clock.sleep(min(left_s, _LOOK_S))
            if clock.monotonic() >= end:
                ours()
                return rounds.ask()
    finally:
        course.add_checks(rounds.checks.values())


class _Rounds:
    """Rounds of checks: of each the last one is kept, and how often it was asked."""

    def __init__(self, ports: Ports, course: Course) -> None:
        self.checks: dict[str, Check] = {}
        self._asked: dict[str, int] = {}
        self._ports = ports
        self._course = course

    def ask(self) -> None:
        """One round. Raises GuardTripped."""
        since = self._course.rolled_back_at or self._course.clock.now()
        asked = look(self._ports, self._course, "hold", since)
        for check in asked:
            self._asked[check.name] = self._asked.get(check.name, 0) + 1
            self.checks[check.name] = replace(check, sample={**check.sample, "asked": self._asked[check.name]})
        failed = [check for check in asked if not check.ok]
        if failed:
            raise GuardTripped(told_of(failed))
