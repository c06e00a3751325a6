"""A registry in the working directory with versions 1 and 2 live one after the other, and the command line over it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from agent_deploy.operations.promote import promote
from registry.registry import Registry
from tests.agent_deploy.conftest import AgentDeploy, agent_deploy, here
from tests.builders import UNGATED, WORKFLOW, add_version, open_registry
from tests.drills.records import NOON

__all__ = ["AgentDeploy", "agent_deploy", "drilled", "here"]
POLICY = "[environments.production.drill]\n"


@pytest.fixture
def drilled(here: Path) -> Registry:
    """Version 1 went live in production nine days before noon, version 2 a day later; drills are to be held there."""
    (here / "agent-deploy.toml").write_text(UNGATED + POLICY)
    registry = open_registry(here)
    for number, days in ((1, 9), (2, 8)):
        add_version(registry, number)
        at = NOON - timedelta(days=days)
        promote(registry, WORKFLOW, str(number), "production", actor="ann", clock=lambda at=at: at)  # type: ignore[misc]
    return registry
