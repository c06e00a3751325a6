"""The log: silent unless asked for, then one JSON line an event on stderr, and never on stdout."""

from __future__ import annotations

import json

import pytest

from agent_deploy import log
from registry.registry import Registry
from tests.agent_deploy.conftest import AgentDeploy
from tests.builders import WORKFLOW, add_version


@pytest.fixture(autouse=True)
def _log_as_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """The log is turned on for the rest of a process; here, for one test."""
    monkeypatch.setattr(log, "_state", {})


def test_nothing_is_logged_unless_asked_for(registry: Registry, agent_deploy: AgentDeploy) -> None:
    add_version(registry)
    assert agent_deploy("promote", WORKFLOW, "--version", "1").err == ""


def test_verbose_logs_what_happened_and_leaves_the_data_alone(registry: Registry, agent_deploy: AgentDeploy) -> None:
    add_version(registry)
    answer = agent_deploy("--verbose", "promote", WORKFLOW, "--version", "1", "--json")
    assert (answer.code, answer.document["generation"]) == (0, 1)
    (line,) = answer.err.splitlines()
    logged = json.loads(line)
    assert logged.pop("timestamp").endswith("Z")
    assert logged == {
        "event": "released", "level": "info", "workflow": WORKFLOW, "environment": "production", "kind": "promote",
        "generation": 1, "version": 1, "actor": "ann", "delivered": True,
    }  # fmt: skip
