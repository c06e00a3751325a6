"""Releases on record: the head of an environment, its history, what is on hold there, and adding one.

Holds are not stored: a version is on hold while the last rollback that left it is later than the last release, of
whatever kind, that set it live. So they can never disagree with the log. A drill's rollback judges no version: it
neither puts one on hold nor lifts a hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from registry.catalog import check_workflow_exists, find_version, version_numbered
from registry.chain import GENESIS, record_hash
from registry.errors import Damaged, NotFound
from registry.models import Kind, Release, Version
from registry.names import nearest
from registry.refs import Ref
from registry.tables import deliveries, releases
from registry.targets import previous_version
from registry.times import from_text, to_text

# Built once: building a query costs more than running it.
_HERE = sa.and_(releases.c.workflow == sa.bindparam("workflow"), releases.c.environment == sa.bindparam("environment"))
_NEWEST_FIRST = releases.c.generation.desc()
_ALL = sa.select(releases).where(_HERE)
_HEAD = _ALL.order_by(_NEWEST_FIRST).limit(1)
_AT = _ALL.where(releases.c.generation == sa.bindparam("generation"))
_GENERATIONS = sa.select(releases.c.generation).where(_HERE).order_by(_NEWEST_FIRST).limit(1)
_LIVE_BEFORE = _GENERATIONS.where(
    releases.c.version == sa.bindparam("version"), releases.c.generation < sa.bindparam("before")
)
_PROMOTED_BEFORE = _LIVE_BEFORE.where(releases.c.kind == "promote")
_FIRST_LIVE_BEFORE = _LIVE_BEFORE.order_by(None).order_by(releases.c.generation)
_BY_NO_DRILL = releases.c.revert_to.is_(None)
_SET_LIVE = _LIVE_BEFORE.where(_BY_NO_DRILL)
_LEFT_BY_ROLLBACK = _GENERATIONS.where(
    releases.c.previous_version == sa.bindparam("version"), releases.c.kind == "rollback", _BY_NO_DRILL
)
_SETTLED = _HEAD.where(_BY_NO_DRILL, releases.c.kind != "restore")
_INSERT = sa.insert(releases)
_NO_BOUND = 2**31 - 1


def find_head(connection: sa.Connection, workflow: str, environment: str) -> Release | None:
    """The release with the highest generation, if any."""
    return _first(connection, _HEAD, workflow, environment)


def find_heads(connection: sa.Connection, workflow: str | None = None, environment: str | None = None) -> list[Release]:
    """The head of every environment of every workflow, sorted by both; of one workflow or environment where given."""
    query = sa.select(deliveries.c.workflow, deliveries.c.environment)
    if workflow:
        query = query.where(deliveries.c.workflow == workflow)
    if environment:
        query = query.where(deliveries.c.environment == environment)
    pairs = connection.execute(query.order_by(deliveries.c.workflow, deliveries.c.environment)).all()
    heads = (find_head(connection, pair.workflow, pair.environment) for pair in pairs)
    return [head for head in heads if head]


def find_settled(connection: sa.Connection, workflow: str, environment: str) -> Release | None:
    """The last release that no drill made, neither its rollback nor its restore: what people last decided, if ever."""
    return _first(connection, _SETTLED, workflow, environment)


def find_live(connection: sa.Connection, ref: Ref) -> Version:
    """The version that any ref names; one by environment is what is live there. Raises NotFound."""
    if ref.by != "environment":
        return find_version(connection, ref)
    head = find_head(connection, ref.workflow, ref.value)
    if head is None:
        raise nothing_live(connection, ref.workflow, ref.value)
    return version_numbered(connection, ref.workflow, head.version)


def nothing_live(connection: sa.Connection, workflow: str, environment: str) -> NotFound:
    """The error that says so, and where the workflow is live."""
    check_workflow_exists(connection, workflow)
    live = [head.environment for head in find_heads(connection, workflow)]
    where = f"; it is live in {', '.join(live)}{nearest(environment, live)}" if live else ""
    return NotFound(
        f"nothing of {workflow} is live in {environment}{where}",
        unchanged="Nothing was changed.",
        next_command=f"agent-deploy status {workflow}" if live else f"agent-deploy list {workflow}",
    )


def find_release(connection: sa.Connection, workflow: str, environment: str, generation: int) -> Release | None:
    """The release with this generation, if any."""
    return _first(connection, _AT, workflow, environment, generation=generation)


def list_releases(connection: sa.Connection, workflow: str, environment: str, limit: int) -> list[Release]:
    """The last `limit` releases of an environment, newest first."""
    place = {"workflow": workflow, "environment": environment}
    query = _ALL.order_by(_NEWEST_FIRST).limit(limit)
    return [_release(dict(row)) for row in connection.execute(query, place).mappings()]


def last_with_version(
    connection: sa.Connection, workflow: str, environment: str, version: int, before: int | None = None
) -> int | None:
    """The highest generation (below `before`) at which this version was live, if it ever was."""
    given = {"workflow": workflow, "environment": environment, "version": version, "before": before or _NO_BOUND}
    found: int | None = connection.execute(_LIVE_BEFORE, given).scalar()
    return found


def is_on_hold(connection: sa.Connection, workflow: str, environment: str, version: int) -> bool:
    """Whether the version was rolled back from here and not set live since."""
    given = {"workflow": workflow, "environment": environment, "version": version, "before": _NO_BOUND}
    left_at: int | None = connection.execute(_LEFT_BY_ROLLBACK, given).scalar()
    return left_at is not None and left_at > (connection.execute(_SET_LIVE, given).scalar() or 0)


def find_previous_version(connection: sa.Connection, head: Release) -> int | None:
    """The version that a bare rollback goes back to from `head`, by the rules of `registry.targets`; None without one.

    Raises Damaged when the log has a gap.
    """
    place = (head.workflow, head.environment)

    def release_at(generation: int) -> Release:
        found = find_release(connection, *place, generation)
        if found is None:
            raise Damaged(
                f"the log of {head.workflow} in {head.environment} has no generation {generation}",
                unchanged="Nothing was moved.",
                next_command=f"agent-deploy rollback {head.workflow} --to-version VERSION --env {head.environment}",
            )
        return found

    return previous_version(
        head,
        release_at,
        lambda version, before: _put_on_top(connection, *place, version, before),
        lambda version: is_on_hold(connection, *place, version),
    )


def _put_on_top(connection: sa.Connection, workflow: str, environment: str, version: int, before: int) -> int | None:
    """Where going from one release of a version to the one before it leads to, however many they are: to its last
    promote, or without one to the release that first set it live.
    """
    given = {"workflow": workflow, "environment": environment, "version": version, "before": before}
    found: int | None = connection.execute(_PROMOTED_BEFORE, given).scalar()
    if found is None:
        found = connection.execute(_FIRST_LIVE_BEFORE, given).scalar()
    return found


def versions_live_in(connection: sa.Connection, workflow: str, environment: str) -> list[int]:
    """The number of every version that was ever live there, ascending."""
    query = sa.select(releases.c.version).where(_HERE).distinct().order_by(releases.c.version)
    return list(connection.execute(query, {"workflow": workflow, "environment": environment}).scalars())


def add_release(
    connection: sa.Connection,
    head: Release | None,
    target: Version,
    environment: str,
    *,
    kind: Kind,
    actor: str,
    reason: str,
    at: datetime,
    override_hold: bool = False,
    gate: str | None = None,
    revert_to: int | None = None,
    revert_at: datetime | None = None,
) -> Release:
    """Append the release after `head`; the caller holds the workflow's lock and has checked that it is the head."""
    record: dict[str, Any] = {
        "workflow": target.workflow,
        "environment": environment,
        "generation": head.generation + 1 if head else 1,
        "version": target.number,
        "tag": target.tag,
        "digest": target.digest,
        "kind": kind,
        "actor": actor,
        "reason": reason,
        "released_at": to_text(at),
        "previous_version": head.version if head else None,
        "override_hold": override_hold,
        "gate": gate,
        "revert_to": revert_to,
        "revert_at": to_text(revert_at) if revert_at else None,
        "previous_hash": head.hash if head else GENESIS,
    }
    record["hash"] = record_hash(record)
    connection.execute(_INSERT, record)
    return _release(record)


