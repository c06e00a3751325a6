"""Nobody changes what is on record unseen: triggers refuse it, and where they were removed, `verify` finds it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from registry.pointers import encode, pointer_key, pointer_of
from registry.registry import Registry
from registry.releases import find_head
from tests.builders import WORKFLOW, add_version, open_registry
from tests.commands import call
from tests.faults.states import look
from tests.faults.tampering import (
    delete_releases,
    delete_version,
    edit_release,
    edit_version,
    rebuild,
    say_delivered,
    tamper,
)

PLACE = f"{WORKFLOW} in production"
POINTER = pointer_key("production", WORKFLOW)
HEAD = 4

# For what is done to the store, in which the database has no part.
once = pytest.mark.parametrize("registry", ["sqlite"], indirect=True)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Registry]:
    """Four versions, of which 1, 2 and 3 were promoted and 3 was rolled back from; one promoted in staging."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    registry = open_registry(tmp_path, url)
    for number in range(1, 5):
        add_version(registry, number)
    for number in range(1, 4):
        assert call(registry, "promote", WORKFLOW, "--version", str(number)).code == 0
    assert call(registry, "rollback", WORKFLOW).code == 0
    assert call(registry, "promote", WORKFLOW, "--version", "1", "--env", "staging").code == 0
    yield registry
    registry.database.close()


def _faults(registry: Registry, *words: str) -> list[str]:
    """What `verify` finds; that it finds something, says so and exits 7."""
    answer = call(registry, "verify", *words, "--json")
    assert (answer.code, answer.document["ok"]) == (7, False)
    assert f"error: {len(answer.document['damaged'])} fault" in answer.err
    assert "Nothing was changed." in answer.err
    assert "next: " in answer.err
    faults: list[str] = answer.document["damaged"]
    return faults


def _hash_of(registry: Registry, generation: int) -> str:
    releases = call(registry, "history", WORKFLOW, "--env", "production", "--json").document["releases"]
    return next(str(release["hash"]) for release in releases if release["generation"] == generation)


def _write_pointer(registry: Registry, data: bytes, key: str = POINTER) -> None:
    registry.store.replace(key, data, expect=None)


def _pointer(registry: Registry) -> bytes:
    stored = registry.store.get(POINTER)
    assert stored
    return stored.data


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE versions SET note = 'other'",
        "UPDATE releases SET reason = 'other'",
        "DELETE FROM versions WHERE number = 4",
        "DELETE FROM releases",
    ],
)
def test_the_database_refuses_to_change_or_delete_a_record(registry: Registry, statement: str) -> None:
    with pytest.raises(sa.exc.DBAPIError, match="are append-only"), registry.database.write() as connection:
        connection.exec_driver_sql(statement)
    assert look(registry).settled


@pytest.mark.parametrize(
    ("sqlite", "postgresql"),
    [
        ("INSERT OR REPLACE INTO versions SELECT * FROM versions", "TRUNCATE versions CASCADE"),
        ("INSERT OR REPLACE INTO releases SELECT * FROM releases", "TRUNCATE releases"),
    ],
)
def test_the_database_refuses_to_go_round_its_refusal(registry: Registry, sqlite: str, postgresql: str) -> None:
    statement = postgresql if registry.database.is_postgres else sqlite
    with pytest.raises(sa.exc.DBAPIError, match="are append-only"), registry.database.write() as connection:
        connection.exec_driver_sql(statement)
    assert look(registry).settled


@pytest.mark.parametrize(
    ("statements", "fault"),
    [
        ([edit_release(2, "reason = 'other'")], "generation 2 was edited: its content does not give its hash"),
        ([edit_release(HEAD, "actor = 'other'")], f"generation {HEAD} was edited: its content does not give its hash"),
        ([edit_release(2, "hash = 'sha256:0'")], "generation 3 does not follow generation 2: the one before was"),
        ([edit_release(2, "released_at = 'soon'")], "generation 2 was edited: its content does not give its hash"),
        ([delete_releases("generation = 2")], "generation 2 is missing from the chain"),
        ([delete_releases("generation < 3")], "generation 1 to 2 is missing from the chain"),
        ([delete_releases("generation = 4")], "generation 4 was delivered, but the log ends at 3: cut off"),
        (
            [delete_releases("generation = 4"), say_delivered(3)],
            f"{POINTER} is at generation 4, which the log does not have: its tail was cut off",
        ),
        ([delete_releases("generation > 0")], "generation 4 was delivered, but the log ends at 0: cut off"),
    ],
)
def test_verify_names_a_release_that_was_edited_deleted_or_cut_off(
    registry: Registry, statements: list[str], fault: str
) -> None:
    tamper(registry, *statements)
    assert any(found.startswith(f"{PLACE}: {fault}") for found in _faults(registry))


@pytest.mark.parametrize(
    ("statements", "fault"),
    [
        ([edit_version(2, "note = 'other'")], "version 2 was edited: its content does not give its hash"),
        ([edit_version(4, "digest = 'sha256:0'")], "version 4 was edited: its content does not give its hash"),
        ([edit_version(2, "hash = 'sha256:0'")], "version 3 does not follow version 2: the one before was"),
        ([delete_releases("version = 3"), delete_version(3)], "version 3 is missing from the chain"),
    ],
)
def test_verify_names_a_version_that_was_edited_or_deleted(
    registry: Registry, statements: list[str], fault: str
) -> None:
    tamper(registry, *statements)
    assert any(found.startswith(f"{WORKFLOW}: {fault}") for found in _faults(registry))


