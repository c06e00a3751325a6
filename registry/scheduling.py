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
    released. last: what was asked for of its newest record, in that order; None where it has none.
    """

    workflow: str
    environment: str
    first_live_at: datetime
    released_at: datetime
    last: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class DamagedPlace:
    """An environment of a workflow of which nobody can say how it stands. why: what was edited there."""

    workflow: str
    environment: str
    why: Damaged


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
        deliveries.c.workflow, deliveries.c.environment, _FIRST.c.released_at, _HEAD.c.released_at, _LAST.c.number
    )
    .select_from(deliveries)
    .join(_FIRST, sa.and_(_here(_FIRST), _FIRST.c.generation == 1))
    .join(_HEAD, sa.and_(_here(_HEAD), _HEAD.c.generation == _HIGHEST))
    .outerjoin(_LAST, sa.and_(_LAST.c.workflow == deliveries.c.workflow, _LAST.c.number == _NEWEST))
    .order_by(deliveries.c.workflow, deliveries.c.environment)
)


def list_places(connection: sa.Connection, kind: str, of_last: tuple[str, ...]) -> list[Place | DamagedPlace]:
    """Every place where something was ever live, sorted. kind: of the records looked at; of_last: the members of the
    body that are wanted of the newest, texts all, which the database reads faster than we do.

    What was edited at one place keeps no other from being told.
    """
    try:
        with connection.begin_nested():  # where a record is no JSON, the statement fails as a whole
            rows = connection.execute(_PLACES.add_columns(*_members(connection, of_last)), {"kind": kind}).all()
    except sa.exc.DBAPIError:
        bodies = connection.execute(_PLACES.add_columns(_LAST.c.body), {"kind": kind})
        return [_place(_members_of(row[5], of_last), *row[:5]) for row in bodies]
    return [_place(dict(zip(of_last, row[5:], strict=True)), *row[:5]) for row in rows]


def _members(connection: sa.Connection, names: tuple[str, ...]) -> list[sa.ColumnElement[Any]]:
    body = sa.cast(_LAST.c.body, sa.JSON) if connection.dialect.name == "postgresql" else _LAST.c.body
    return [sa.type_coerce(body, sa.JSON)[name].as_string() for name in names]


def _members_of(body: str | None, names: tuple[str, ...]) -> dict[str, Any]:
    """The same, of one record; all None of what is no JSON object."""
    try:
        document = json.loads(body or "")
    except ValueError:
        document = None
    return {name: document.get(name) if isinstance(document, dict) else None for name in names}


def _place(
    last: Mapping[str, Any], workflow: str, environment: str, first: str, head: str, number: int | None
) -> Place | DamagedPlace:
    try:
        first_live_at, released_at = from_text(first), from_text(head)
    except (ValueError, TypeError) as error:
        return _damaged(workflow, environment, f"a release of {workflow} in {environment} was edited: {error}")
    if number is None:
        return Place(workflow, environment, first_live_at, released_at, None)
    lacking = [name for name, text in last.items() if not isinstance(text, str)]
    if lacking:
        what = f"evidence {number} of {workflow} was edited: it has no {lacking[0]!r}"
        return _damaged(workflow, environment, what)
    return Place(workflow, environment, first_live_at, released_at, tuple(last.values()))


def _damaged(workflow: str, environment: str, what: str) -> DamagedPlace:
    return DamagedPlace(workflow, environment, Damaged(what, next_command=f"agent-deploy verify {workflow}"))
