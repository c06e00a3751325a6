"""What running drills hold: a lease a place, and a claim a week. Working state, so it may change; evidence may not.

A lease says that some process is at work on a place. One that ran out means that every process of that drill died: who
finds it adopts it and brings the place to rest (`drills.recovery`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from registry.tables import drill_leases, drill_weeks
from registry.times import from_text, to_text

_NO_TIME = datetime.min.replace(tzinfo=UTC)
CLAIMED, RELEASED, COMPLETED = "claimed", "released", "completed"


@dataclass(frozen=True, slots=True)
class DrillLease:
    """A drill under way. owner: which process. plan: JSON, as on record. phase, progress: how far it has come, for
    whoever has to finish it. damage: what of it cannot be read, and is empty here (a time: as if it had run out).
    """

    workflow: str
    environment: str
    drill: str
    owner: str
    lease_until: datetime
    plan: Mapping[str, Any]
    phase: str = "plan"
    progress: Mapping[str, Any] = field(default_factory=dict)
    damage: str = ""


@dataclass(frozen=True, slots=True)
class DrillWeek:
    """The scheduled drill of an ISO week (`2026-W48`). state: claimed, released or completed.

    not_before: from when another may be made in place of `drill`; None for at once. attempts: made so far.
    """

    workflow: str
    environment: str
    week: str
    drill: str
    state: str
    attempts: int
    not_before: datetime | None


def take_lease(connection: sa.Connection, lease: DrillLease) -> DrillLease | None:
    """Take the place's lease; None when it was free, else the lease that is in the way, expired or not.

    The caller holds the workflow's lock (`catalog.lock_workflow`).
    """
    there = find_lease(connection, lease.workflow, lease.environment)
    if there is None:
        connection.execute(sa.insert(drill_leases).values(_row(lease)))
    return there


def find_lease(connection: sa.Connection, workflow: str, environment: str) -> DrillLease | None:
    """The lease on a place, expired or not."""
    query = sa.select(drill_leases).where(
        drill_leases.c.workflow == workflow, drill_leases.c.environment == environment
    )
    row = connection.execute(query).mappings().first()
    return _lease(dict(row)) if row else None


def expired_leases(connection: sa.Connection, at: datetime) -> list[DrillLease]:
    """Every lease that ran out before this moment, one whose time cannot be read among them."""
    rows = connection.execute(sa.select(drill_leases).order_by(drill_leases.c.drill)).mappings()
    return [lease for row in rows if (lease := _lease(dict(row))).lease_until < at]


def renew_lease(connection: sa.Connection, lease: DrillLease) -> bool:
    """Write a lease's new time, phase and progress; False when it is not its owner's any more."""
    return _change(connection, lease.drill, lease.owner, _row(lease))


def adopt_lease(connection: sa.Connection, found: DrillLease, owner: str, until: datetime) -> bool:
    """Make an expired lease this owner's; False when another was faster, or its own process came back."""
    unrenewed = drill_leases.c.lease_until == to_text(found.lease_until)
    query = () if found.lease_until == _NO_TIME else (unrenewed,)
    return _change(connection, found.drill, found.owner, {"owner": owner, "lease_until": to_text(until)}, *query)


def drop_lease(connection: sa.Connection, drill: str, owner: str) -> bool:
    """Give the lease back; False when it was not this owner's."""
    query = sa.delete(drill_leases).where(drill_leases.c.drill == drill, drill_leases.c.owner == owner)
    return connection.execute(query).rowcount == 1


def find_lease_of(connection: sa.Connection, drill: str) -> DrillLease | None:
    """The lease of one drill, whatever its place, expired or not."""
    row = connection.execute(sa.select(drill_leases).where(drill_leases.c.drill == drill)).mappings().first()
    return _lease(dict(row)) if row else None