def test_verify_finds_a_log_of_which_nothing_is_left_by_the_pointer_that_is(registry: Registry) -> None:
    tamper(registry, delete_releases("generation > 0"), "DELETE FROM deliveries WHERE environment = 'production'")
    (fault,) = _faults(registry)
    assert fault.startswith(f"{PLACE}: {POINTER} is at generation 4, which the log does not have")


def test_verify_finds_a_log_written_anew_by_the_pointer_which_remembers_the_old_one(registry: Registry) -> None:
    rebuild(registry, lambda record: {**record, "actor": "somebody else"})
    (fault,) = _faults(registry, WORKFLOW)
    assert fault == f"{PLACE}: {POINTER} and the log tell generation 4 differently: one of them was rebuilt"


def test_a_log_and_pointer_written_anew_are_found_by_a_head_written_down_elsewhere(registry: Registry) -> None:
    head = _hash_of(registry, HEAD)
    rebuild(registry, lambda record: {**record, "actor": "somebody else"})
    with registry.database.read() as connection:
        rebuilt = find_head(connection, WORKFLOW, "production")
    assert rebuilt
    _write_pointer(registry, encode(pointer_of(rebuilt)))
    assert call(registry, "verify").code == 0
    (fault,) = _faults(registry, "--expect-head", head)
    assert fault.startswith(f"no chain holds {head}: a tail was cut off or rebuilt")


def test_a_version_cut_off_that_was_never_live_is_found_by_a_hash_written_down_elsewhere(registry: Registry) -> None:
    newest = call(registry, "list", WORKFLOW, "--json").document["versions"][0]
    with registry.database.read() as connection:
        query = sa.text("SELECT hash FROM versions WHERE workflow = :workflow AND number = 4")
        known = str(connection.execute(query, {"workflow": WORKFLOW}).scalar_one())
    assert newest["version"] == 4
    assert "version 4" in call(registry, "verify", "--expect-head", known).out
    tamper(registry, delete_version(4))
    assert call(registry, "verify").code == 0
    assert _faults(registry, "--expect-head", known)


@pytest.mark.parametrize("generation", range(1, HEAD + 1))
def test_a_head_still_in_the_chain_is_found_with_how_many_releases_came_since(
    registry: Registry, generation: int
) -> None:
    known = _hash_of(registry, generation)
    answer = call(registry, "verify", WORKFLOW, "--expect-head", known)
    assert answer.code == 0
    assert f"generation {generation} of {PLACE}; {HEAD - generation} since" in answer.out


def _edited(**changes: Any) -> Callable[[bytes], bytes]:
    return lambda data: json.dumps(json.loads(data) | changes).encode()


@once
@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (lambda data: data[: len(data) // 2], "is not a whole pointer"),
        (lambda _: b"", "is not a whole pointer"),
        (_edited(version=1), "and the log tell generation 4 differently"),
        (_edited(tag="9.9.9"), "and the log tell generation 4 differently"),
        (_edited(kind="promote"), "and the log tell generation 4 differently"),
        (_edited(digest="sha256:" + "0" * 64), "and the log tell generation 4 differently"),
        (_edited(hash="sha256:" + "0" * 64), "and the log tell generation 4 differently"),
        (_edited(released_at="2026-01-01T00:00:00Z"), "and the log tell generation 4 differently"),
        (_edited(generation=9), "is at generation 9, which the log does not have"),
        (_edited(generation=3), "is at generation 3, though 4 was delivered"),
        (_edited(environment="staging"), f"is the pointer of {WORKFLOW} in staging"),
        (_edited(workflow="another"), "is the pointer of another in production"),
    ],
)
def test_verify_names_a_pointer_that_was_edited_and_deliver_all_mends_it(
    registry: Registry, damage: Callable[[bytes], bytes], fault: str
) -> None:
    _write_pointer(registry, damage(_pointer(registry)))
    faults = _faults(registry)
    assert all(found.startswith(f"{PLACE}: {POINTER}") for found in faults)
    assert any(fault in found for found in faults)
    if "generation 9" not in fault:  # one that is ahead is left alone: readers would never come back from it
        assert call(registry, "deliver", "--all").code == 0
        assert look(registry).settled


@once
def test_verify_names_the_pointer_of_another_environment_put_in_its_place(registry: Registry) -> None:
    _write_pointer(registry, _pointer(registry), pointer_key("staging", WORKFLOW))
    (fault,) = _faults(registry)
    assert fault.startswith(f"{WORKFLOW} in staging: live/staging/{WORKFLOW}.json ")


@once
def test_verify_names_a_missing_pointer_and_deliver_all_mends_it(registry: Registry) -> None:
    registry.store.delete(POINTER)
    (fault,) = _faults(registry)
    assert fault == f"{PLACE}: {POINTER} is missing from {registry.store.url}, though generation 4 was delivered"
    assert call(registry, "deliver", "--all").code == 0
    assert look(registry).settled


@once
def test_a_pointer_ahead_of_the_log_stops_moves_from_being_told_as_delivered(registry: Registry) -> None:
    _write_pointer(registry, _edited(generation=9)(_pointer(registry)))
    answer = call(registry, "promote", WORKFLOW, "--version", "4", "--json")
    assert (answer.code, answer.document["delivered"]) == (6, False)
    assert "is ahead of the database's head, generation 5" in answer.err


@once
@pytest.mark.parametrize("damaged", [True, False])
def test_verify_names_a_blob_that_is_damaged_or_missing_and_the_version_that_needs_it(
    registry: Registry, damaged: bool
) -> None:
    digest = look(registry).versions[2]
    key = f"blobs/sha256/{digest.removeprefix('sha256:')}"
    if damaged:
        _write_pointer(registry, b"other bytes", key)
    else:
        registry.store.delete(key)
    (fault,) = _faults(registry)
    assert fault.startswith(f"{WORKFLOW}@3: blob {digest} ")
