"""Delivery: what has been recorded is published to the store, and that it was published is recorded. Idempotent."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from registry.catalog import version_numbered
from registry.database import Database
from registry.errors import Damaged
from registry.failpoints import reached
from registry.models import Release, Target
from registry.pointers import pointer_of, publish
from registry.releases import find_head
from registry.stores import Store
from registry.tables import deliveries
from registry.times import to_text

# Built once: building a query costs more than running it.
_EVERYWHERE = sa.select(deliveries).order_by(deliveries.c.workflow, deliveries.c.environment)
_OF_WORKFLOW = _EVERYWHERE.where(deliveries.c.workflow == sa.bindparam("workflow"))
_RECORD = sa.update(deliveries).where(
    deliveries.c.workflow == sa.bindparam("of"),
    deliveries.c.environment == sa.bindparam("to"),
    deliveries.c.generation < sa.bindparam("below"),
)


def open_delivery(connection: sa.Connection, workflow: str, environment: str) -> None:
    """Make the environment's delivery row, generation 0, where it is missing; in the first release's transaction."""
    text = sa.text(
        "INSERT INTO deliveries (workflow, environment, generation) VALUES (:workflow, :environment, 0) "
        "ON CONFLICT DO NOTHING"
    )
    connection.execute(text, {"workflow": workflow, "environment": environment})


def delivered_generation(connection: sa.Connection, workflow: str, environment: str) -> int:
    """The generation that the store was last known to point to; 0 before the first."""
    query = sa.select(deliveries.c.generation).where(
        deliveries.c.workflow == workflow, deliveries.c.environment == environment
    )
    return int(connection.execute(query).scalar() or 0)


def find_undelivered(connection: sa.Connection, workflow: str | None = None) -> list[Release]:
    """The heads that the store was never known to point to, of all workflows or of one."""
    query = _OF_WORKFLOW if workflow else _EVERYWHERE
    rows = connection.execute(query, {"workflow": workflow} if workflow else {}).all()
    heads = ((row.generation, find_head(connection, row.workflow, row.environment)) for row in rows)
    return [head for generation, head in heads if head and head.generation > generation]


def deliver(database: Database, store: Store, release: Release, at: datetime) -> None:
    """Publish a release's pointer and record that it was. Raises Unavailable when store or database is away.

    A store that points to a newer release already is left as it is. Raises Damaged when it points to a generation that
    the database does not have: readers would never come back to this one.
    """
    outcome = publish(store, pointer_of(release, _revert_target(database, release)))
    if outcome == "superseded":
        _check_newer_exists(database, store, release)
    reached("deliver.published")
    record = {
        "of": release.workflow,
        "to": release.environment,
        "below": release.generation,
        "generation": release.generation,
        "delivered_at": to_text(at),
    }
    with database.write() as connection:
        connection.execute(_RECORD, record)
    reached("deliver.recorded")


def _check_newer_exists(database: Database, store: Store, release: Release) -> None:
    with database.read() as connection:
        head = find_head(connection, release.workflow, release.environment)
    if head is None or head.generation <= release.generation:
        raise Damaged(
            f"the pointer of {release.workflow} in {release.environment} in {store.url} is ahead of the database's "
            f"head, generation {release.generation}: was the database restored from an older backup?",
            next_command=f"agent-deploy verify {release.workflow}",
        )


def _revert_target(database: Database, release: Release) -> Target | None:
    if release.revert_to is None:
        return None
    with database.read() as connection:
        version = version_numbered(connection, release.workflow, release.revert_to)
    return Target(version.number, version.tag, version.digest)
