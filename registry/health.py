"""What doctor asks of a database: its schema, its durability, the triggers that keep records, and its clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from registry.database import Database
from registry.tables import releases, versions
from registry.times import from_text

_SQLITE_WANTED = {"journal_mode": ("delete",), "synchronous": ("3",)}
_POSTGRES_WANTED = {
    "fsync": ("on",),
    "full_page_writes": ("on",),
    "synchronous_commit": ("on", "local", "remote_write", "remote_apply"),
}


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that durability hangs on: what it is, and whether that will do."""

    name: str
    value: str
    ok: bool


@dataclass(frozen=True, slots=True)
class Health:
    """schema: the revision that the tables are at. settings: those of durability. missing_triggers: by name."""

    schema: str
    settings: tuple[Setting, ...]
    missing_triggers: tuple[str, ...]


def examine(database: Database) -> Health:
    """Look at an open database. Raises Unavailable when it is away, Damaged when it cannot be read."""
    with database.read() as connection:
        schema = str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar())
        return Health(schema, tuple(_settings(connection, database)), tuple(_missing_triggers(connection, database)))


def other_clocks(database: Database) -> list[tuple[str, datetime]]:
    """What else says how late it is: the database server, and the newest records, each by name."""
    clocks: list[tuple[str, datetime]] = []
    with database.read() as connection:
        if database.is_postgres:
            clocks.append(("the database server", connection.exec_driver_sql("SELECT now()").scalar_one()))
        for what, column in (("the last release", releases.c.released_at), ("the last version", versions.c.created_at)):
            last = connection.execute(sa.select(sa.func.max(column))).scalar()
            if last:
                clocks.append((what, from_text(last)))
    return clocks


def _settings(connection: sa.Connection, database: Database) -> Iterator[Setting]:
    verb, wanted = ("SHOW", _POSTGRES_WANTED) if database.is_postgres else ("PRAGMA", _SQLITE_WANTED)
    for name, values in wanted.items():
        value = str(connection.exec_driver_sql(f"{verb} {name}").scalar())
        yield Setting(name, value, value in values)


def _missing_triggers(connection: sa.Connection, database: Database) -> Iterator[str]:
    verbs: tuple[str, ...]
    if database.is_postgres:
        query, verbs = "SELECT tgname FROM pg_trigger WHERE tgenabled <> 'D'", ("change", "truncate")
    else:
        query, verbs = "SELECT name FROM sqlite_master WHERE type = 'trigger'", ("update", "delete", "replace")
    found = set(connection.exec_driver_sql(query).scalars())
    for table in ("versions", "releases", "evidence"):
        yield from (name for verb in verbs if (name := f"{table}_no_{verb}") not in found)