def claim_week(
    connection: sa.Connection, workflow: str, environment: str, week: str, drill: str, *, at: datetime, until: datetime
) -> DrillWeek | None:
    """Claim a week for a drill; None when it could be had, else what stands in the way: claimed, completed, too soon.

    until: from when on another may claim it all the same, should nothing more be heard of this drill. The caller holds
    the workflow's lock, and before it claims a week that is still claimed makes sure that the drill is not under way.
    """
    there = find_week(connection, workflow, environment, week)
    claim = {"drill": drill, "state": CLAIMED, "not_before": to_text(until)}
    if there is None:
        place = {"workflow": workflow, "environment": environment, "week": week}
        connection.execute(sa.insert(drill_weeks).values(**place, **claim, attempts=1))
        return None
    waiting = there.not_before is not None and at < there.not_before
    if there.state == COMPLETED or waiting:
        return there
    _change_week(connection, there, {**claim, "attempts": there.attempts + 1})
    return None


def find_week(connection: sa.Connection, workflow: str, environment: str, week: str) -> DrillWeek | None:
    """What a week has had so far."""
    query = sa.select(drill_weeks).where(*_of_week(workflow, environment, week))
    row = connection.execute(query).mappings().first()
    return _week(row) if row else None


def weeks_from(connection: sa.Connection, week: str, workflow: str | None = None) -> list[DrillWeek]:
    """What this week and all later ones have had so far, of one workflow or of all, in their order."""
    query = sa.select(drill_weeks).where(drill_weeks.c.week >= week).order_by(drill_weeks.c.week)
    if workflow is not None:
        query = query.where(drill_weeks.c.workflow == workflow)
    return [_week(row) for row in connection.execute(query).mappings()]


def complete_week(connection: sa.Connection, week: DrillWeek) -> bool:
    """The week has had its drill; False when another has claimed it since."""
    return _change_week(connection, week, {"state": COMPLETED})


def release_week(connection: sa.Connection, week: DrillWeek, not_before: datetime) -> bool:
    """The drill was blocked or failed: the week may have another, from this moment on. False as for complete_week."""
    return _change_week(connection, week, {"state": RELEASED, "not_before": to_text(not_before)})


def _change(
    connection: sa.Connection, drill: str, owner: str, values: Mapping[str, Any], *more: sa.ColumnElement[bool]
) -> bool:
    query = sa.update(drill_leases).where(drill_leases.c.drill == drill, drill_leases.c.owner == owner, *more)
    return connection.execute(query.values(values)).rowcount == 1


def _change_week(connection: sa.Connection, week: DrillWeek, values: Mapping[str, Any]) -> bool:
    here = (*_of_week(week.workflow, week.environment, week.week), drill_weeks.c.drill == week.drill)
    return connection.execute(sa.update(drill_weeks).where(*here).values(values)).rowcount == 1


def _week(row: Mapping[Any, Any]) -> DrillWeek:
    return DrillWeek(**{**row, "not_before": from_text(row["not_before"]) if row["not_before"] else None})


def _of_week(workflow: str, environment: str, week: str) -> tuple[sa.ColumnElement[bool], ...]:
    columns = drill_weeks.c
    return columns.workflow == workflow, columns.environment == environment, columns.week == week


def _row(lease: DrillLease) -> dict[str, Any]:
    return {
        "workflow": lease.workflow,
        "environment": lease.environment,
        "drill": lease.drill,
        "owner": lease.owner,
        "lease_until": to_text(lease.lease_until),
        "plan": json.dumps(dict(lease.plan)),
        "phase": lease.phase,
        "progress": json.dumps(dict(lease.progress)),
    }


def _lease(row: Mapping[str, Any]) -> DrillLease:
    read: dict[str, Any] = {}
    damage = []
    for name, of_text, none in (("lease_until", from_text, _NO_TIME), ("plan", _object, {}), ("progress", _object, {})):
        try:
            read[name] = of_text(row[name])
        except (ValueError, TypeError) as error:
            read[name] = none
            damage.append(f"{name}: {error}")
    return DrillLease(**{**row, **read, "damage": "; ".join(damage)})


def _object(text: str) -> Mapping[str, Any]:
    """Raises ValueError for what is no JSON object."""
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError(f"{text[:40]!r} is no JSON object")
    return found
