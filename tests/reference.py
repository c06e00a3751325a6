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


def help_of(name: str | None = None) -> str:
    """What `agent-deploy [name] --help` prints, at a fixed width."""
    top = click.Context(cli, info_name="agent-deploy", max_content_width=_WIDTH, terminal_width=_WIDTH)
    if name is None:
        return cli.get_help(top) + "\n"
    command = cli.get_command(top, name)
    assert command is not None
    context = click.Context(command, top, name, max_content_width=_WIDTH, terminal_width=_WIDTH)
    return command.get_help(context) + "\n"


def reference() -> str:
    """The whole of docs/commands.md."""
    parts = ["# Commands\n\nMade from the commands themselves by `make docs`. JSON of each: [json.md](json.md).\n"]
    for section, commands in COMMANDS.items():
        parts.append(f"## {section}\n")
        parts += [f"### {name}\n\n```text\n{help_of(name)}```\n" for name in commands]
    return "\n".join(parts)


def with_help(readme: str) -> str:
    """The README with today's help in its marked block."""
    return _HELP_BLOCK.sub(lambda _: help_of(), readme)


if __name__ == "__main__":
    REFERENCE.write_text(reference(), encoding="utf-8")
    README.write_text(with_help(README.read_text(encoding="utf-8")), encoding="utf-8")
