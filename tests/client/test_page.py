"""The page about the client names what there is."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import agent_deploy.client
from agent_deploy.client import Client, ClientError

PAGE = (Path(__file__).parents[2] / "docs" / "client.md").read_text(encoding="utf-8")


def test_the_settings_are_those_that_a_client_takes() -> None:
    table = PAGE.partition("## Settings")[2].partition("\n## ")[0]
    documented = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    taken = [name for name in inspect.signature(Client).parameters if name not in ("clock", "monotonic")]
    assert sorted(documented) == sorted(taken)


def test_every_error_is_on_the_page() -> None:
    exported = [getattr(agent_deploy.client, name) for name in agent_deploy.client.__all__]
    errors = {thing.__name__ for thing in exported if issubclass(thing, ClientError)} - {"PromptError"}
    assert {name for name in errors if f"`{name}`" not in PAGE} == set()
