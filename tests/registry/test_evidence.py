"""Evidence: what is on record about a version, appended, chained, and found again."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from agent_deploy.operations.gc import gc
from agent_deploy.operations.promote import promote
from agent_deploy.operations.verify import verify
from registry.blobs import blob_key, put_blob
from registry.catalog import lock_workflow
from registry.chain import chain_faults
from registry.database import Database
from registry.errors import BadInput, Damaged
from registry.evidence import add_evidence, evidence_records, find_subjects, list_evidence
from registry.models import Evidence, Version
from registry.registry import Registry
from tests.builders import WORKFLOW, add_version, open_registry

_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def _add(registry: Registry, version: Version, kind: str = "run", subject: str = "run-1", **more: Any) -> Evidence:
    with registry.database.write() as connection:
        lock_workflow(connection, version.workflow)
        return add_evidence(
            connection, version, kind=kind, subject=subject, body={"passed": 3}, actor="ci", at=_NOON, **more
        )


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """An empty registry."""
    return open_registry(tmp_path)


def test_records_are_numbered_per_workflow_and_each_carries_the_hash_of_the_one_before(registry: Registry) -> None:
    version, other = add_version(registry), add_version(registry, workflow="other")
    first = _add(registry, version)
    second = _add(registry, version, "approval", "ann", environment="production")
    assert _add(registry, other).number == 1
    assert second == Evidence(
        workflow=WORKFLOW, number=2, kind="approval", subject="ann", version=1, digest=version.digest,
        environment="production", body={"passed": 3}, blobs=(), actor="ci", recorded_at=_NOON,
        previous_hash=first.hash, hash=second.hash,
    )  # fmt: skip
    with registry.database.read() as connection:
        records = evidence_records(connection, WORKFLOW)
    assert list(chain_faults(records, "number", "evidence")) == []


def test_records_are_found_newest_first_by_kind_digest_environment_and_subject(registry: Registry) -> None:
    one, two = add_version(registry, 1), add_version(registry, 2)
    added = [
        _add(registry, one, "run", "run-1"),
        _add(registry, two, "run", "run-2"),
        _add(registry, two, "approval", "ann", environment="production"),
        _add(registry, two, "approval", "ann", environment="staging"),
    ]

    def found(**of: Any) -> list[int]:
        with registry.database.read() as connection:
            return [record.number for record in list_evidence(connection, WORKFLOW, **of)]

    assert found() == [4, 3, 2, 1]
    assert found(limit=1) == [4]
    assert found(kind="run") == [2, 1]
    assert found(digest=two.digest, kind="run") == [2]
    assert found(environment="staging") == [4]
    assert found(subject="run-1") == [1]
    with registry.database.read() as connection:
        assert find_subjects(connection, "run", "run-2") == [added[1]]
        assert len(find_subjects(connection, "run", "run-", WORKFLOW)) == 2
        assert find_subjects(connection, "run", "run-", "other") == []


def test_what_is_on_record_before_a_number_is_found_and_one_row_alone(registry: Registry) -> None:
    version = add_version(registry)
    added = [_add(registry, version, subject=f"run-{number}") for number in range(1, 5)]
    with registry.database.read() as connection:
        assert list_evidence(connection, WORKFLOW, before=4, limit=2) == [added[2], added[1]]
        assert [row["hash"] for row in evidence_records(connection, WORKFLOW, number=3)] == [added[2].hash]
        assert evidence_records(connection, WORKFLOW, number=5) == []


def test_the_work_to_find_a_subject_does_not_grow_with_what_else_is_on_record(registry: Registry) -> None:
    one, other = add_version(registry), add_version(registry, workflow="other")
    _add(registry, one, "run", "run-1")

    def work() -> int:
        """How many steps SQLite's virtual machine makes for it."""
        steps = 0

        def count() -> None:
            nonlocal steps
            steps += 1

        with registry.database.read() as connection:
            driver: Any = connection.connection.dbapi_connection
            driver.set_progress_handler(count, 1)
            assert [found.number for found in find_subjects(connection, "run", "run-1")] == [1]
            driver.set_progress_handler(None, 0)
        return steps

    alone = work()
    for number in range(50):
        _add(registry, other, "run", f"run-2{number}")
    assert work() == alone


