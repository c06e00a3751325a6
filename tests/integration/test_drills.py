"""Drills from the command line, with real readers: on the embedded defaults, and on PostgreSQL with an S3 server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from agent_deploy.operations.promote import promote
from registry.readers import list_readers
from registry.registry import Registry
from tests.agent_deploy.conftest import AgentDeploy
from tests.builders import UNGATED, WORKFLOW, add_version, open_registry
from tests.client.releases import wait_until
from tests.commands import COMMAND
from tests.conftest import UseS3

pytestmark = pytest.mark.slow

_DRILLS = """\
[environments.production.drill]
hold_for = "1s"
soak = "0s"
readers = 2
smoke = false
"""
_READER = """\
import sys, time
from agent_deploy import Client
with Client(environment="production", poll_interval=0.1, cache=False, instance=sys.argv[1]) as client:
    while True:
        client.bundle("support-triage")
        time.sleep(0.05)
"""


@pytest.fixture(params=["embedded", "postgres_s3"])
def registry(request: pytest.FixtureRequest, here: Path, use_s3: UseS3) -> Registry:
    """Three versions live one after the other, where commands without further settings look."""
    database, store, settings = None, None, ""
    if request.param == "postgres_s3":
        database, store = request.getfixturevalue("postgres_url"), use_s3(request.getfixturevalue("seaweedfs"))
        settings = f'database = "{database}"\nstore = "{store}"\n'
    (here / "agent-deploy.toml").write_text(settings + UNGATED + _DRILLS)
    registry = open_registry(here, database, store)
    for number in (1, 2, 3):
        add_version(registry, number)
        promote(registry, WORKFLOW, str(number), "production", actor="ci")
    return registry


@contextmanager
def _readers(registry: Registry, *names: str) -> Iterator[None]:
    """Applications, each in a process of its own."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", _READER, name], env=os.environ | {"AGENT_DEPLOY_STORE": registry.store.url}
        )
        for name in names
    ]
    try:
        wait_until(lambda: len(list(list_readers(registry.store, "production", WORKFLOW))) == len(names), within_s=60)
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def _versions(registry: Registry) -> set[tuple[int, int]]:
    found = list_readers(registry.store, "production", WORKFLOW)
    return {(reader.generation, reader.version) for reader in found}


def _drill(agent_deploy: AgentDeploy, *words: str) -> dict[str, Any]:
    answer = agent_deploy("drill", "run", WORKFLOW, *words, "--json")
    assert (answer.code, answer.err) == (0, ""), answer
    return answer.document


def test_a_live_drill_and_a_rehearsal(registry: Registry, agent_deploy: AgentDeploy) -> None:
    with _readers(registry, "one", "two"):
        live = _drill(agent_deploy)
        wait_until(lambda: _versions(registry) == {(5, 3)})
    assert (live["outcome"], live["mode"], live["error"]) == ("succeeded", "live", "")
    assert (live["baseline"]["version"], live["target"]["version"], live["target"]["generation"]) == (3, 2, 4)
    assert live["readers"] == {"expected": 2, "current": 2, "late": []}
    assert 0 < live["time_to_rollback_ms"]["commit"] < live["time_to_rollback_ms"]["last"] < live["objective_ms"]
    assert set(live) >= {
        "drill",
        "workflow",
        "environment",
        "phases",
        "time_to_restore_ms",
        "cost_delta",
        "checks",
        "smoke",
    }
    assert [check["name"] for check in live["smoke"]] == ["served by a client"]

    rehearsed = _drill(agent_deploy, "--mode", "rehearsal", "--hold-for", "0s")
    assert (rehearsed["outcome"], rehearsed["shadow"]) == ("succeeded", "production-drill")
    assert rehearsed["readers"]["expected"] == 1
    assert [release["version"] for release in _history(agent_deploy)] == [3, 2, 3, 2, 1]
    assert agent_deploy("verify").code == 0


def _history(agent_deploy: AgentDeploy) -> list[dict[str, Any]]:
    releases: list[dict[str, Any]] = agent_deploy("history", WORKFLOW, "--env", "production", "--json").document[
        "releases"
    ]
    return releases


def test_a_drill_killed_while_the_target_is_live_is_ended_by_the_next_command_once_its_lease_ran_out(
    registry: Registry, agent_deploy: AgentDeploy, here: Path
) -> None:
    with _readers(registry, "one", "two"):
        process = subprocess.Popen(
            [*COMMAND, "drill", "run", WORKFLOW, "--hold-for", "10m", "--json"], stdout=subprocess.PIPE, cwd=here
        )
        wait_until(lambda: _versions(registry) == {(4, 2)}, within_s=60)
        process.kill()
        assert process.wait() == -signal.SIGKILL
        _expire_leases(registry)
        answer = agent_deploy("status", WORKFLOW, "--json")
        assert "every process of it died in phase" in answer.err
        assert answer.err.startswith("drill-")
        wait_until(lambda: _versions(registry) == {(5, 3)})
    (head, *_) = _history(agent_deploy)
    assert (head["version"], head["kind"]) == (3, "restore")


def _expire_leases(registry: Registry) -> None:
    with registry.database.write() as connection:
        connection.exec_driver_sql("UPDATE drill_leases SET lease_until = '2026-01-01T00:00:00.000000Z'")


def test_records_of_drills_that_were_edited_or_cut_out_are_found_by_verify(
    registry: Registry, agent_deploy: AgentDeploy
) -> None:
    for _ in range(2):
        assert agent_deploy("drill", "run", WORKFLOW, "--mode", "rehearsal", "--hold-for", "0s").code == 0
    _edit(registry, "UPDATE evidence SET body = replace(body, 'succeeded', 'blocked') WHERE number = 2")
    edited = agent_deploy("verify")
    assert (edited.code, "evidence 2 was edited" in edited.out + edited.err) == (7, True)
    _edit(registry, "UPDATE evidence SET body = replace(body, 'blocked', 'succeeded') WHERE number = 2")
    assert agent_deploy("verify").code == 0
    _edit(registry, "DELETE FROM evidence WHERE number = 2")
    cut = agent_deploy("verify")
    assert (cut.code, "evidence 2 is missing" in cut.out + cut.err) == (7, True)


def _edit(registry: Registry, statement: str) -> None:
    """Change a record as only somebody who first removes the triggers can."""
    with registry.database.write() as connection:
        if registry.database.is_postgres:
            connection.exec_driver_sql("ALTER TABLE evidence DISABLE TRIGGER USER")
        else:
            for name in ("evidence_no_update", "evidence_no_delete"):
                connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
        connection.exec_driver_sql(statement)


def test_what_a_drill_costs_beyond_its_hold_is_little(registry: Registry, agent_deploy: AgentDeploy) -> None:
    with _readers(registry, "one", "two"):
        started = time.monotonic()
        drill = _drill(agent_deploy)
        took_s = time.monotonic() - started
    waited_s = 1.0 + sum(drill[name]["last"] for name in ("time_to_rollback_ms", "time_to_restore_ms")) / 1000
    assert json.dumps(drill)
    assert took_s - waited_s < 10, "2 s on an idle machine with the embedded default"
