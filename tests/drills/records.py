"""Drills on record, each made in one call, as `drill run` would leave them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from drills.models import Check, Drill, DrillPlan, Outcome, Phase, PhaseName, PhaseResult, ReadersSeen, Side, Times
from drills.recording import record_drill
from registry.registry import Registry

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
_PHASES: tuple[tuple[PhaseName, float], ...] = (
    ("plan", 0.1), ("blockers", 0.1), ("prechecks", 1.4), ("intent", 0.1), ("steady_before", 0.5), ("rollback", 0.2),
    ("verify", 0.8), ("hold", 60.0), ("restore", 0.2), ("verify_restored", 0.7), ("steady_after", 0.4),
)  # fmt: skip


def plan_of(number: int = 1, **changes: Any) -> DrillPlan:
    """The plan of a drill from version 2 to version 1."""
    plan = DrillPlan(
        id=f"drill-{number:010x}", workflow="support-triage", environment="production", mode="live",
        baseline=Side(2, "1.0.1", "sha256:" + "b" * 64, 2), target=Side(1, "1.0.0", "sha256:" + "a" * 64, 3),
        hold_for=timedelta(seconds=60), deadline=NOON + timedelta(minutes=5), planned_at=NOON, actor="ann",
        trigger="schedule", why_target="the last known-good version before it", week="2026-W48",
        config_digest="sha256:" + "c" * 64, tool_version="0.1.0",
    )  # fmt: skip
    return replace(plan, **changes)


def drill_of(outcome: Outcome = "succeeded", number: int = 1, *, at: datetime = NOON, **changes: Any) -> Drill:
    """A drill that was planned at that moment and ended a minute or so later. changes: to the drill, or to its plan."""
    of_plan = {name: changes.pop(name) for name in list(changes) if name in DrillPlan.__slots__}
    plan = plan_of(number, **{"planned_at": at, "deadline": at + timedelta(minutes=5), **of_plan})
    phases = _phases(at, "passed")
    drill = Drill(
        plan=plan, outcome=outcome, phases=phases, ended_at=phases[-1].ended_at,
        time_to_rollback=Times(41.5, 212.0, 480.0, 790.0, 812.0),
        time_to_restore=Times(38.0, 190.0, 450.0, 700.0, 733.0),
        readers=ReadersSeen(3, 3), checks=(Check("error rate", "hold", True, "0.4 % of 512", {"calls": 512}),),
        smoke=(Check("refund", "verify", True, "served by version 1, generation 3"),), objective_ms=10_000.0,
    )  # fmt: skip
    return replace(drill, **changes)


def add_drill(
    registry: Registry, outcome: Outcome = "succeeded", number: int = 1, *, at: datetime = NOON, **changes: Any
) -> Drill:
    """Put such a drill on record; versions 1 and 2 are registered already."""
    drill = drill_of(outcome, number, at=at, **changes)
    record_drill(registry.database, drill, None)
    return drill


def _phases(at: datetime, result: PhaseResult) -> tuple[Phase, ...]:
    phases = []
    for name, seconds in _PHASES:
        phases.append(Phase(name, at, at + timedelta(seconds=seconds), result))
        at = phases[-1].ended_at
    return tuple(phases)
