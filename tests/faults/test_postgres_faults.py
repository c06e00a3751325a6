"""PostgreSQL that goes away at the worst moment: what is not known is said to be, and nothing recorded is lost."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Sized
from contextlib import suppress
from pathlib import Path
from typing import Literal

import psycopg
import pytest

from registry.registry import Registry
from tests.builders import WORKFLOW, add_version, open_registry, write_bundle
from tests.commands import UNGATED, Answer, call
from tests.faults.postgres_proxy import Cut, cut_line
from tests.faults.states import look

pytestmark = pytest.mark.slow

CRASHES = 3
UNKNOWN = "whether the change was recorded is not known"
PROMOTE = ("promote", WORKFLOW, "--version", "2", "--json")
ROLLBACK = ("rollback", WORKFLOW, "--to-version", "1", "--json")

either_moment = pytest.mark.parametrize("moment", ["before", "after"])


@pytest.fixture
def registry(postgres_url: str, tmp_path: Path) -> Iterator[Registry]:
    """Two versions on PostgreSQL, the first of them live."""
    registry = open_registry(tmp_path, postgres_url)
    for number in (1, 2):
        add_version(registry, number)
    call(registry, "promote", WORKFLOW, "--version", "1")
    yield registry
    registry.database.close()


def _cut_off(registry: Registry, cut: Cut, *words: str) -> Answer:
    """The command's answer, its line to the database being cut."""
    with cut_line(registry.database.url, cut) as url:
        answer = call(None, "--config", str(UNGATED), "--database", url, "--store", registry.store.url, *words)
    assert cut.made
    return answer


@either_moment
def test_a_promote_cut_off_in_mid_commit_says_unknown_and_the_next_command_resolves_it(
    registry: Registry, moment: Literal["before", "after"]
) -> None:
    answer = _cut_off(registry, Cut(b"INSERT INTO releases", b"COMMIT", moment), *PROMOTE)
    assert answer.code == 1
    assert answer.document["error"]["exit_code"] == 1
    assert UNKNOWN in answer.err
    assert "Nothing was published. If it was recorded, the next command on this workflow delivers it." in answer.err
    assert f"next: agent-deploy status {WORKFLOW}" in answer.err
    assert look(registry).releases == ((1,) if moment == "before" else (1, 2))
    assert look(registry).pointer == (1, 1)
    again = call(registry, *PROMOTE)
    assert (again.code, again.document["changed"]) == (0, moment == "before")
    assert look(registry).releases == (1, 2)
    assert look(registry).settled


@either_moment
def test_a_rollback_cut_off_in_mid_commit_says_unknown_and_the_next_command_resolves_it(
    registry: Registry, moment: Literal["before", "after"]
) -> None:
    call(registry, *PROMOTE)
    answer = _cut_off(registry, Cut(b"INSERT INTO releases", b"COMMIT", moment), *ROLLBACK)
    assert answer.code == 1
    assert UNKNOWN in answer.err
    again = call(registry, *ROLLBACK)
    assert (again.code, again.document["changed"]) == (0, moment == "before")
    assert look(registry).releases == (1, 2, 1)
    assert look(registry).settled


@either_moment
def test_a_register_cut_off_in_mid_commit_says_unknown_and_the_same_command_again_resolves_it(
    registry: Registry, tmp_path: Path, moment: Literal["before", "after"]
) -> None:
    words = ("register", str(write_bundle(tmp_path / "bundle")), "--json")
    answer = _cut_off(registry, Cut(b"INSERT INTO versions", b"COMMIT", moment), *words)
    assert answer.code == 1
    assert UNKNOWN in answer.err
    assert "next: the same command again" in answer.err
    again = call(registry, *words)
    assert (again.document["version"], again.document["created"]) == (3, moment == "before")
    assert len(look(registry).versions) == 3


