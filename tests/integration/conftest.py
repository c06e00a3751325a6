"""The command line as a team types it: in a folder of its own, configured by `agent-deploy.toml` alone."""

from __future__ import annotations

from tests.agent_deploy.conftest import agent_deploy as agent_deploy
from tests.agent_deploy.conftest import here as here
from tests.agent_deploy.conftest import registry as registry
