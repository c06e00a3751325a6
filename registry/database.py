"""The database: SQLite or PostgreSQL by URL, opened, migrated and durable, with its failures told as ours."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError, SQLAlchemyError

from registry.errors import BadInput, CommitUnknown, Damaged, NotFound, Unavailable

Connection = sa.Connection  # so that whoever hands one on need not import SQLAlchemy

SCHEMA = "0004"  # the newest revision in migrations/versions
BUSY_TIMEOUT_S = 60
_NOT_ALLOWED = (None, "42501")  # a connection option that there is none of; a right that this user lacks


class Database:
    """One database. `read()` gives a consistent view, `write()` the only writer of what it locks."""

    def __init__(self, url: str, *, create: bool = True) -> None:
        """url: `sqlite:///path` or `postgresql://…`.

        A missing SQLite file is made with `create`, else raises NotFound. Tables are made or brought up to date.
        Raises Unavailable when the database cannot be reached, BadInput when the URL is of no kind we know.
        """
        self.url = url
        self._engine = _engine(url, create=create)
        self.is_postgres = self._engine.dialect.name == "postgresql"
        self._bring_up_to_date()

    @property
    def name(self) -> str:
        """How messages name the database: the URL without its password, and without its query, which may hold one."""
        return (
            self._engine.url.set(query={})
            .render_as_string(hide_password=True)
            .replace("postgresql+psycopg", "postgresql")
        )

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection that sees one moment of the database."""
        options = {"isolation_level": "REPEATABLE READ"} if self.is_postgres else {}
        with self._reported(), self._engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction, committed when the block ends well.

        Raises CommitUnknown when the database went away during the commit itself: what was written may or may not be
        there, and only a later look can tell.
        """
        with self._reported(), self._engine.connect().execution_options(agent_deploy_write=True) as connection:
            transaction = connection.begin()
            try:
                if self.is_postgres:
                    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{BUSY_TIMEOUT_S}s'")
                    connection.exec_driver_sql(f"SET LOCAL idle_in_transaction_session_timeout = '{BUSY_TIMEOUT_S}s'")
                yield connection
            except BaseException:
                _roll_back(transaction)
                raise
            self._commit(transaction)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def _commit(self, transaction: sa.RootTransaction) -> None:
        try:
            transaction.commit()
        except OperationalError as error:
            if self.is_postgres:
                raise CommitUnknown(
                    f"the database went away while committing ({reason(error)}): "
                    "whether the change was recorded is not known"
                ) from error
            _roll_back(transaction)
            raise

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except OperationalError as error:
            raise Unavailable(
                f"the database {self.name} failed: {reason(error)}",
                unchanged="Nothing was recorded.",
                next_command="agent-deploy doctor",
            ) from error
        except DBAPIError as error:
            if type(error) is DatabaseError:
                raise Damaged(
                    f"the database {self.name} cannot be read: {reason(error)}",
                    unchanged="Nothing was recorded. Readers go on serving what they serve.",
                    next_command="restore the database from a backup   # see docs/operations.md",
                ) from error
            if error.connection_invalidated:
                raise Unavailable(
                    f"the database {self.name} went away: {reason(error)}", next_command="agent-deploy doctor"
                ) from error
            if self.is_postgres and getattr(error.orig, "sqlstate", "") in _NOT_ALLOWED:
                raise Unavailable(
                    f"the database {self.name} refused: {reason(error)}",
                    unchanged="Nothing was recorded.",
                    next_command="agent-deploy doctor",
                ) from error
            raise

    def _bring_up_to_date(self) -> None:
        found = self._schema()
        if found == SCHEMA:
            return
        if found is not None and found > SCHEMA:
            raise Unavailable(
                f"the database {self.name} is of schema {found}; this agent-deploy knows {SCHEMA}",
                unchanged="Nothing was changed.",
                next_command="pip install --upgrade agent-deploy",
            )
        from registry.migrate import upgrade

        with self.write() as connection:
            if self.is_postgres:
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7265676973747279)")
            upgrade(connection)

    def _schema(self) -> str | None:
        with self._reported(), self._engine.connect() as connection:
            try:
                return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
            except DBAPIError as error:
                if _is_missing_table(error):
                    return None
                raise


def reason(error: DBAPIError) -> str:
    """The driver's own words, on one line."""
    return " ".join(str(error.orig).split())


def _is_missing_table(error: DBAPIError) -> bool:
    undefined_table = getattr(error.orig, "sqlstate", None) == "42P01"
    return undefined_table or getattr(error.orig, "sqlite_errorname", None) == "SQLITE_ERROR"


def _roll_back(transaction: sa.RootTransaction) -> None:
    try:
        transaction.rollback()
    except SQLAlchemyError:  # the connection is gone, and with it the transaction; the first error is the one to tell
        return


def _engine(url: str, *, create: bool) -> sa.Engine:
    if url.startswith("sqlite:///"):  # taken as it is: a path may hold what a URL would have to escape
        return _sqlite_engine(sa.URL.create("sqlite", database=url.removeprefix("sqlite:///")), create=create)
    try:
        parsed = sa.make_url(url)
    except (SQLAlchemyError, ValueError) as error:  # the URL itself may hold a password
        raise BadInput(
            "database is not a URL: sqlite:///path/registry.db or postgresql://user@host:port/name"
        ) from error
    if parsed.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        return _postgres_engine(parsed.set(drivername="postgresql+psycopg"))
    raise BadInput(f"database {parsed.drivername!r} is not known: sqlite:///path/registry.db or postgresql://…")


def _sqlite_engine(url: sa.URL, *, create: bool) -> sa.Engine:
    path = Path(url.database or "")
    if not path.name:
        raise BadInput("database 'sqlite://' names no file: sqlite:///path/registry.db")
    if not path.exists():
        if not create:
            raise NotFound(
                f"there is no registry here ({path} does not exist)",
                next_command="agent-deploy register SOURCE   # or cd to the folder that holds agent-deploy.toml",
            )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Unavailable(f"cannot make {path.parent}: {error.strerror}") from error
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_S})
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions are ours to begin
    for pragma in ("foreign_keys=ON", "journal_mode=DELETE", "synchronous=EXTRA"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("agent_deploy_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _postgres_engine(url: sa.URL) -> sa.Engine:
    if "connect_timeout" not in url.query and "PGCONNECT_TIMEOUT" not in os.environ:
        url = url.update_query_dict({"connect_timeout": "10"})
    try:
        return sa.create_engine(url, pool_size=2, pool_pre_ping=False)
    except ModuleNotFoundError as error:
        raise Unavailable(
            "PostgreSQL needs psycopg, which is not installed", next_command='pip install "agent-deploy[postgres]"'
        ) from error
