"""docs/json.md tells of every command, and of just the keys that it prints."""

from __future__ import annotations

import os
import re
from pathlib import Path

import click
import pytest

from agent_deploy.actor import CI_VARIABLES
from agent_deploy.cli.main import COMMANDS, cli
from tests.documented import PAGE, documented, printed
from tests.reference import subcommands

NAMES = [
    f"{name} {inner}".strip() for names in COMMANDS.values() for name in names for inner in subcommands(name) or [""]
]


def command_of(row: str) -> str:
    """The command of a row: the longest name that it begins with, for some rows name an option too."""
    return max((name for name in NAMES if f"{row} ".startswith(f"{name} ")), key=len, default="")


def test_every_command_prints_just_the_keys_that_its_row_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AGENT_DEPLOY_") or name in CI_VARIABLES]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AGENT_DEPLOY_ACTOR", "ann")
    monkeypatch.chdir(tmp_path)
    rows, seen = documented(), set()
    for row, document in printed():
        always, at_times = rows[row]
        assert always <= set(document) <= always | at_times, row
        seen.add(row)
    assert seen == set(rows)


def test_every_command_takes_json_and_has_a_row() -> None:
    context = click.Context(cli)
    for name in NAMES:
        command: click.Command | None = cli
        for word in name.split():
            assert isinstance(command, click.Group)
            command = command.get_command(context, word)
        assert command is not None
        assert any("--json" in parameter.opts for parameter in command.params), name
    assert {command_of(row) for row in documented()} == set(NAMES)


def test_every_command_has_a_section() -> None:
    told = set()
    for heading in re.findall(r"^## (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE):
        group, *rest = heading.split(", ")
        first = group.split()
        told |= {group, *rest, *(f"{first[0]} {name}" for name in rest)}
    told |= {f"token {name}" for name in subcommands("token")} if "token" in told else set()
    assert set(NAMES) - told == set()
