"""doctor: proves, against the live database and store, what everything else relies on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from agent_deploy.config import Config
from agent_deploy.errors import ControlPlaneError
from registry.database import SCHEMA, Database
from registry.errors import RegistryError
from registry.health import examine, other_clocks
from registry.stores import open_store
from registry.stores.probe import probe
from registry.times import now

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
        health = examine(database)
    except RegistryError as error:
        yield Check("database readable", False, error.message)
        return
    yield Check("database migrated", health.schema == SCHEMA, f"schema {health.schema}")
    bad = [setting for setting in health.settings if not setting.ok]
    told = ", ".join(f"{setting.name}={setting.value}" for setting in bad or health.settings)
    yield Check("database durable", not bad, told)
    missing = ", ".join(health.missing_triggers)
    yield Check("records append-only", not missing, f"no trigger {missing}" if missing else "triggers in place")


def _clock_check(database: Database | None, at: datetime) -> Check:
    if at < _BUILT:
        return Check("clock", False, f"this machine says it is {at:%Y-%m-%d}, before this version was made")
    try:
        for what, other in other_clocks(database) if database else ():
            if at < other - _SKEW:
                behind = (other - at).total_seconds()
                return Check("clock", False, f"this machine is {behind:.0f} s behind {what}")
    except (RegistryError, ValueError) as error:
        return Check("clock", False, str(error))
    return Check("clock", True, f"{at:%Y-%m-%d %H:%M:%S} UTC")


def _store_checks(url: str) -> Iterator[Check]:
    try:
        for result in probe(open_store(url)):
            yield Check(f"store: {result.name}", result.ok, result.detail)
    except RegistryError as error:
        yield Check("store reachable", False, error.message)
