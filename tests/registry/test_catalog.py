"""Versions on record: added once, found by every kind of ref, and chained."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from registry.blobs import digest_of
from registry.catalog import (
    add_version,
    add_workflow,
    check_workflow_exists,
    find_version,
    list_versions,
    list_workflows,
    newest_version,
    referenced_digests,
    version_by_digest,
    version_numbered,
    version_records,
)
from registry.chain import chain_faults, record_hash
from registry.database import Database
from registry.errors import BadInput, Damaged, NotFound, RegistryError
from registry.models import Version
from registry.refs import parse_ref
from tests.builders import WORKFLOW, source_of

_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def _add(database: Database, *tags: str, workflow: str = WORKFLOW, digest: str = "", note: str = "") -> list[Version]:
    """Versions with these tags, one after the other, each of other content."""
    added = []
    for tag in tags:
        packed = source_of(f"{workflow} {tag}", workflow).packed
        with database.write() as connection:
            add_workflow(connection, workflow, _NOON)
            added.append(
                add_version(
                    connection, workflow, tag=tag, digest=digest or packed.digest,
                    manifest=packed.manifest.decode(), note=note, actor="ci", at=_NOON,
                )
            )  # fmt: skip
    return added


def _refused(database: Database, ask: Callable[[sa.Connection], Any], kind: type[RegistryError]) -> tuple[str, str]:
    with database.read() as connection, pytest.raises(kind) as refused:
        ask(connection)
    return refused.value.message, refused.value.next_command


def test_versions_count_from_one_and_each_carries_the_hash_of_the_one_before(database: Database) -> None:
    first, second = _add(database, "1.0.0", "1.1.0", note="hello")
    packed = source_of(f"{WORKFLOW} 1.1.0").packed
    expected = Version(
        workflow=WORKFLOW, number=2, tag="1.1.0", digest=packed.digest, manifest=packed.manifest.decode(),
        note="hello", actor="ci", created_at=_NOON, previous_hash=first.hash, hash=second.hash,
    )  # fmt: skip
    assert second == expected
    assert (first.number, first.previous_hash, first.ref) == (1, "", f"{WORKFLOW}@1")
    with database.read() as connection:
        assert list_versions(connection, WORKFLOW) == [second, first]
        assert newest_version(connection, WORKFLOW) == second
        assert newest_version(connection, "other") is None


def test_records_are_given_as_stored_so_that_their_hashes_can_be_computed_again(database: Database) -> None:
    _add(database, "1.0.0", "1.0.1", "1.0.2")
    with database.read() as connection:
        records = version_records(connection, WORKFLOW)
    assert [record["hash"] for record in records] == [record_hash(record) for record in records]
    assert list(chain_faults(records, "number", "version")) == []
    assert [record["created_at"] for record in records] == ["2026-11-23T12:00:00.000000Z"] * 3


def test_each_workflow_counts_for_itself(database: Database) -> None:
    _add(database, "1.0.0", "1.0.1", workflow="b")
    _add(database, "1.0.0", workflow="a")
    with database.read() as connection:
        assert list_workflows(connection) == ["a", "b"]
        assert [version.ref for version in list_versions(connection, "b")] == ["b@2", "b@1"]
        assert [version.ref for version in list_versions(connection, "a")] == ["a@1"]


def test_a_version_is_found_by_number_tag_digest_and_digest_prefix(database: Database) -> None:
    first, second = _add(database, "1.0.0", "1.1.0-rc.1+build.7")
    _add(database, "1.0.0", workflow="other")
    with database.read() as connection:
        for ref in ("2", "1.1.0-rc.1+build.7", second.digest, second.digest[: len("sha256:") + 8]):
            assert find_version(connection, parse_ref(ref, WORKFLOW)) == second
        assert find_version(connection, parse_ref("0000000001", WORKFLOW)) == first
        assert version_by_digest(connection, WORKFLOW, first.digest) == first
        assert version_by_digest(connection, WORKFLOW, "sha256:" + "0" * 64) is None
        assert version_numbered(connection, WORKFLOW, 1) == first


def test_a_digest_prefix_that_fits_two_versions_is_refused(database: Database) -> None:
    for tag, digit in (("1.0.0", "a"), ("1.0.1", "b"), ("1.0.2", "f")):
        _add(database, tag, digest="sha256:" + "0" * 62 + "f" + digit)
    _add(database, "1.0.3", digest="sha256:" + "0" * 8 + "1" + "0" * 55)
    zeros = f"{WORKFLOW}@sha256:{'0' * 62}f"
    assert _refused(database, lambda connection: find_version(connection, parse_ref(zeros)), BadInput) == (
        f"{zeros} fits more than one version (1 and 2): give more digits",
        "",
    )
    with database.read() as connection:
        assert find_version(connection, parse_ref(f"{zeros}f")).number == 3
        assert find_version(connection, parse_ref(f"{WORKFLOW}@sha256:{'0' * 8}1")).number == 4


@pytest.mark.parametrize("value", ["3", "0", "999999999999999999", "9.9.9", "sha256:00000000"])
def test_a_version_that_is_not_there_is_told_with_the_newest_that_is(database: Database, value: str) -> None:
    _add(database, "1.0.0", "1.1.0")
    ref = parse_ref(value, WORKFLOW)
    assert _refused(database, lambda connection: find_version(connection, ref), NotFound) == (
        f"{WORKFLOW} has no version {value}; its newest is 2 (1.1.0)",
        f"agent-deploy list {WORKFLOW}",
    )


def test_a_workflow_that_is_not_there_is_told_with_the_nearest_that_is(database: Database) -> None:
    _add(database, "1.0.0")
    told = (f"there is no workflow 'support-traige'; did you mean '{WORKFLOW}'?", "agent-deploy list")
    ref = parse_ref("support-traige@1")
    assert _refused(database, lambda connection: find_version(connection, ref), NotFound) == told
    assert _refused(database, lambda connection: check_workflow_exists(connection, "support-traige"), NotFound) == told
    with database.read() as connection:
        check_workflow_exists(connection, WORKFLOW)


def test_every_blob_that_some_version_needs_is_referenced(database: Database) -> None:
    _add(database, "1.0.0", "1.0.1")
    _add(database, "1.0.0", workflow="other")
    sources = [source_of(f"{WORKFLOW} 1.0.0"), source_of(f"{WORKFLOW} 1.0.1"), source_of("other 1.0.0", "other")]
    blobs = [blob for source in sources for blob in (source.packed.manifest, *source.packed.blobs)]
    with database.read() as connection:
        assert referenced_digests(connection) == set(map(digest_of, blobs))


def test_what_a_manifest_needs_is_not_guessed_when_it_is_damaged(database: Database) -> None:
    _add(database, "1.0.0", digest="sha256:" + "0" * 64)
    message, _ = _refused(database, referenced_digests, Damaged)
    assert message.startswith(f"manifest sha256:{'0' * 64} holds other bytes (sha256:")


@pytest.mark.parametrize(("tag", "digest"), [("1.0.0", "sha256:" + "0" * 64), ("1.0.1", "")])
def test_a_tag_or_digest_is_given_once(database: Database, tag: str, digest: str) -> None:
    (first,) = _add(database, "1.0.0")
    with pytest.raises(sa.exc.IntegrityError):
        _add(database, tag, digest=digest or first.digest)
    with database.read() as connection:
        assert list_versions(connection, WORKFLOW) == [first]
