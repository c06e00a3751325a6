"""What a scheduler of drills looks at: every place where something was ever live, and its last drill, in one look."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from registry.errors import Damaged
from registry.tables import deliveries, evidence, releases
from registry.times import from_text


@dataclass(frozen=True, slots=True)
class Place:
    """An environment of a workflow. first_live_at: when something was first live there; released_at: when its head was
    released. last: what was asked for of its newest record, in that order; None where it has none.
    """

    workflow: str
    environment: str
    first_live_at: datetime
    released_at: datetime
    last: tuple[str, ...] | None


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
    sa.select(deliveries.c.workflow, deliveries.c.environment, _FIRST.c.released_at, _HEAD.c.released_at)
    .select_from(deliveries)
    .join(_FIRST, sa.and_(_here(_FIRST), _FIRST.c.generation == 1))
    .join(_HEAD, sa.and_(_here(_HEAD), _HEAD.c.generation == _HIGHEST))
    .outerjoin(_LAST, sa.and_(_LAST.c.workflow == deliveries.c.workflow, _LAST.c.number == _NEWEST))
    .order_by(deliveries.c.workflow, deliveries.c.environment)
)


def list_places(connection: sa.Connection, kind: str, of_last: tuple[str, ...]) -> list[Place]:
    """Every place where something was ever live, sorted. kind: of the records looked at; of_last: the members of the
    body that are wanted of the newest, texts all, which the database reads faster than we do.

    Raises Damaged when a record was edited.
    """
    body = sa.cast(_LAST.c.body, sa.JSON) if connection.dialect.name == "postgresql" else _LAST.c.body
    members = [sa.type_coerce(body, sa.JSON)[name].as_string() for name in of_last]
    rows = connection.execute(_PLACES.add_columns(*members), {"kind": kind})
    return [_place(*row) for row in rows]


def _place(workflow: str, environment: str, first: str, head: str, *last: str | None) -> Place:
    told = tuple(text for text in last if text is not None)
    try:
        return Place(workflow, environment, from_text(first), from_text(head), told or None)
    except (ValueError, TypeError) as error:
        raise Damaged(
            f"a release of {workflow} in {environment} was edited: {error}",
            next_command=f"agent-deploy verify {workflow}",
        ) from error