def release_records(connection: sa.Connection, workflow: str, environment: str) -> list[Mapping[str, Any]]:
    """The environment's release rows as stored, oldest first: what the chain is computed over."""
    place = {"workflow": workflow, "environment": environment}
    return [dict(row) for row in connection.execute(_ALL.order_by(releases.c.generation), place).mappings()]


def environments_of(connection: sa.Connection, workflow: str) -> list[str]:
    """Every environment that has a release or a delivery of this workflow, sorted."""
    found: set[str] = set()
    for table in (releases, deliveries):
        query = sa.select(table.c.environment).where(table.c.workflow == workflow).distinct()
        found.update(connection.execute(query).scalars())
    return sorted(found)


def _first(
    connection: sa.Connection, query: sa.Select[Any], workflow: str, environment: str, **more: int
) -> Release | None:
    given = {"workflow": workflow, "environment": environment, **more}
    row = connection.execute(query, given).mappings().first()
    return _release(dict(row)) if row else None


def _release(row: Mapping[str, Any]) -> Release:
    try:
        moments = {"released_at": from_text(row["released_at"])}
        if row.get("revert_at"):
            moments["revert_at"] = from_text(row["revert_at"])
    except (ValueError, TypeError) as error:
        raise Damaged(
            f"generation {row['generation']} of {row['workflow']} in {row['environment']} was edited: {error}",
            next_command=f"agent-deploy verify {row['workflow']}",
        ) from error
    return Release(**{**row, **moments})
