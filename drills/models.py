"""The nouns of a drill, as frozen values, and the JSON of its record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from registry.times import to_text

Mode = Literal["live", "rehearsal"]
Outcome = Literal[
    "succeeded",
    "failed_verify",  # a reader did not follow, or an answer did not come from the target
    "failed_guard",  # an outcome check tripped while the target was live
    "failed_objective",  # all went well, but slower than max_time_to_rollback
    "precheck_failed",  # a real rollback would have failed
    "blocked",  # it was not the moment for a drill; nothing was touched
    "interrupted",  # somebody moved the head, or every process of the drill died
    "restore_failed",  # the baseline could not be put back
]
PhaseName = Literal[
    "plan", "blockers", "prechecks", "intent", "steady_before", "rollback", "verify", "hold", "restore",
    "verify_restored", "steady_after", "record",
]  # fmt: skip
PhaseResult = Literal["passed", "failed", "skipped", "interrupted"]

# A failed drill is one after which a rollback cannot be counted on.
FAILED: frozenset[Outcome] = frozenset(
    ("failed_verify", "failed_guard", "failed_objective", "precheck_failed", "interrupted", "restore_failed")
)
STARTED = "drill-started"
RECORDED = "drill"


@dataclass(frozen=True, slots=True)
class Side:
    """A version that takes part: the baseline (what is live) or the target. generation: of the release that set it
    live in the drill's environment; None before there is one.
    """

    version: int
    tag: str
    digest: str
    generation: int | None = None


@dataclass(frozen=True, slots=True)
class DrillPlan:
    """What a drill is going to do. environment: the one that it is about; shadow: where a rehearsal really moves,
    empty for a live drill. hold_for: how long the target stays live. deadline: when readers go back by themselves, the
    `revert_at` of the drill's pointer. trigger: `operator`, `schedule`, `recovery`.
    """

    id: str
    workflow: str
    environment: str
    mode: Mode
    baseline: Side
    target: Side
    hold_for: timedelta
    deadline: datetime
    planned_at: datetime
    actor: str
    trigger: str
    why_target: str
    shadow: str = ""
    week: str = ""
    config_digest: str = ""
    tool_version: str = ""

    @property
    def place(self) -> str:
        """The environment whose head the drill moves."""
        return self.shadow or self.environment


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase as it went. detail: what there is to say about it, JSON values."""

    name: PhaseName
    started_at: datetime
    ended_at: datetime
    result: PhaseResult
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Check:
    """An outcome check, blocking check or smoke case, asked once. sample: what was seen."""

    name: str
    phase: PhaseName
    ok: bool
    detail: str = ""
    sample: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds from the request: to the commit, and to the first, median, 95th and last reader; None: not known."""

    commit: float | None = None
    first: float | None = None
    p50: float | None = None
    p95: float | None = None
    last: float | None = None


@dataclass(frozen=True, slots=True)
class ReadersSeen:
    """How many live readers there were, how many followed in time, and the names of those that did not."""

    expected: int
    current: int
    late: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Drill:
    """A drill as recorded: what was planned, how each phase went, and what came of it.

    objective_ms: `max_time_to_rollback`; None where none is set. cost: what is known of what each version costs
    (`cost_delta` of the facts and of the eval runs), JSON. error: what went wrong, one line; empty when nothing did.
    """

    plan: DrillPlan
    outcome: Outcome
    phases: tuple[Phase, ...]
    ended_at: datetime
    error: str = ""
    time_to_rollback: Times = Times()
    time_to_restore: Times = Times()
    readers: ReadersSeen | None = None
    checks: tuple[Check, ...] = ()
    smoke: tuple[Check, ...] = ()
    cost: Mapping[str, Any] = field(default_factory=dict)
    objective_ms: float | None = None

    @property
    def exit_ok(self) -> bool:
        """Whether `drill run` ends with exit code 0."""
        return self.outcome in ("succeeded", "blocked")


def plan_document(plan: DrillPlan) -> dict[str, Any]:
    """The plan as JSON: the body of a `drill-started` record."""
    return {
        "drill": plan.id,
        "workflow": plan.workflow,
        "environment": plan.environment,
        "mode": plan.mode,
        "baseline": _side(plan.baseline),
        "target": _side(plan.target),
        "why_target": plan.why_target,
        "hold_for_s": plan.hold_for.total_seconds(),
        "deadline": to_text(plan.deadline),
        "planned_at": to_text(plan.planned_at),
        "actor": plan.actor,
        "trigger": plan.trigger,
        "shadow": plan.shadow,
        "week": plan.week,
        "config_digest": plan.config_digest,
        "tool_version": plan.tool_version,
    }


def drill_document(drill: Drill) -> dict[str, Any]:
    """The record as JSON: the body of a `drill` record, and what `drill run` and `drill show` print."""
    return {
        **plan_document(drill.plan),
        "outcome": drill.outcome,
        "error": drill.error,
        "ended_at": to_text(drill.ended_at),
        "phases": [
            {
                "phase": phase.name,
                "started_at": to_text(phase.started_at),
                "ended_at": to_text(phase.ended_at),
                "result": phase.result,
                **({"detail": dict(phase.detail)} if phase.detail else {}),
            }
            for phase in drill.phases
        ],
        "time_to_rollback_ms": _times(drill.time_to_rollback),
        "time_to_restore_ms": _times(drill.time_to_restore),
        "objective_ms": drill.objective_ms,
        "readers": {
            "expected": drill.readers.expected,
            "current": drill.readers.current,
            "late": list(drill.readers.late),
        }
        if drill.readers
        else None,
        "checks": [_check(check) for check in drill.checks],
        "smoke": [_check(check) for check in drill.smoke],
        "cost_delta": dict(drill.cost),
    }


def _side(side: Side) -> dict[str, Any]:
    return {"version": side.version, "tag": side.tag, "digest": side.digest, "generation": side.generation}


def _times(times: Times) -> dict[str, float | None]:
    return {name: getattr(times, name) for name in Times.__slots__}


def _check(check: Check) -> dict[str, Any]:
    return {
        "name": check.name,
        "phase": check.phase,
        "ok": check.ok,
        "detail": check.detail,
        "sample": dict(check.sample),
    }
