"""What someone does who may write to the database, as its owner, and does not ask agent-deploy."""

# ruff: noqa: S608 - SQL put together by hand is what this is about

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from registry.chain import GENESIS, record_hash
from registry.registry import Registry
from registry.releases import release_records
from registry.tables import releases
from tests.builders import WORKFLOW

_PRODUCTION = f"workflow = '{WORKFLOW}' AND environment = 'production'"


def tamper(registry: Registry, *statements: str) -> None:
    """Run these statements, the triggers being out of the way."""
    with registry.database.write() as connection:
        _disarm(connection)
        for statement in statements:
            connection.exec_driver_sql(statement)


def _disarm(connection: sa.Connection) -> None:
    if connection.dialect.name == "postgresql":
        for table in ("versions", "releases", "evidence"):
            connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        return
    triggers = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars()
    for name in list(triggers):
        connection.exec_driver_sql(f"DROP TRIGGER {name}")


def rebuild(registry: Registry, edit: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
    """Write production's log anew, each release edited and every hash made right again."""
    with registry.database.write() as connection:
        _disarm(connection)
        records = release_records(connection, WORKFLOW, "production")
        connection.exec_driver_sql(f"DELETE FROM releases WHERE {_PRODUCTION}")
        before = GENESIS
        for record in records:
            edited = {**edit(record), "previous_hash": before}
            before = edited["hash"] = record_hash(edited)
            connection.execute(sa.insert(releases).values(edited))


def edit_release(generation: int, change: str) -> str:
    """The statement that changes a release of production."""
    return f"UPDATE releases SET {change} WHERE {_PRODUCTION} AND generation = {generation}"


def delete_releases(condition: str) -> str:
    """The statement that deletes releases of production."""
    return f"DELETE FROM releases WHERE {_PRODUCTION} AND {condition}"


def say_delivered(generation: int) -> str:
    """The statement that changes what is on record as delivered in production."""
    return f"UPDATE deliveries SET generation = {generation} WHERE {_PRODUCTION}"


def edit_version(number: int, change: str) -> str:
    """The statement that changes a version."""
    return f"UPDATE versions SET {change} WHERE workflow = '{WORKFLOW}' AND number = {number}"


def delete_version(number: int) -> str:
    """The statement that deletes a version."""
    return f"DELETE FROM versions WHERE workflow = '{WORKFLOW}' AND number = {number}"
