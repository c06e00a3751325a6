"""The triggers that make a table append-only, for SQLite and PostgreSQL."""

from __future__ import annotations

from alembic import op


def protect(table: str, *, same_record: str) -> None:
    """Refuse UPDATE, DELETE and their like. same_record: a query for what SQLite's INSERT OR REPLACE would write over,
    asking no DELETE trigger.
    """
    if op.get_bind().dialect.name == "postgresql":
        _protect_postgresql(table)
    else:
        _protect_sqlite(table, same_record)


def _protect_sqlite(table: str, same_record: str) -> None:
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} are append-only'); END"
        )
    op.execute(
        f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "
        f"WHEN EXISTS ({same_record}) BEGIN SELECT RAISE(ABORT, '{table} are append-only'); END"
    )


def _protect_postgresql(table: str) -> None:
    op.execute(
        f"CREATE FUNCTION {table}_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{table} are append-only'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {table}_append_only()"
    )
    op.execute(
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_append_only()"
    )
