"""Releases on record: the head, the history, what is on hold, and where a rollback goes back to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from registry.catalog import add_version, add_workflow, version_numbered
from registry.chain import chain_faults, record_hash
from registry.database import Database
from registry.delivery import delivered_generation, find_undelivered, open_delivery
from registry.errors import Damaged, NotFound, RegistryError
from registry.models import Kind, Release
from registry.refs import parse_ref
from registry.releases import (
    add_release,
    environments_of,
    find_head,
    find_heads,
    find_live,
    find_previous_version,
    find_release,
    find_settled,
    is_on_hold,
    last_with_version,
    list_releases,
    release_records,
    versions_live_in,
)
from tests.builders import WORKFLOW, source_of

_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
_KINDS: dict[str, Kind] = {"p": "promote", "r": "rollback", "s": "restore", "d": "rollback"}


def _register(database: Database, count: int = 3, workflow: str = WORKFLOW) -> None:
    with database.write() as connection:
        add_workflow(connection, workflow, _NOON)
        for number in range(1, count + 1):
            packed = source_of(f"{workflow} {number}", workflow).packed
            manifest = packed.manifest.decode()
            add_version(
                connection, workflow, tag=f"1.0.{number}", digest=packed.digest, manifest=manifest, note="",
                actor="ci", at=_NOON,
            )  # fmt: skip


def _play(database: Database, words: str, environment: str = "production", workflow: str = WORKFLOW) -> list[Release]:
    """Append releases, a minute apart: `p3` promotes version 3, `r2` rolls back to 2, `s3` restores 3, `d2` is the
    rollback of a drill.
    """
    played: list[Release] = []
    for word in words.split():
        with database.write() as connection:
            head = find_head(connection, workflow, environment)
            open_delivery(connection, workflow, environment)
            played.append(
                add_release(
                    connection, head, version_numbered(connection, workflow, int(word[1:])), environment,
                    kind=_KINDS[word[0]], actor="ann", reason=word, at=_NOON + timedelta(minutes=len(played)),
                    revert_to=head.version if head and word[0] == "d" else None,
                    revert_at=_NOON + timedelta(hours=1) if word[0] == "d" else None,
                )
            )  # fmt: skip
    return played


def _refused(database: Database, ask: Callable[[sa.Connection], Any], kind: type[RegistryError]) -> tuple[str, str]:
    with database.read() as connection, pytest.raises(kind) as refused:
        ask(connection)
    return refused.value.message, refused.value.next_command


def test_releases_count_from_one_and_each_carries_the_hash_of_the_one_before(database: Database) -> None:
    _register(database)
    first, second = _play(database, "p1 p3")
    assert second == Release(
        workflow=WORKFLOW, environment="production", generation=2, version=3, tag="1.0.3",
        digest=source_of(f"{WORKFLOW} 3").digest, kind="promote", actor="ann", reason="p3",
        released_at=_NOON + timedelta(minutes=1), previous_version=1, override_hold=False,
        previous_hash=first.hash, hash=second.hash,
    )  # fmt: skip
    assert (first.generation, first.previous_version, first.previous_hash) == (1, None, "")
    with database.read() as connection:
        assert find_head(connection, WORKFLOW, "production") == second
        assert find_release(connection, WORKFLOW, "production", 1) == first
        assert find_release(connection, WORKFLOW, "production", 3) is None
        assert find_head(connection, WORKFLOW, "staging") is None


def test_records_are_given_as_stored_so_that_their_hashes_can_be_computed_again(database: Database) -> None:
    _register(database)
    _play(database, "p1 p2 r1 p3")
    with database.read() as connection:
        records = release_records(connection, WORKFLOW, "production")
    assert [record["hash"] for record in records] == [record_hash(record) for record in records]
    assert list(chain_faults(records, "generation", "generation")) == []


def test_history_is_newest_first_and_limited(database: Database) -> None:
    _register(database)
    played = _play(database, "p1 p2 p3 r2")
    with database.read() as connection:
        assert list_releases(connection, WORKFLOW, "production", 9) == played[::-1]
        assert list_releases(connection, WORKFLOW, "production", 2) == [played[3], played[2]]
        assert list_releases(connection, WORKFLOW, "staging", 9) == []
        assert versions_live_in(connection, WORKFLOW, "production") == [1, 2, 3]


def test_each_environment_and_workflow_has_a_head_of_its_own(database: Database) -> None:
    _register(database)
    _register(database, 1, "other")
    production, staging = _play(database, "p1 p2")[-1], _play(database, "p3", "staging")[-1]
    (other,) = _play(database, "p1", workflow="other")
    with database.read() as connection:
        assert find_heads(connection) == [other, production, staging]
        assert find_heads(connection, WORKFLOW) == [production, staging]
        assert find_heads(connection, environment="production") == [other, production]
        assert find_heads(connection, WORKFLOW, "staging") == [staging]
        assert find_heads(connection, "nobody") == []
        assert environments_of(connection, WORKFLOW) == ["production", "staging"]


def test_what_was_never_published_is_undelivered(database: Database) -> None:
    _register(database)
    head = _play(database, "p1 p2")[-1]
    with database.read() as connection:
        assert delivered_generation(connection, WORKFLOW, "production") == 0
        assert find_undelivered(connection) == [head]
        assert find_undelivered(connection, "other") == []


def test_a_ref_by_environment_is_what_is_live_there(database: Database) -> None:
    _register(database)
    _play(database, "p1 p2")
    with database.read() as connection:
        assert find_live(connection, parse_ref(f"{WORKFLOW}@production")).number == 2
        assert find_live(connection, parse_ref(f"{WORKFLOW}@3")).number == 3


def test_where_nothing_is_live_it_is_told_where_something_is(database: Database) -> None:
    _register(database)
    ask = parse_ref(f"{WORKFLOW}@prodution")
    assert _refused(database, lambda connection: find_live(connection, ask), NotFound) == (
        f"nothing of {WORKFLOW} is live in prodution",
        f"agent-deploy list {WORKFLOW}",
    )
    _play(database, "p1")
    _play(database, "p1", "staging")
    assert _refused(database, lambda connection: find_live(connection, ask), NotFound) == (
        f"nothing of {WORKFLOW} is live in prodution; it is live in production, staging; did you mean 'production'?",
        f"agent-deploy status {WORKFLOW}",
    )


def test_the_last_generation_of_a_version_is_found_before_any_bound(database: Database) -> None:
    _register(database)
    _play(database, "p1 p2 p1 p3")
    with database.read() as connection:
        found = [last_with_version(connection, WORKFLOW, "production", 1, bound) for bound in (None, 4, 3, 2, 1)]
        assert found == [3, 3, 1, 1, None]
        assert last_with_version(connection, WORKFLOW, "staging", 1) is None


HOLDS = [
    ("p1 p2", []),
    ("p1 p2 r1", [2]),
    ("p1 p2 r1 p2", []),
    ("p1 p2 r1 p3", [2]),
    ("p1 p2 r1 p3 r1", [2, 3]),
    ("p1 p2 p3 r1 r2", [1, 3]),
    ("p1 p2 r1 s2", []),
    ("p1 p2 s1", []),
    ("p1 p2 r1 r2", [1]),
    ("p1 p2 r1 r2 r1", [2]),
    ("p1 p2 d1", []),
    ("p1 p2 d1 s2", []),
    ("p1 p2 r1 p3 d2 s3", [2]),
    ("p1 p2 p3 d2 r1", [2]),
    ("p1 p2 p3 d2 r2", []),
]


@pytest.mark.parametrize(("words", "held"), HOLDS)
def test_a_version_rolled_back_from_is_on_hold_until_it_is_set_live_again(
    database: Database, words: str, held: list[int]
) -> None:
    _register(database)
    _play(database, words)
    with database.read() as connection:
        assert [v for v in (1, 2, 3) if is_on_hold(connection, WORKFLOW, "production", v)] == held
        assert not is_on_hold(connection, WORKFLOW, "staging", 2)


@pytest.mark.parametrize(
    ("words", "expected"),
    [("p1", None), ("p1 p2", 1), ("p1 p2 p3 r2", 1), ("p1 p2 p3 r2 r1", None), ("p1 p2 p3 r2 p2", 1), ("p1 p2 r3", 1),
     ("p1 p2 p3 d1 s3", 2), ("p1 p2 p3 d1 p2", 3), ("p1 p2 p3 d2", 1)],
)  # fmt: skip
def test_a_bare_rollback_reads_the_log_on_record(database: Database, words: str, expected: int | None) -> None:
    _register(database)
    head = _play(database, words)[-1]
    with database.read() as connection:
        assert find_previous_version(connection, head) == expected


@pytest.mark.parametrize(("words", "expected"), [("", None), ("p1", 1), ("p1 r2 d1", 2), ("p1 p2 d1 s2 d1 s2", 2)])
def test_what_people_last_decided_is_the_last_release_that_no_drill_made(
    database: Database, words: str, expected: int | None
) -> None:
    _register(database)
    played = _play(database, words)
    with database.read() as connection:
        settled = find_settled(connection, WORKFLOW, "production")
    assert settled == (played[expected - 1] if expected else None)


def _tamper(database: Database, statement: str) -> None:
    """Change a release as only somebody who first removes the triggers can."""
    with database.write() as connection:
        if database.is_postgres:
            connection.exec_driver_sql("ALTER TABLE releases DISABLE TRIGGER USER")
        else:
            connection.exec_driver_sql("DROP TRIGGER releases_no_update")
            connection.exec_driver_sql("DROP TRIGGER releases_no_delete")
        connection.exec_driver_sql(statement)


def test_a_gap_in_the_log_stops_a_bare_rollback_and_names_the_explicit_one(database: Database) -> None:
    _register(database)
    head = _play(database, "p1 p2 p3")[-1]
    _tamper(database, "DELETE FROM releases WHERE generation = 2")
    assert _refused(database, lambda connection: find_previous_version(connection, head), Damaged) == (
        f"the log of {WORKFLOW} in production has no generation 2",
        f"agent-deploy rollback {WORKFLOW} --to-version VERSION --env production",
    )


def test_a_moment_edited_to_none_is_damage_and_not_a_crash(database: Database) -> None:
    _register(database)
    _play(database, "p1 p2")
    _tamper(database, "UPDATE releases SET released_at = 'yesterday' WHERE generation = 2")
    assert _refused(database, lambda connection: find_head(connection, WORKFLOW, "production"), Damaged) == (
        f"generation 2 of {WORKFLOW} in production was edited: Invalid isoformat string: 'yesterday'",
        f"agent-deploy verify {WORKFLOW}",
    )
