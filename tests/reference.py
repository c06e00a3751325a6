"""The command reference: docs/commands.md, and the help block of the README, made from the commands themselves.

python -m tests.reference writes both (`make docs`); tests/test_docs.py holds them against the code.
"""

from __future__ import annotations

import re
from pathlib import Path

import click

from agent_deploy.cli.main import COMMANDS, cli

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "docs" / "commands.md"
README = ROOT / "README.md"
_HELP_BLOCK = re.compile(r"(?<=<!-- agent-deploy --help -->\n```text\n).*?(?=```\n)", re.DOTALL)
_WIDTH = 100


def help_of(*names: str) -> str:
    """What `agent-deploy [name [name]] --help` prints, at a fixed width."""
    context = click.Context(cli, info_name="agent-deploy", max_content_width=_WIDTH, terminal_width=_WIDTH)
    command: click.Command = cli
    for name in names:
        assert isinstance(command, click.Group)
        found = command.get_command(context, name)
        assert found is not None
        command = found
        context = click.Context(command, context, name, max_content_width=_WIDTH, terminal_width=_WIDTH)
    return command.get_help(context) + "\n"


def subcommands(name: str) -> list[str]:
    """The commands of a group, in order; none of a command."""
    command = cli.get_command(click.Context(cli), name)
    return command.list_commands(click.Context(command)) if isinstance(command, click.Group) else []


def reference() -> str:
    """The whole of docs/commands.md."""
    parts = ["# Commands\n\nMade from the commands themselves by `make docs`. JSON of each: [json.md](json.md).\n"]
    for section, commands in COMMANDS.items():
        parts.append(f"## {section}\n")
        for name in commands:
            for words in ((name,), *((name, inner) for inner in subcommands(name))):
                parts.append(f"### {' '.join(words)}\n\n```text\n{help_of(*words)}```\n")
    return "\n".join(parts)


def with_help(readme: str) -> str:
    """The README with today's help in its marked block."""
    return _HELP_BLOCK.sub(lambda _: help_of(), readme)


if __name__ == "__main__":
    REFERENCE.write_text(reference(), encoding="utf-8")
    README.write_text(with_help(README.read_text(encoding="utf-8")), encoding="utf-8")
