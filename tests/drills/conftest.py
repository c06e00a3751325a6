"""A scene of its own for every test, or a registry in the working directory and the command line over it."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from agent_deploy.actor import CI_VARIABLES
from agent_deploy.operations.promote import promote
from registry.registry import Registry
from registry.times import now
from tests.agent_deploy.conftest import AgentDeploy, agent_deploy
from tests.builders import UNGATED, WORKFLOW, add_version, open_registry
from tests.drills.scenes import Scene, make_scene

__all__ = ["AgentDeploy", "agent_deploy", "drilled", "scene"]
NOW = now()  # for what commands hold against the clock of this machine
POLICY = "[environments.production.drill]\n"


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """Version 3 is live in production, after 1 and 2; version 4 is registered."""
    return make_scene(tmp_path)


@pytest.fixture
def drilled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """Version 1 went live in production nine days ago, version 2 a day later; drills are to be held there.

    The working directory is the registry's; no setting comes from this machine, and it is ann who acts.
    """
    for name in [name for name in os.environ if name.startswith("AGENT_DEPLOY_") or name in CI_VARIABLES]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AGENT_DEPLOY_ACTOR", "ann")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "agent-deploy.toml").write_text(UNGATED + POLICY)
    registry = open_registry(tmp_path)
    for number, days in ((1, 9), (2, 8)):
        add_version(registry, number)
        at = NOW - timedelta(days=days)
        promote(registry, WORKFLOW, str(number), "production", actor="ann", clock=lambda at=at: at)  # type: ignore[misc]
    return registry
