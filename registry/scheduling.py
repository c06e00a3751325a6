"""What a scheduler of drills looks at: every place where something was ever live, and its last drill, in one look."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from registry.errors import Damaged
from registry.tables import deliveries, evidence, releases
from registry.times import from_text


@dataclass(frozen=True, slots=True)
class Place:
    """An environment of a workflow. first_live_at: when something was first live there; released_at: when its head was
    released. last: the body of the newest record of the kind that was asked for, if any.
    """

    workflow: str
    environment: str
    first_live_at: datetime
    released_at: datetime
    last: Mapping[str, Any] | None


_FIRST, _HEAD, _LAST = releases.alias("first"), releases.alias("head"), evidence.alias("last")


def _here(table: sa.FromClause) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.workflow == deliveries.c.workflow, table.c.environment == deliveries.c.environment)


_HIGHEST = sa.select(sa.func.max(releases.c.generation)).where(_here(releases)).scalar_subquery()
_NEWEST = (
    sa.select(evidence.c.number)
    .where(_here(evidence), evidence.c.kind == sa.bindparam("kind"))
    .order_by(evidence.c.number.desc())
    .limit(1)
    .scalar_subquery()
)
_PLACES = (
    sa.select(
        deliveries.c.workflow,
        deliveries.c.environment,
        _FIRST.c.released_at.label("first_live_at"),
        _HEAD.c.released_at,
        _LAST.c.body.label("last"),
    )
    .select_from(deliveries)
    .join(_FIRST, sa.and_(_here(_FIRST), _FIRST.c.generation == 1))
    .join(_HEAD, sa.and_(_here(_HEAD), _HEAD.c.generation == _HIGHEST))
    .outerjoin(_LAST, sa.and_(_LAST.c.workflow == deliveries.c.workflow, _LAST.c.number == _NEWEST))
    .order_by(deliveries.c.workflow, deliveries.c.environment)
)


def list_places(connection: sa.Connection, kind: str, workflow: str | None = None) -> list[Place]:
    """Every place where something was ever live, sorted; of one workflow where given. kind: of the records looked at.

    Raises Damaged when a record was edited.
    """
    query = _PLACES if workflow is None else _PLACES.where(deliveries.c.workflow == workflow)
    return [_place(row) for row in connection.execute(query, {"kind": kind}).mappings()]


def _place(row: Mapping[Any, Any]) -> Place:
    try:
        read = {name: from_text(row[name]) for name in ("first_live_at", "released_at")}
        last = json.loads(row["last"]) if row["last"] else None
    except (ValueError, TypeError) as error:
        raise Damaged(
            f"a record of {row['workflow']} in {row['environment']} was edited: {error}",
            next_command=f"agent-deploy verify {row['workflow']}",
        ) from error
    return Place(row["workflow"], row["environment"], **read, last=last)
