"""Bundles to measure with, of an ordinary size: two prompts of a few kilobytes, a tool, an output schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from agent_deploy.operations.promote import promote
from agent_deploy.operations.register import register
from registry.database import Database
from registry.registry import Registry
from registry.source import Source
from registry.stores import open_store

ENVIRONMENT = "production"
WORKFLOW = "support-triage"
ACTOR = "benchmark"

_RULES = "\n".join(
    f"{number}. When the customer writes about topic {number}, answer with its name alone." for number in range(1, 31)
)
_TOOL = {"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]}
_OUTPUT = {"type": "object", "properties": {"intent": {"type": "string"}}, "required": ["intent"]}


def source(workflow: str, number: int) -> Source:
    """A bundle of the workflow; each number is another content, by its prompt."""
    config: dict[str, Any] = {
        "workflow": workflow,
        "prompts": {"system": "prompts/system.md", "classify": "prompts/classify.md"},
        "models": {"default": {"provider": "openai", "name": "gpt-5-mini", "temperature": 0.0, "max_tokens": 64}},
        "tools": {"lookup_order": "tools/lookup_order.json"},
        "output": {"schema": "schemas/triage.json"},
    }
    files = {
        "prompts/system.md": f"You sort letters, by rule book {number}.\n{_RULES}\n".encode(),
        "prompts/classify.md": b"Letter:\n{{ query }}\n\nIntent:\n",
        "tools/lookup_order.json": json.dumps(_TOOL).encode(),
        "schemas/triage.json": json.dumps(_OUTPUT).encode(),
    }
    return Source(config, files)


def two_versions(folder: Path) -> Registry:
    """A registry in the folder with versions 1 and 2 of WORKFLOW, both once live, 2 now."""
    registry = Registry(Database(database_url(folder)), open_store(str(folder)))
    for number in (1, 2):
        register(registry, source(WORKFLOW, number), actor=ACTOR)
        promote(registry, WORKFLOW, str(number), ENVIRONMENT, actor=ACTOR)
    return registry


def database_url(folder: Path) -> str:
    """The database of a registry in the folder."""
    return f"sqlite:///{folder}/registry.db"


def flags(folder: Path) -> list[str]:
    """What agent-deploy is told to work on the registry in the folder."""
    settings = folder / "agent-deploy.toml"
    settings.write_text(f"[environments.{ENVIRONMENT}.gate]\nrequired = false\n")  # moves are measured, not evidence
    return ["--config", str(settings), "--database", database_url(folder), "--store", str(folder)]
