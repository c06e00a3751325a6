"""doctor: proves, against the live database and store, what everything else relies on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from agent_deploy.config import Config
from agent_deploy.errors import ControlPlaneError
from registry.database import SCHEMA, Database
from registry.errors import RegistryError
from registry.stores import open_store
from registry.stores.probe import probe
from registry.tables import releases, versions
from registry.times import from_text, now

_SKEW = timedelta(seconds=5)
_BUILT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that has to hold, whether it does, and what was seen."""

    name: str
    ok: bool
    detail: str


def doctor(load: Callable[[], Config], *, clock: Callable[[], datetime] = now) -> list[Check]:
    """Every check, the failed ones among them; nothing is raised for what a check is there to find.

    load: gives the settings; settings that are no good are a failed check, after which there is nothing to look at.
    """
    try:
        config = load()
    except ControlPlaneError as error:
        return [Check("config", False, error.message)]
    checks = [Check("config", True, str(config.file) if config.file else "no agent-deploy.toml, defaults in force")]
    try:
        database = Database(config.database, create=True)
    except RegistryError as error:
        checks.append(Check("database reachable", False, error.message))
        database = None
    if database:
        checks.append(Check("database reachable", True, database.name))
        checks.extend(_database_checks(database))
    checks.append(_clock_check(database, clock()))
    checks.extend(_store_checks(config.store))
    return checks


def _database_checks(database: Database) -> Iterator[Check]:
    try:
        with database.read() as connection:
            found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
            yield Check("database migrated", found == SCHEMA, f"schema {found}")
            settings = _postgres_durability(connection) if database.is_postgres else _sqlite_durability(connection)
            bad = [f"{name}={value}" for name, value, wanted in settings if value not in wanted]
            seen = ", ".join(f"{name}={value}" for name, value, _ in settings)
            yield Check("database durable", not bad, ", ".join(bad) or seen)
            missing = _missing_triggers(connection, postgres=database.is_postgres)
            yield Check(
                "records append-only",
                not missing,
                f"no trigger {', '.join(missing)}" if missing else "triggers in place",
            )
    except RegistryError as error:
        yield Check("database readable", False, error.message)


def _sqlite_durability(connection: sa.Connection) -> list[tuple[str, str, tuple[str, ...]]]:
    wanted = {"journal_mode": ("delete",), "synchronous": ("3",)}
    return [(name, str(connection.exec_driver_sql(f"PRAGMA {name}").scalar()), ok) for name, ok in wanted.items()]


def _postgres_durability(connection: sa.Connection) -> list[tuple[str, str, tuple[str, ...]]]:
    wanted = {
        "fsync": ("on",),
        "full_page_writes": ("on",),
        "synchronous_commit": ("on", "local", "remote_write", "remote_apply"),
    }
    return [(name, str(connection.exec_driver_sql(f"SHOW {name}").scalar()), ok) for name, ok in wanted.items()]


def _missing_triggers(connection: sa.Connection, *, postgres: bool) -> list[str]:
    if postgres:
        query, verbs = "SELECT tgname FROM pg_trigger WHERE tgenabled <> 'D'", ("change", "truncate")
    else:
        query, verbs = "SELECT name FROM sqlite_master WHERE type = 'trigger'", ("update", "delete")
    found = set(connection.exec_driver_sql(query).scalars())
    return [name for table in ("versions", "releases") for verb in verbs if (name := f"{table}_no_{verb}") not in found]


def _clock_check(database: Database | None, at: datetime) -> Check:
    if at < _BUILT:
        return Check("clock", False, f"this machine says it is {at:%Y-%m-%d}, before this version was made")
    try:
        for what, other in _other_clocks(database) if database else ():
            if at < other - _SKEW:
                behind = (other - at).total_seconds()
                return Check("clock", False, f"this machine is {behind:.0f} s behind {what}")
    except RegistryError as error:
        return Check("clock", False, error.message)
    return Check("clock", True, f"{at:%Y-%m-%d %H:%M:%S} UTC")


def _other_clocks(database: Database) -> Iterator[tuple[str, datetime]]:
    with database.read() as connection:
        if database.is_postgres:
            yield "the database server", connection.exec_driver_sql("SELECT now()").scalar_one()
        for what, column in (("the last release", releases.c.released_at), ("the last version", versions.c.created_at)):
            last = connection.execute(sa.select(sa.func.max(column))).scalar()
            if last:
                yield what, from_text(last)


def _store_checks(url: str) -> Iterator[Check]:
    try:
        for result in probe(open_store(url)):
            yield Check(f"store: {result.name}", result.ok, result.detail)
    except RegistryError as error:
        yield Check("store reachable", False, error.message)