@either_moment
def test_a_delivery_whose_record_was_cut_off_is_told_as_not_delivered_and_deliver_finishes_it(
    registry: Registry, moment: Literal["before", "after"]
) -> None:
    answer = _cut_off(registry, Cut(b"UPDATE deliveries", b"COMMIT", moment), *PROMOTE)
    assert (answer.code, answer.document["changed"], answer.document["delivered"]) == (6, True, False)
    assert "next: agent-deploy deliver" in answer.err
    assert call(registry, "deliver").code == 0
    assert look(registry).releases == (1, 2)
    assert look(registry).settled


def test_a_promote_cut_off_before_its_commit_says_that_nothing_was_recorded(registry: Registry) -> None:
    before = look(registry)
    answer = _cut_off(registry, Cut(b"FOR UPDATE", b"INSERT INTO releases", "before"), *PROMOTE)
    assert answer.code == 1
    assert "Nothing was recorded." in answer.err
    assert "next: agent-deploy doctor" in answer.err
    assert look(registry) == before
    assert call(registry, *PROMOTE).code == 0


def test_a_promote_cut_off_between_commit_and_delivery_is_told_as_not_delivered(registry: Registry) -> None:
    answer = _cut_off(registry, Cut(b"INSERT INTO releases", b"FROM deliveries", "before"), *PROMOTE)
    assert (answer.code, answer.document["changed"], answer.document["delivered"]) == (6, True, False)
    assert call(registry, "status", "--json").document["workflows"][0]["environments"][0]["delivered"] is False
    assert call(registry, "deliver").code == 0
    assert look(registry).settled


def test_a_register_cut_off_after_its_commit_is_told_as_done(registry: Registry, tmp_path: Path) -> None:
    words = ("register", str(write_bundle(tmp_path / "bundle")), "--json")
    answer = _cut_off(registry, Cut(b"INSERT INTO versions", b"FROM deliveries", "before"), *words)
    assert (answer.code, answer.document["version"]) == (0, 3)
    assert len(look(registry).versions) == 3


def test_a_server_that_is_not_there_is_named_without_its_password(registry: Registry) -> None:
    nowhere = "postgresql://someone:hidden@127.0.0.1:1/registry"
    answer = call(
        None,
        "--config",
        str(UNGATED),
        "--database",
        f"{nowhere}?sslpassword=hidden",
        "--store",
        registry.store.url,
        *PROMOTE,
    )
    assert answer.code == 1
    assert "the database postgresql://someone:***@127.0.0.1:1/registry failed" in answer.err
    assert "Nothing was recorded." in answer.err
    assert "hidden" not in answer.err + answer.out


def test_a_server_that_crashes_in_mid_use_loses_no_release_that_it_acknowledged(registry: Registry) -> None:
    recorded: dict[int, int] = {}
    crashes = threading.Thread(target=_crash_now_and_then, args=(registry.database.url, recorded), daemon=True)
    crashes.start()
    deadline, attempt, delivered = time.monotonic() + 60, 0, False
    while crashes.is_alive() or not delivered:
        attempt += 1
        answer = call(registry, "promote", WORKFLOW, "--version", str(attempt % 2 + 1), "--json")
        assert answer.code in (0, 1, 6), answer.err
        assert answer.code != 1 or "the database" in answer.err, answer.err
        delivered = answer.code == 0
        if answer.code != 1 and answer.document["changed"]:
            recorded[answer.document["generation"]] = answer.document["version"]
        assert time.monotonic() < deadline
    registry.database.close()  # its connections went with the server
    state = look(registry)
    assert {generation: state.releases[generation - 1] for generation in recorded} == recorded
    assert state.settled


def _crash_now_and_then(url: str, recorded: Sized) -> None:
    """Have the server crash and recover, as it does when one of its processes is killed, each time it got somewhere."""
    for crash in range(1, 1 + CRASHES):
        deadline = time.monotonic() + 60
        while len(recorded) < 5 * crash and time.monotonic() < deadline:
            time.sleep(0.001)
        with suppress(psycopg.OperationalError), psycopg.connect(url) as connection:
            os.kill(connection.info.backend_pid, signal.SIGKILL)
            connection.execute("SELECT 1")
