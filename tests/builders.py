"""Bundles and registries, each made in one call."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import tomli_w

from agent_deploy.operations.register import register
from registry.database import Database
from registry.models import Version
from registry.registry import Registry
from registry.source import Source
from registry.stores import open_store

WORKFLOW = "support-triage"
# Most tests are of what comes after the gate; those of the gate itself write their own configuration.
UNGATED = """\
[workflows.support-triage.environments.production.gate]
required = false
[workflows.support-triage.environments.staging.gate]
required = false
"""
PROMPT = "Sort the customer's message into one of our intents.\n"


def config_of(workflow: str = WORKFLOW, **changes: Any) -> dict[str, Any]:
    """What a small `bundle.toml` says. changes: a table or key by its name; None leaves it out."""
    config: dict[str, Any] = {
        "workflow": workflow,
        "prompts": {"system": "prompts/system.md"},
        "models": {"default": {"provider": "openai", "name": "gpt-5-mini", "temperature": 0.0, "max_tokens": 64}},
    } | changes
    return {key: value for key, value in config.items() if value is not None}


def source_of(prompt: str = PROMPT, workflow: str = WORKFLOW, **changes: Any) -> Source:
    """A bundle in memory, as `read_source` gives it."""
    return Source(config_of(workflow, **changes), {"prompts/system.md": prompt.encode()})


def write_bundle(
    folder: Path,
    workflow: str = WORKFLOW,
    prompt: str = PROMPT,
    files: Mapping[str, str | bytes] | None = None,
    **changes: Any,
) -> Path:
    """A bundle folder that registers; the folder. files: further ones, or others in place of these, by path."""
    toml = tomli_w.dumps(config_of(workflow, **changes))
    for path, content in {"bundle.toml": toml, "prompts/system.md": prompt, **(files or {})}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def open_registry(folder: Path, database: str | None = None, store: str | None = None) -> Registry:
    """A registry, migrated: by default SQLite and a local store under `folder/.agent-deploy`, where commands look."""
    state = folder / ".agent-deploy"
    if database is None:
        path = state / "registry.db"
        if not path.exists():
            state.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_migrated())
        database = f"sqlite:///{path}"
    return Registry(Database(database), open_store(store or str(state)))


@cache
def _migrated() -> bytes:
    """An empty SQLite registry, for migrating one anew takes a quarter of a second."""
    with tempfile.TemporaryDirectory() as folder:
        Database(f"sqlite:///{folder}/registry.db").close()
        return Path(folder, "registry.db").read_bytes()


def add_version(registry: Registry, number: int = 1, workflow: str = WORKFLOW) -> Version:
    """Register a bundle whose prompt says its number."""
    return register(registry, source_of(f"{PROMPT}Number {number}.\n", workflow), actor="ci").version
