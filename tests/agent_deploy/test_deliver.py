"""deliver: what was recorded and not published is published, and a lost or damaged pointer with --all."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agent_deploy.operations.deliver import Delivered, deliver
from agent_deploy.operations.promote import promote
from agent_deploy.operations.verify import verify
from registry.pointers import read_pointer
from registry.registry import Registry
from tests.agent_deploy.conftest import AgentDeploy
from tests.builders import WORKFLOW, add_version

_POINTER = f"live/production/{WORKFLOW}.json"


def _undelivered(registry: Registry, here: Path) -> Path:
    """Promote while the store takes no pointer; the file that is in the way."""
    add_version(registry)
    block = here / ".agent-deploy" / "live"
    block.write_text("a file where a folder has to be")
    assert promote(registry, WORKFLOW, "1", "production", actor="ann").not_delivered
    return block


def test_deliver_publishes_what_was_recorded_and_not_delivered(
    registry: Registry, here: Path, agent_deploy: AgentDeploy
) -> None:
    _undelivered(registry, here).unlink()
    released = {"workflow": WORKFLOW, "environment": "production", "generation": 1, "version": 1}
    answer = agent_deploy("deliver", "--json")
    assert (answer.code, answer.document) == (0, {"delivered": [released], "failed": []})
    assert read_pointer(registry.store, "production", WORKFLOW).generation == 1
    assert agent_deploy("deliver").out == "nothing was left to deliver\n"
    assert agent_deploy("status").err == ""


def test_deliver_that_fails_again_exits_6_and_keeps_the_release(
    registry: Registry, here: Path, agent_deploy: AgentDeploy
) -> None:
    _undelivered(registry, here)
    why = f"cannot read {registry.store.url}/{_POINTER}: Not a directory"
    answer = agent_deploy("deliver")
    assert (answer.code, answer.out, answer.err) == (
        6,
        "nothing was delivered\n",
        f"error: support-triage@1 to production, generation 1 is not delivered: {why}\n"
        "  It stays recorded.\n  next: agent-deploy doctor\n",
    )
    failed = agent_deploy("deliver", "--json").document["failed"]
    assert [(one["generation"], one["error"]) for one in failed] == [(1, why)]


@pytest.fixture
def live(registry: Registry) -> Registry:
    """Version 2 is live in production, after 1; 1 in staging."""
    add_version(registry, 1)
    add_version(registry, 2)
    for version, environment in (("1", "production"), ("2", "production"), ("1", "staging")):
        promote(registry, WORKFLOW, version, environment, actor="ann")
    return registry


@pytest.mark.parametrize("damage", ["delete", "replace"])
def test_deliver_all_mends_a_lost_or_damaged_pointer(live: Registry, agent_deploy: AgentDeploy, damage: str) -> None:
    if damage == "delete":
        live.store.delete(_POINTER)
    else:
        live.store.replace(_POINTER, b"{", expect=None)
    assert agent_deploy("deliver").out == "nothing was left to deliver\n"
    assert agent_deploy("deliver", "--all").out == (
        "delivered support-triage@2 to production, generation 2\ndelivered support-triage@1 to staging, generation 1\n"
    )
    assert verify(live).faults == []


def test_a_pointer_ahead_of_the_database_is_left_alone_and_told(live: Registry) -> None:
    with closing(sqlite3.connect(live.database.url.removeprefix("sqlite:///"))) as connection:
        connection.execute("DROP TRIGGER releases_no_delete")
        connection.execute("DELETE FROM releases WHERE generation = 2")
        connection.execute("UPDATE deliveries SET generation = 0")
        connection.commit()
    done = deliver(live)
    (failed, why), *_ = done.failed
    assert done == Delivered(done.published, ((failed, why),))
    assert why == (
        f"the pointer of {WORKFLOW} in production in {live.store.url} is ahead of the database's head, generation 1: "
        "was the database restored from an older backup?"
    )
    assert read_pointer(live.store, "production", WORKFLOW).generation == 2
