"""A folder to evaluate in: a registry with one version, an eval set, and agents in Python, quick and slow."""

from __future__ import annotations

import json
from pathlib import Path

from agent_deploy.operations.register import register
from benchmarks.bundles import ACTOR, WORKFLOW, database_url
from registry.database import Database
from registry.registry import Registry
from registry.source import Source
from registry.stores import open_store

CASES_FILE = "letters.jsonl"
SLOW_S = 0.05

Row = dict[str, str]

_AGENT = f"""\
import asyncio, time


def echo(bundle, said):
    return said


def slow(bundle, said):
    time.sleep({SLOW_S})
    return said


async def slow_async(bundle, said):
    await asyncio.sleep({SLOW_S})
    return said
"""
_CONFIG = f"""\
database = "sqlite:///registry.db"
store = "."
[workflows.{WORKFLOW}]
cases = "{CASES_FILE}"
agent = "agent:echo"
"""


def lay(folder: Path, cases: int) -> list[Row]:
    """Fill the folder; the rows of its eval set. Agents answer what they are asked, and that is what is expected."""
    folder.mkdir(parents=True)
    (folder / "agent.py").write_text(_AGENT)
    (folder / "agent-deploy.toml").write_text(_CONFIG)
    said = [f"Letter {number}: where is my order, and when does it come?" for number in range(cases)]
    rows = [{"id": f"letter-{number:05}", "input": text, "expected": text} for number, text in enumerate(said)]
    (folder / CASES_FILE).write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    registry = open_desk(folder)
    register(registry, echoing(1), actor=ACTOR)
    registry.database.close()
    return rows


def open_desk(folder: Path) -> Registry:
    """The registry of the folder."""
    return Registry(Database(database_url(folder)), open_store(str(folder)))


def echoing(number: int) -> Source:
    """A bundle without output schema, which would be one scorer more; each number is another content."""
    config = {
        "workflow": WORKFLOW,
        "prompts": {"system": "system.md"},
        "models": {"default": {"provider": "echo", "name": "echo"}},
    }
    return Source(config, {"system.md": f"Say what you are told, by rule {number}.\n".encode()})
