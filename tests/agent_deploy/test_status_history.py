"""status and history: what is live where, since when, by whom, and how it came to be."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent_deploy.operations.history import history
from agent_deploy.operations.promote import promote
from agent_deploy.operations.rollback import rollback
from agent_deploy.operations.status import Live, Status, status
from registry.models import Reader, Release
from registry.readers import Readers, write_reader
from registry.registry import Registry
from registry.times import now
from tests.agent_deploy.conftest import AgentDeploy
from tests.builders import WORKFLOW, add_version

_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def _at(minutes: float) -> Callable[[], datetime]:
    return lambda: _NOON + timedelta(minutes=minutes)


def _promote(registry: Registry, version: int, environment: str = "production", minutes: float = 0) -> Release:
    made = promote(registry, WORKFLOW, str(version), environment, actor="ann", reason="why", clock=_at(minutes))
    assert made.release is not None
    return made.release


def _reader(
    registry: Registry, instance: str, generation: int, seen_at: datetime = _NOON, environment: str = "production"
) -> None:
    reader = Reader(WORKFLOW, environment, instance, generation, 1, "sha256:", "store", _NOON, seen_at, 5.0, "host", 1)
    write_reader(registry.store, reader)


def test_status_is_every_head_with_where_its_readers_stand(registry: Registry) -> None:
    add_version(registry, 1)
    add_version(registry, 2)
    add_version(registry, 1, "other")
    _promote(registry, 1)
    production, staging = _promote(registry, 2), _promote(registry, 1, "staging")
    _reader(registry, "current", 2)
    _reader(registry, "ahead", 3)
    _reader(registry, "behind", 1)
    _reader(registry, "silent", 2, _NOON - timedelta(minutes=1))
    _reader(registry, "forgotten", 2, _NOON - timedelta(days=2))
    _reader(registry, "elsewhere", 1, environment="staging")
    both = (Live(production, True, Readers(2, 1, 1)), Live(staging, True, Readers(1, 0, 0)))
    clock = _at(0)
    assert status(registry, clock=clock) == Status(both, "")
    assert status(registry, WORKFLOW, clock=clock) == Status(both, "")
    assert status(registry, None, "staging", clock=clock) == Status(both[1:], "")
    assert status(registry, WORKFLOW, "production", clock=clock) == Status(both[:1], "")
    assert status(registry, "other", clock=clock) == Status((), "")


def test_json_of_status_has_the_keys_that_scripts_rely_on(registry: Registry, agent_deploy: AgentDeploy) -> None:
    assert agent_deploy("status", "--json").document == {"workflows": []}
    digest = add_version(registry).digest
    _promote(registry, 1)
    _promote(registry, 1, "staging")
    _reader(registry, "web-1", 1, now())
    live = {
        "environment": "production", "version": 1, "tag": "1.0.0", "digest": digest, "generation": 1,
        "kind": "promote", "actor": "ann", "reason": "why", "released_at": "2026-11-23T12:00:00.000000Z",
        "gate": None, "delivered": True, "cost_delta": None, "unpriced": [],
        "readers": {"current": 1, "behind": 0, "silent": 0},
    }  # fmt: skip
    staging = live | {"environment": "staging", "readers": {"current": 0, "behind": 0, "silent": 0}}
    answer = agent_deploy("status", "--json")
    assert (answer.code, answer.err) == (0, "")
    assert answer.document == {"workflows": [{"workflow": WORKFLOW, "environments": [live, staging]}]}


def test_status_is_one_aligned_table(registry: Registry, agent_deploy: AgentDeploy) -> None:
    assert agent_deploy("status").out == "nothing is live yet; next: agent-deploy promote WORKFLOW --version 1\n"
    add_version(registry)
    _promote(registry, 1)
    _promote(registry, 1, "staging", minutes=61)
    _reader(registry, "web-1", 1, now())
    _reader(registry, "web-2", 0, now())
    assert agent_deploy("status").out == (
        "WORKFLOW        ENVIRONMENT  VERSION  TAG    GENERATION   GATE  SINCE                 BY   DELIVERED  "
        "READERS\n"
        "support-triage  production   1        1.0.0  1 (promote)  none  2026-11-23 12:00:00Z  ann  yes        "
        "1 current, 1 behind\n"
        "support-triage  staging      1        1.0.0  1 (promote)  none  2026-11-23 13:01:00Z  ann  yes        none\n"
    )


def test_an_environment_that_is_nowhere_is_told_apart_from_an_empty_registry(
    registry: Registry, agent_deploy: AgentDeploy
) -> None:
    add_version(registry)
    _promote(registry, 1)
    nowhere = agent_deploy("status", "--env", "prodution")
    assert (nowhere.code, nowhere.out) == (
        0, "nothing is live in prodution; next: agent-deploy status   # of every environment\n",
    )  # fmt: skip
    answer = agent_deploy("status", WORKFLOW, "--env", "prodution", "--json")
    message = "nothing of support-triage is live in prodution; it is live in production; did you mean 'production'?"
    assert (answer.code, answer.document["error"]["message"]) == (3, message)


def test_a_release_not_delivered_shows_with_the_command_that_delivers_it(
    registry: Registry, here: Path, agent_deploy: AgentDeploy
) -> None:
    add_version(registry)
    (here / ".agent-deploy" / "live").write_text("a file where a folder has to be")
    _promote(registry, 1)
    answer = agent_deploy("status", "--json")
    assert (answer.code, answer.document["workflows"][0]["environments"][0]["delivered"]) == (0, False)
    assert answer.err == (
        "error: not every release is delivered; readers serve older ones\n  next: agent-deploy deliver\n"
    )


def test_a_store_that_is_away_costs_the_readers_and_not_the_answer(
    registry: Registry, here: Path, agent_deploy: AgentDeploy
) -> None:
    add_version(registry)
    _promote(registry, 1)
    (here / ".agent-deploy" / "readers").mkdir()
    (here / ".agent-deploy" / "readers" / "production").symlink_to("loop")
    (here / ".agent-deploy" / "readers" / "loop").symlink_to("production")
    answer = agent_deploy("status", WORKFLOW, "--json")
    environment = answer.document["workflows"][0]["environments"][0]
    assert (answer.code, environment["version"], environment["readers"]["current"]) == (0, 1, 0)
    assert answer.document["store_error"].startswith(f"cannot list {registry.store.url}/readers/production/")
    assert answer.err.startswith("error: readers could not be counted: cannot list ")


@pytest.mark.parametrize("command", ["status", "history"])
def test_a_workflow_that_is_not_there_is_told_with_the_nearest(
    registry: Registry, agent_deploy: AgentDeploy, command: str
) -> None:
    add_version(registry)
    answer = agent_deploy(command, "support-traige")
    assert (answer.code, answer.out, answer.err) == (
        3,
        "",
        "error: there is no workflow 'support-traige'; did you mean 'support-triage'?\n  next: agent-deploy list\n",
    )


def test_history_of_an_environment_that_is_nowhere_says_where_there_is_some(
    registry: Registry, agent_deploy: AgentDeploy
) -> None:
    add_version(registry)
    _promote(registry, 1, "staging")
    answer = agent_deploy("history", WORKFLOW, "--env", "stagin")
    assert (answer.code, answer.out, answer.err) == (
        3,
        "",
        "error: nothing of support-triage is live in stagin; it is live in staging; did you mean 'staging'?\n"
        "  Nothing was changed.\n  next: agent-deploy status support-triage\n",
    )


def test_history_is_newest_first_across_environments(registry: Registry) -> None:
    for number in (1, 2, 3):
        add_version(registry, number)
    played = [
        _promote(registry, 1, minutes=0),
        _promote(registry, 1, "staging", minutes=1),
        _promote(registry, 2, minutes=2),
        rollback(registry, WORKFLOW, "production", actor="bob", clock=_at(3)).release,
        _promote(registry, 3, "staging", minutes=4),
    ]
    assert history(registry, WORKFLOW) == played[::-1]
    assert history(registry, WORKFLOW, limit=2) == played[:2:-1]
    assert history(registry, WORKFLOW, "staging") == [played[4], played[1]]


def test_within_an_environment_the_generation_says_what_is_newest_whatever_the_clocks_said(registry: Registry) -> None:
    add_version(registry, 1)
    add_version(registry, 2)
    played = [_promote(registry, 1, minutes=10), _promote(registry, 2, minutes=5)]
    assert history(registry, WORKFLOW, "production") == played[::-1]


def test_json_of_history_has_the_keys_that_scripts_rely_on(registry: Registry, agent_deploy: AgentDeploy) -> None:
    first, second = add_version(registry, 1), add_version(registry, 2)
    one, two = _promote(registry, 1), _promote(registry, 2, minutes=1)
    release = {
        "environment": "production", "generation": 1, "version": 1, "tag": "1.0.0", "digest": first.digest,
        "kind": "promote", "actor": "ann", "reason": "why", "released_at": "2026-11-23T12:00:00.000000Z",
        "previous_version": None, "override_hold": False, "gate": None, "hash": one.hash,
    }  # fmt: skip
    newest = release | {
        "generation": 2, "version": 2, "tag": "1.0.1", "digest": second.digest, "previous_version": 1,
        "released_at": "2026-11-23T12:01:00.000000Z", "hash": two.hash,
    }  # fmt: skip
    assert agent_deploy("history", WORKFLOW, "--json").document == {
        "workflow": WORKFLOW,
        "releases": [newest, release],
    }


def test_history_is_one_aligned_table_on_one_line_a_release(registry: Registry, agent_deploy: AgentDeploy) -> None:
    add_version(registry)
    assert agent_deploy("history", WORKFLOW).out == "nothing of support-triage was ever live\n"
    made = promote(registry, WORKFLOW, "1", "production", actor="ann", reason="one\ntwo\x1b[31m", clock=_at(0))
    assert made.release is not None
    assert agent_deploy("history", WORKFLOW).out == (
        "ENVIRONMENT  GENERATION  VERSION  TAG    KIND     GATE  FROM  AT                    BY   HASH"
        "                 REASON\n"
        "production   1           1        1.0.0  promote  none  -     2026-11-23 12:00:00Z  ann  "
        f"{made.release.hash[:19]}  one two [31m\n"
    )
