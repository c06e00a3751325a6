"""Figures about drills: last success, last outcome, overdue or not; also where there never was a drill."""

from __future__ import annotations

from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry

from agent_deploy.telemetry.serving.drill_figures import Drilled, DrillFigures
from drills.models import Drill
from drills.policy import DrillPolicy
from drills.standing import standing_of
from tests.drills.records import NOON, drill_of

_DAY = timedelta(days=1)
_PLACE = {"workflow": "support-triage", "environment": "production"}


def _drilled(at: datetime, *drills: Drill, environment: str = "production", scheduled: bool = True) -> Drilled:
    standing = standing_of(drills, NOON, DrillPolicy(scheduled=scheduled), at)
    return Drilled("support-triage", environment, standing, at)


def _value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(f"agent_deploy_drill_{name}", {**_PLACE, **labels})


def test_the_figures_are_those_of_the_records() -> None:
    registry = CollectorRegistry()
    figures = DrillFigures(registry)
    good, bad = drill_of(at=NOON), drill_of("failed_guard", 2, at=NOON + 7 * _DAY)
    figures.show([_drilled(NOON + 9 * _DAY, bad, good)])
    assert _value(registry, "last_success_timestamp_seconds") == good.ended_at.timestamp()
    assert _value(registry, "last_outcome", outcome="failed_guard") == 1
    assert _value(registry, "overdue") == 1
    assert _value(registry, "overdue_from_timestamp_seconds") == (good.ended_at + 8 * _DAY).timestamp()
    figures.show([_drilled(NOON + 9 * _DAY, drill_of(number=3, at=NOON + 9 * _DAY), bad, good)])
    assert (_value(registry, "overdue"), _value(registry, "last_outcome", outcome="failed_guard")) == (0, None)


def test_the_absence_of_drills_is_a_figure_and_that_of_a_policy_is_none() -> None:
    registry = CollectorRegistry()
    figures = DrillFigures(registry)
    figures.show([_drilled(NOON + 8 * _DAY), _drilled(NOON + 8 * _DAY, environment="staging", scheduled=False)])
    assert (_value(registry, "overdue"), _value(registry, "last_success_timestamp_seconds")) == (1, None)
    assert _value(registry, "overdue", environment="staging") == 0
    assert _value(registry, "overdue_from_timestamp_seconds", environment="staging") is None
    figures.show([])
    assert _value(registry, "overdue") is None
