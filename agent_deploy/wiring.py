"""The composition root: from settings to the open registry that operations take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_deploy.config import Config
from registry.registry import Registry

if TYPE_CHECKING:
    from agent_deploy.gates.policy import Policy


def open_registry(config: Config, *, create: bool = False) -> Registry:
    """The database and store that the settings name. `create` makes a missing SQLite file; else it raises NotFound."""
    from registry.database import Database
    from registry.stores import open_store

    return Registry(Database(config.database, create=create), open_store(config.store))


def gate_policy(config: Config, workflow: str, environment: str) -> Policy | None:
    """The gate that the settings put before this environment; None where they say that none is required."""
    table = config.gate_table(workflow, environment)
    if table.get("required") is False:  # the commonest case needs none of the rest
        return None
    from agent_deploy.gates.policy import policy_from

    where = f"{config.file or 'agent-deploy.toml'}: the gate of {workflow} in {environment}"
    policy = policy_from(table, where)
    return policy if policy.required else None
