"""Figures about rollback drills, for /metrics: read off the records, so that their absence shows too."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from prometheus_client import CollectorRegistry, Gauge

from drills.standing import Standing

_PLACE = ("workflow", "environment")


@dataclass(frozen=True, slots=True)
class Drilled:
    """How one workflow stands in one environment, at a moment."""

    workflow: str
    environment: str
    standing: Standing
    at: datetime


class DrillFigures:
    """Of every environment with a drill policy: last success, last outcome, and whether a drill is overdue."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, help_text: str, *labels: str) -> Gauge:
            return Gauge(f"agent_deploy_drill_{name}", help_text, (*_PLACE, *labels), registry=registry)

        self._success = gauge("last_success_timestamp_seconds", "When the last drill that counts succeeded.")
        self._overdue = gauge("overdue", "1 while a drill is overdue.")
        self._overdue_from = gauge("overdue_from_timestamp_seconds", "When a drill is, or was, overdue from.")
        self._outcome = gauge("last_outcome", "1 for what the last drill came to.", "outcome")

    def show(self, drilled: Iterable[Drilled]) -> None:
        """Show how all of them stand now, and of no others."""
        for figure in (self._success, self._overdue, self._overdue_from, self._outcome):
            figure.clear()
        for one in drilled:
            place, standing = (one.workflow, one.environment), one.standing
            self._overdue.labels(*place).set(standing.overdue_since(one.at) is not None)
            if standing.overdue_from:
                self._overdue_from.labels(*place).set(standing.overdue_from.timestamp())
            if standing.last_success:
                self._success.labels(*place).set(standing.last_success.ended_at.timestamp())
            if standing.last:
                self._outcome.labels(*place, standing.last.outcome).set(1)