def test_a_body_without_canonical_json_is_refused_and_nothing_is_recorded(registry: Registry) -> None:
    version = add_version(registry)
    with pytest.raises(BadInput), registry.database.write() as connection:
        add_evidence(connection, version, kind="run", subject="r", body={"x": 2**60}, actor="ci", at=_NOON)
    with registry.database.read() as connection:
        assert list_evidence(connection, WORKFLOW) == []


def test_blobs_of_evidence_are_verified_and_never_collected(registry: Registry) -> None:
    kept, waste = put_blob(registry.store, b"results"), put_blob(registry.store, b"waste")
    _add(registry, add_version(registry), blobs=(kept,))
    assert gc(registry).removed == (waste,)
    assert (verify(registry).faults, verify(registry).evidence) == ([], 1)
    registry.store.delete(blob_key(kept))
    assert verify(registry).faults == [
        f"{WORKFLOW}: evidence 1 (run run-1): blob {kept} is missing from {registry.store.url}"
    ]


def _sql(registry: Registry, statement: str) -> None:
    with closing(sqlite3.connect(registry.database.url.removeprefix("sqlite:///"))) as connection:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute(statement)
        connection.commit()


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE evidence SET body = '{\"passed\":4}' WHERE number = 2",
         "evidence 2 was edited: its content does not give its hash"),
        ("UPDATE evidence SET digest = 'sha256:x' WHERE number = 1",
         "evidence 1 was edited: its content does not give its hash"),
        ("DELETE FROM evidence WHERE number = 2", "evidence 2 is missing from the chain"),
    ],
)  # fmt: skip
def test_edited_or_deleted_evidence_is_named(registry: Registry, statement: str, fault: str) -> None:
    version = add_version(registry)
    for number in (1, 2, 3):
        _add(registry, version, subject=f"run-{number}")
    _sql(registry, statement)
    assert f"{WORKFLOW}: {fault}" in verify(registry).faults


def test_evidence_whose_body_is_no_json_any_more_is_told_as_edited(registry: Registry) -> None:
    _add(registry, add_version(registry))
    _sql(registry, "UPDATE evidence SET body = '{'")
    with registry.database.read() as connection, pytest.raises(Damaged, match=f"evidence 1 of {WORKFLOW} was edited"):
        list_evidence(connection, WORKFLOW)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE evidence SET actor = 'mallory'",
        "DELETE FROM evidence",
        "INSERT OR REPLACE INTO evidence SELECT * FROM evidence",
    ],
)
def test_the_database_refuses_to_change_or_delete_evidence(registry: Registry, statement: str) -> None:
    _add(registry, add_version(registry))
    with pytest.raises(sa.exc.DBAPIError, match="evidence are append-only"), registry.database.write() as connection:
        connection.exec_driver_sql(statement)


@pytest.mark.slow
@pytest.mark.parametrize("statement", ["UPDATE evidence SET actor = 'm'", "DELETE FROM evidence", "TRUNCATE evidence"])
def test_postgresql_refuses_it_too(postgres_url: str, tmp_path: Path, statement: str) -> None:
    registry = open_registry(tmp_path, database=postgres_url)
    _add(registry, add_version(registry))
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), registry.database.write() as connection:
        connection.exec_driver_sql(statement)
    registry.database.close()


def test_a_registry_of_the_first_schema_is_brought_up_to_date_with_all_that_it_holds(tmp_path: Path) -> None:
    registry = open_registry(tmp_path)
    add_version(registry)
    promote(registry, WORKFLOW, "1", "production", actor="ann", clock=lambda: _NOON + timedelta(hours=1))
    registry.database.close()
    for table in ("evidence", "tokens", "drill_leases", "drill_weeks"):
        _sql(registry, f"DROP TABLE {table}")
    _sql(registry, "ALTER TABLE releases DROP COLUMN gate")
    _sql(registry, "UPDATE alembic_version SET version_num = '0001'")
    again = Registry(Database(registry.database.url, create=False), registry.store)
    assert (verify(again).faults, verify(again).releases) == ([], 1)
    with again.database.read() as connection:
        version = list_evidence(connection, WORKFLOW)
    assert version == []
