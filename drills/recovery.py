"""Finishing what a drill left behind whose every process died: restored or yielded, and recorded. Idempotent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from drills.course import Clock
from drills.errors import LeaseLost, RestoreFailed, Yielded
from drills.leasing import LEASE
from drills.models import Drill, Outcome, Phase, PhaseResult, drill_document, plan_document
from drills.ports import Ports
from drills.recording import record_drill
from drills.restoring import put_back
from drills.unreadable import known_of
from registry.catalog import lock_workflow
from registry.database import Connection
from registry.drilling import DrillLease, adopt_lease, expired_leases, renew_lease
from registry.errors import Damaged
from registry.registry import Registry

# So long after its deadline a dead drill that cannot be restored goes on record as `restore_failed`.
GIVE_UP_AFTER = timedelta(minutes=2)


def find_dead(connection: Connection, at: datetime) -> list[DrillLease]:
    """The drills whose lease ran out: one look at a small table."""
    return expired_leases(connection, at)


def recover(
    registry: Registry,
    ports: Ports,
    *,
    owner: str,
    actor: str,
    stuck: Callable[[Damaged], None],
    clock: Clock | None = None,
) -> list[Drill]:
    """Bring every dead drill to its end; what came of those that were ours to finish.

    Where the head is still the drill's own the baseline is put back, else the head stays as somebody decided; either
    way it is recorded as interrupted. Of several that try at once one does. Where it cannot be restored now, which is
    `restore_failed`, the drill stays dead for the next one to try. stuck: told of each that nobody can finish, for
    neither its lease nor its intent can be read. Raises Unavailable when the database is away.
    """
    clock = clock or Clock()
    with registry.database.read() as connection:
        dead = find_dead(connection, clock.now())
    found = []
    for lease in dead:
        try:
            found.append(_bring_to_rest(registry, ports, lease, owner, actor, clock))
        except Damaged as error:
            stuck(error)
    return [drill for drill in found if drill]


def _bring_to_rest(
    registry: Registry, ports: Ports, lease: DrillLease, owner: str, actor: str, clock: Clock
) -> Drill | None:
    """The drill as it ended; None when another process took it."""
    with registry.database.read() as connection:
        so_far = known_of(connection, lease)
    ours = _adopt(registry, lease, so_far, owner, clock)
    if ours is None:
        return None
    drill = _restored(registry, ports, ours, so_far, actor, clock)
    past_hope = clock.now() > drill.plan.deadline + GIVE_UP_AFTER
    if drill.outcome == "restore_failed" and not past_hope:
        _let_go(registry, ours, clock)
        return drill
    try:
        record_drill(registry.database, drill, owner)
    except LeaseLost:
        return None
    return drill


def _restored(registry: Registry, ports: Ports, lease: DrillLease, so_far: Drill, actor: str, clock: Clock) -> Drill:
    """One attempt to restore, and the record that it makes."""
    started = clock.now()
    lost = "" if so_far.phases else ", its lease cannot be read, and how it went is lost"
    words = f"every process of it died in phase {lease.phase}{lost}; found by {actor}"
    result: PhaseResult = "passed"
    outcome: Outcome = "interrupted"
    reason = f"end of {so_far.plan.id}: {words}"
    try:
        restored = put_back(registry, ports, so_far.plan, clock, until=clock.monotonic(), reason=reason)
        back = f"version {so_far.plan.baseline.version} is live again" if restored.moved else "nothing had been moved"
        told = f"{words}; {back}"
    except Yielded as error:
        result, told = "interrupted", f"{words}; {error}"
    except RestoreFailed as error:
        result, outcome, told = "failed", "restore_failed", f"{words}; {error}"
    phase = Phase("restore", started, clock.now(), result, {"recovered_by": actor})
    return replace(so_far, phases=(*so_far.phases, phase), outcome=outcome, error=told, ended_at=clock.now())


def _adopt(registry: Registry, lease: DrillLease, so_far: Drill, owner: str, clock: Clock) -> DrillLease | None:
    """The lease as ours, such that it can be read; None when somebody else was faster."""
    plan, progress = plan_document(so_far.plan), drill_document(so_far)
    ours = replace(lease, owner=owner, lease_until=clock.now() + LEASE, plan=plan, progress=progress, damage="")
    with registry.database.write() as connection:
        lock_workflow(connection, lease.workflow)
        adopted = adopt_lease(connection, lease, owner, ours.lease_until) and renew_lease(connection, ours)
    return ours if adopted else None


def _let_go(registry: Registry, ours: DrillLease, clock: Clock) -> None:
    """Leave the drill as dead as it was found, so that the next one need not wait for our lease to run out."""
    with registry.database.write() as connection:
        lock_workflow(connection, ours.workflow)
        renew_lease(connection, replace(ours, lease_until=clock.now()))
