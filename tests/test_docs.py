"""The documents tell the truth about the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agent_deploy.cli.main import COMMANDS
from tests.reference import README, REFERENCE, ROOT, reference, with_help

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def test_the_command_reference_is_what_the_commands_say() -> None:
    assert REFERENCE.read_text(encoding="utf-8") == reference(), "run `make docs`"


def test_the_help_in_the_readme_is_what_the_command_says() -> None:
    readme = README.read_text(encoding="utf-8")
    assert "<!-- agent-deploy --help -->" in readme
    assert with_help(readme) == readme, "run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text)
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_names_exists(page: Path) -> None:
    code = "\n".join(re.findall(r"```.*?```|`[^`\n]+`", page.read_text(encoding="utf-8"), re.DOTALL))
    named = set(re.findall(r"(?:^|[`$(;|&] ?|- )agent-deploy (?:--\w+ \S+ )*([a-z]+)\b", code, re.MULTILINE))
    known = {name for commands in COMMANDS.values() for name in commands}
    assert named <= known
