"""A drill under way: what has happened so far, phase by phase, and the record that this makes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from drills.errors import LeaseLost, Stopped, Yielded
from drills.models import Check, Drill, DrillPlan, Outcome, Phase, PhaseName, PhaseResult, ReadersSeen, Times
from drills.policy import DrillPolicy
from registry.failpoints import reached
from registry.times import now

Detail = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Clock:
    """The moment, a reading that never goes back (seconds), and waiting. For tests to put others in their place."""

    now: Callable[[], datetime] = now
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(slots=True)
class Course:
    """The mutable middle of a drill. note: told of the phase that begins, with the record as it is by then.

    rolled_back_at, restored_at: when the target went live, and when it no longer was.
    """

    plan: DrillPlan
    policy: DrillPolicy
    clock: Clock
    note: Callable[[PhaseName, Drill], None] = lambda _phase, _drill: None
    phases: list[Phase] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    smoke: list[Check] = field(default_factory=list)
    time_to_rollback: Times = field(default_factory=Times)
    time_to_restore: Times = field(default_factory=Times)
    expected: frozenset[str] = frozenset()
    late: dict[str, str] = field(default_factory=dict)
    cost: Detail = field(default_factory=dict)
    rolled_back_at: datetime | None = None
    restored_at: datetime | None = None

    @contextmanager
    def phase(self, name: PhaseName) -> Iterator[Detail]:
        """A phase: what is put into the yielded detail is kept, and whatever is raised makes it failed."""
        self.note(name, self.drill("interrupted"))
        reached(f"drill.{name}")
        detail: Detail = {}
        started = self.clock.now()
        result: PhaseResult = "passed"
        try:
            yield detail
        except BaseException as error:
            interrupted = isinstance(error, Yielded | LeaseLost | Stopped | KeyboardInterrupt)
            result = "interrupted" if interrupted else "failed"
            detail.setdefault("error", one_line(error))
            raise
        finally:
            self.phases.append(Phase(name, started, max(started, self.clock.now()), result, detail))

    def skip(self, name: PhaseName, why: str) -> None:
        """A phase that there is no reason for."""
        at = self.clock.now()
        self.phases.append(Phase(name, at, at, "skipped", {"why": why}))

    def add_checks(self, checks: Iterable[Check]) -> list[Check]:
        """Keep what was asked; those that do not hold."""
        asked = list(checks)
        self.checks += asked
        return [check for check in asked if not check.ok]

    def drill(self, outcome: Outcome, error: str = "") -> Drill:
        """The record, if the drill ended now."""
        seen = len(self.expected)
        return Drill(
            plan=self.plan,
            outcome=outcome,
            phases=tuple(self.phases),
            ended_at=self.clock.now(),
            error=error,
            time_to_rollback=self.time_to_rollback,
            time_to_restore=self.time_to_restore,
            readers=ReadersSeen(seen, seen - len(self.late), tuple(sorted(self.late))) if self.phases else None,
            checks=tuple(self.checks),
            smoke=tuple(self.smoke),
            cost=self.cost,
            objective_ms=self.policy.max_time_to_rollback.total_seconds() * 1000,
        )


def one_line(error: BaseException) -> str:
    """What an error says, on one line."""
    text = " ".join(str(getattr(error, "message", error)).split())
    return text or type(error).__name__
