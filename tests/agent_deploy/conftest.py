"""A registry in the working directory, and the command line over it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_deploy.actor import CI_VARIABLES
from agent_deploy.cli.main import main
from registry.registry import Registry
from tests.builders import UNGATED, open_registry
from tests.commands import Answer

AgentDeploy = Callable[..., Answer]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, new and empty; no setting comes from this machine, and it is ann who acts."""
    for name in [name for name in os.environ if name.startswith("AGENT_DEPLOY_") or name in CI_VARIABLES]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AGENT_DEPLOY_ACTOR", "ann")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def registry(here: Path) -> Registry:
    """The registry, open and empty, where commands without further settings look; no gate stands before it."""
    (here / "agent-deploy.toml").write_text(UNGATED)
    return open_registry(here)


@pytest.fixture
def agent_deploy(capsys: pytest.CaptureFixture[str]) -> AgentDeploy:
    """Types a command: `agent_deploy("promote", "support-triage", "--version", "1")`."""

    def run(*words: str) -> Answer:
        with pytest.raises(SystemExit) as ended:
            main(words)
        out, err = capsys.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return Answer(code, out, err)

    return run
