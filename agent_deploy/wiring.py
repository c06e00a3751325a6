"""The composition root: from settings to the open registry that operations take."""

from __future__ import annotations

from agent_deploy.config import Config
from registry.registry import Registry


def open_registry(config: Config, *, create: bool = False) -> Registry:
    """The database and store that the settings name. `create` makes a missing SQLite file; else it raises NotFound."""
    from registry.database import Database
    from registry.stores import open_store

    return Registry(Database(config.database, create=create), open_store(config.store))
