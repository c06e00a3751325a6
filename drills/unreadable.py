"""Leases that nobody can read: what is still known of their drills, and giving up those of which nothing is."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from drills.models import STARTED, Drill
from drills.planning import shadow_of
from drills.recording import UNREADABLE, drill_of, plan_of
from registry.catalog import lock_workflow, version_numbered
from registry.database import Connection, Database
from registry.drilling import DrillLease, drop_lease, find_lease
from registry.errors import Damaged
from registry.evidence import add_evidence, list_evidence
from registry.releases import find_head, nothing_live

DROPPED = "drill-lease-dropped"


def known_of(connection: Connection, lease: DrillLease) -> Drill:
    """The drill as far as its lease tells; where that cannot be read, as far as its intent on record does.

    Raises Damaged when neither tells what it was going to do.
    """
    try:
        return replace(drill_of(lease.progress), plan=plan_of(lease.plan))
    except UNREADABLE:
        return _intended(connection, lease)


def _intended(connection: Connection, lease: DrillLease) -> Drill:
    """The plan is hash-chained since before anything moved; how far the drill came is lost."""
    try:
        (intent,) = list_evidence(connection, lease.workflow, kind=STARTED, subject=lease.drill, limit=1)
        plan = plan_of(intent.body)
    except (*UNREADABLE, Damaged) as error:
        raise Damaged(
            f"nobody can finish {lease.drill} of {lease.workflow} in {lease.environment}: "
            f"neither its lease nor its intent on record can be read ({lease.damage or error})",
            unchanged="Nothing was moved.",
            next_command=f"agent-deploy drill resume {lease.workflow} --env {_about(lease)}   # drops the lease",
        ) from error
    return Drill(plan, "interrupted", (), plan.planned_at)


def _about(lease: DrillLease) -> str:
    """The environment that a drill is about: of a rehearsal not the one that it moves."""
    named = lease.environment.removesuffix(shadow_of(""))
    return named if shadow_of(named) == lease.environment else lease.environment


def drop_unreadable(
    database: Database, workflow: str, environment: str, *, actor: str, reason: str, at: datetime
) -> tuple[str, ...]:
    """Give up the drills there that are dead and that nobody can finish, and put that on record; their ids.

    The head stays as it is. Raises NotFound when nothing is live there.
    """
    dropped = []
    with database.write() as connection:
        lock_workflow(connection, workflow)
        for place in (environment, shadow_of(environment)):
            lease = find_lease(connection, workflow, place)
            if lease and lease.lease_until < at and _is_lost(connection, lease):
                drop_lease(connection, lease.drill, lease.owner)
                _add(connection, lease, environment, actor, reason, at)
                dropped.append(lease.drill)
    return tuple(dropped)


def _is_lost(connection: Connection, lease: DrillLease) -> bool:
    try:
        known_of(connection, lease)
    except Damaged:
        return True
    return False


def _add(connection: Connection, lease: DrillLease, environment: str, actor: str, reason: str, at: datetime) -> None:
    head = find_head(connection, lease.workflow, environment)
    if head is None:
        raise nothing_live(connection, lease.workflow, environment)
    body = {"reason": reason, "place": lease.environment, "phase": lease.phase}
    add_evidence(
        connection, version_numbered(connection, lease.workflow, head.version), kind=DROPPED, subject=lease.drill,
        body=body, actor=actor, at=at, environment=environment,
    )  # fmt: skip
