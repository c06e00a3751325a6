"""Pauses on record: who keeps drills away from an environment, since when and why. The newest word wins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from registry.catalog import lock_workflow, version_numbered
from registry.database import Connection, Database
from registry.evidence import add_evidence, list_evidence
from registry.models import Evidence, Version
from registry.releases import find_head, nothing_live

PAUSED, RESUMED = "drill-paused", "drill-resumed"


@dataclass(frozen=True, slots=True)
class Pause:
    """Somebody wants no drills in an environment for now."""

    actor: str
    at: datetime
    reason: str

    @property
    def words(self) -> str:
        """`paused by ann: audit week`."""
        return f"paused by {self.actor}: {self.reason}"


def is_paused(connection: Connection, workflow: str, environment: str) -> str:
    """Who paused the drills there and why, in words; empty where nobody did, or somebody resumed them since."""
    found = find_pause(connection, workflow, environment)
    return found.words if found else ""


def find_pause(connection: Connection, workflow: str, environment: str) -> Pause | None:
    """The pause in force, if any."""
    paused = _newest(connection, PAUSED, workflow, environment)
    resumed = _newest(connection, RESUMED, workflow, environment)
    if paused is None or (resumed is not None and resumed.number > paused.number):
        return None
    return Pause(paused.actor, paused.recorded_at, paused.body["reason"])


def add_pause(
    database: Database, workflow: str, environment: str, *, actor: str, reason: str, at: datetime
) -> tuple[Pause, bool]:
    """Put a pause on record; the pause in force, and whether this call made it.

    Raises NotFound when nothing is live there: there is nothing to keep drills away from.
    """
    with database.write() as connection:
        lock_workflow(connection, workflow)
        live = _live(connection, workflow, environment)
        there = find_pause(connection, workflow, environment)
        if there is None:
            _add(connection, live, PAUSED, environment, actor, reason, at)
    return there or Pause(actor, at, reason), there is None


def add_resume(
    database: Database, workflow: str, environment: str, *, actor: str, reason: str = "", at: datetime
) -> Pause | None:
    """Put on record that drills go on; the pause that this ends, None when there was none and nothing was recorded.

    Raises NotFound when nothing is live there.
    """
    with database.write() as connection:
        lock_workflow(connection, workflow)
        live = _live(connection, workflow, environment)
        there = find_pause(connection, workflow, environment)
        if there is not None:
            _add(connection, live, RESUMED, environment, actor, reason, at)
    return there


def _newest(connection: Connection, kind: str, workflow: str, environment: str) -> Evidence | None:
    found = list_evidence(connection, workflow, kind=kind, environment=environment, limit=1)
    return found[0] if found else None


def _live(connection: Connection, workflow: str, environment: str) -> Version:
    head = find_head(connection, workflow, environment)
    if head is None:
        raise nothing_live(connection, workflow, environment)
    return version_numbered(connection, workflow, head.version)


def _add(
    connection: Connection, live: Version, kind: str, environment: str, actor: str, reason: str, at: datetime
) -> None:
    add_evidence(
        connection, live, kind=kind, subject=environment, body={"reason": reason}, actor=actor, at=at,
        environment=environment,
    )  # fmt: skip
