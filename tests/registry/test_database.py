"""The database: made, migrated and durable; its records append-only; its failures told as ours."""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlmodel import SQLModel

from registry import tables as tables
from registry.catalog import add_version, add_workflow, list_workflows, version_numbered
from registry.database import SCHEMA, Database
from registry.delivery import open_delivery
from registry.errors import BadInput, Damaged, NotFound, RegistryError, Unavailable
from registry.health import Health, Setting, examine, other_clocks
from registry.migrate import newest
from registry.releases import add_release
from tests.builders import WORKFLOW, open_registry, source_of

_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def _record(database: Database) -> None:
    """One version, released."""
    packed = source_of().packed
    with database.write() as connection:
        add_workflow(connection, WORKFLOW, _NOON)
        add_version(
            connection, WORKFLOW, tag="1.0.0", digest=packed.digest, manifest=packed.manifest.decode(), note="",
            actor="ci", at=_NOON,
        )  # fmt: skip
        open_delivery(connection, WORKFLOW, "production")
        target = version_numbered(connection, WORKFLOW, 1)
        add_release(connection, None, target, "production", kind="promote", actor="ann", reason="", at=_NOON)


def _refusal(url: str, kind: type[RegistryError], *, create: bool = True) -> tuple[str, str, str]:
    with pytest.raises(kind) as refused:
        Database(url, create=create)
    return refused.value.message, refused.value.unchanged, refused.value.next_command


def test_the_migrations_make_the_very_tables_that_the_code_works_with(database: Database) -> None:
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), SQLModel.metadata) == []


def test_the_schema_that_the_code_knows_is_the_newest_there_is() -> None:
    assert newest() == SCHEMA


def test_a_database_is_healthy_once_it_is_open(database: Database) -> None:
    sqlite = (Setting("journal_mode", "delete", True), Setting("synchronous", "3", True))
    postgres = tuple(Setting(name, "on", True) for name in ("fsync", "full_page_writes", "synchronous_commit"))
    assert examine(database) == Health(SCHEMA, postgres if database.is_postgres else sqlite, ())


def test_records_and_server_say_how_late_it_is(database: Database) -> None:
    _record(database)
    records = [("the last release", _NOON), ("the last version", _NOON)]
    assert [(what, at) for what, at in other_clocks(database) if what != "the database server"] == records


@pytest.mark.parametrize("table", ["versions", "releases"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET actor = 'mallory'", "DELETE FROM {}"])
def test_records_are_append_only(database: Database, table: str, statement: str) -> None:
    _record(database)
    with (
        pytest.raises(sa.exc.DBAPIError, match=f"{table} are append-only"),
        database.write() as connection,
    ):
        connection.exec_driver_sql(statement.format(table))
    with database.read() as connection:
        actors: list[str] = list(
            connection.execute(sa.select(sa.column("actor")).select_from(sa.table(table))).scalars()
        )
    assert actors == [{"versions": "ci", "releases": "ann"}[table]]


@pytest.mark.slow
@pytest.mark.parametrize("table", ["versions", "releases"])
def test_postgresql_refuses_to_empty_a_table_of_records(postgres_url: str, table: str) -> None:
    database = Database(postgres_url)
    _record(database)
    with (
        pytest.raises(sa.exc.DBAPIError, match="are append-only"),
        database.write() as connection,
    ):
        connection.exec_driver_sql(f"TRUNCATE {table} CASCADE")
    database.close()


def test_a_generation_is_given_once(database: Database) -> None:
    _record(database)
    with database.read() as connection:
        target = version_numbered(connection, WORKFLOW, 1)
    with pytest.raises(sa.exc.IntegrityError), database.write() as connection:
        add_release(connection, None, target, "production", kind="promote", actor="bob", reason="", at=_NOON)


def test_a_block_that_fails_writes_nothing(database: Database) -> None:
    def fail_half_way() -> None:
        with database.write() as connection:
            add_workflow(connection, WORKFLOW, _NOON)
            raise KeyError("half way")

    with pytest.raises(KeyError, match="half way"):
        fail_half_way()
    with database.read() as connection:
        assert list_workflows(connection) == []


def test_opening_it_again_leaves_the_records_as_they_are(database: Database) -> None:
    _record(database)
    again = Database(database.url, create=False)
    with again.read() as connection:
        assert list_workflows(connection) == [WORKFLOW]
    again.close()


def test_a_file_that_is_missing_is_made_only_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "a b%20?" / "registry.db"
    assert _refusal(f"sqlite:///{path}", NotFound, create=False) == (
        f"there is no registry here ({path} does not exist)",
        "",
        "agent-deploy register SOURCE   # or cd to the folder that holds agent-deploy.toml",
    )
    assert not path.parent.exists()
    database = Database(f"sqlite:///{path}")
    assert path.is_file()
    assert database.name.startswith("sqlite:///")


def test_several_that_open_a_new_database_at_once_all_find_it_migrated(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(Database, [f"sqlite:///{tmp_path}/registry.db"] * 4))
    assert [examine(database).schema for database in opened] == [SCHEMA] * 4


_NO_URL = "database is not a URL: sqlite:///path/registry.db or postgresql://user@host:port/name"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://host/name", "database 'mysql' is not known: sqlite:///path/registry.db or postgresql://…"),
        ("registry.db", _NO_URL),
        ("postgresql://ann:hunter2@host:port/name", _NO_URL),
        ("postgresql://ann:hunter2@[::1/name", _NO_URL),
        ("sqlite:///", "database 'sqlite://' names no file: sqlite:///path/registry.db"),
        ("sqlite://", "database 'sqlite' is not known: sqlite:///path/registry.db or postgresql://…"),
    ],
)
def test_a_url_of_no_kind_that_we_know_is_refused(url: str, message: str) -> None:
    assert _refusal(url, BadInput) == (message, "", "")


def test_a_database_of_a_newer_agent_deploy_is_left_alone(database: Database) -> None:
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    assert _refusal(database.url, Unavailable) == (
        f"the database {database.name} is of schema 9999; this agent-deploy knows {SCHEMA}",
        "Nothing was changed.",
        "pip install --upgrade agent-deploy",
    )


def test_a_file_that_is_no_database_is_damage(tmp_path: Path) -> None:
    (tmp_path / "registry.db").write_bytes(b"this is no database, " * 100)
    assert _refusal(f"sqlite:///{tmp_path}/registry.db", Damaged) == (
        f"the database sqlite:///{tmp_path}/registry.db cannot be read: file is not a database",
        "Nothing was recorded. Readers go on serving what they serve.",
        "restore the database from a backup   # see docs/operations.md",
    )


def test_a_folder_in_the_files_place_is_unavailable(tmp_path: Path) -> None:
    assert _refusal(f"sqlite:///{tmp_path}", Unavailable) == (
        f"the database sqlite:///{tmp_path} failed: unable to open database file",
        "Nothing was recorded.",
        "agent-deploy doctor",
    )


def test_a_file_in_the_folders_place_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    message, _, _ = _refusal(f"sqlite:///{tmp_path}/state/registry.db", Unavailable)
    assert message == f"cannot make {tmp_path}/state: File exists"


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A loopback port that refuses connections: bound, and not listened on."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])


def test_a_server_that_does_not_answer_is_named_without_its_password(closed_port: int) -> None:
    url = f"postgresql://ann:hunter2@127.0.0.1:{closed_port}/registry"
    message, unchanged, next_command = _refusal(url, Unavailable)
    assert message.startswith(f"the database postgresql://ann:***@127.0.0.1:{closed_port}/registry")
    assert "hunter2" not in message
    assert "Connection refused" in message
    assert "\n" not in message
    assert (unchanged, next_command) == ("Nothing was recorded.", "agent-deploy doctor")


@pytest.mark.slow
def test_a_right_that_is_missing_is_told_in_the_servers_own_words(postgres_url: str) -> None:
    _record(Database(postgres_url))
    base, _, name = postgres_url.rpartition("/")
    role = f"{name}_reader"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN")
        connection.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
    try:
        database = Database(f"{base.replace('postgres@', f'{role}@')}/{name}")
        with pytest.raises(Unavailable) as refused, database.write() as connection_:
            add_workflow(connection_, "other", _NOON)
        assert refused.value.message == f"the database {database.name} refused: permission denied for table workflows"
        database.close()
    finally:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(f"DROP OWNED BY {role}")
            connection.execute(f"DROP ROLE {role}")


def test_a_connection_option_that_there_is_none_of_is_told_on_one_line() -> None:
    message, _, _ = _refusal("postgresql://ann@127.0.0.1/registry?bogus=1", Unavailable)
    assert message.endswith(' refused: invalid connection option "bogus"')


def test_what_others_lost_durability_for_is_set_right_on_every_connection(tmp_path: Path) -> None:
    database = open_registry(tmp_path).database
    database.close()
    path = database.url.removeprefix("sqlite:///")
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    assert all(setting.ok for setting in examine(Database(database.url)).settings)


def test_triggers_that_are_gone_are_named(tmp_path: Path) -> None:
    database = open_registry(tmp_path).database
    with database.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER releases_no_delete")
        connection.exec_driver_sql("DROP TRIGGER versions_no_update")
    assert examine(database).missing_triggers == ("versions_no_update", "releases_no_delete")
