"""A bundle folder whose every line is known, and what reading it is refused with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from registry.errors import BadInput
from registry.source import read_source

# Lines 1 to 6; what a test adds begins on line 7.
TOML = """\
workflow = "support-triage"
[prompts]
system = "system.md"
[models.default]
provider = "openai"
name = "gpt-5-mini"
"""
PROMPT = "Sort the customer's message into one of our intents.\n"


def write(folder: Path, toml: str | bytes = TOML, files: Mapping[str, str | bytes] | None = None) -> Path:
    """A bundle folder of this `bundle.toml` and these files, verbatim; `system.md` unless another is given."""
    for path, content in {"bundle.toml": toml, "system.md": PROMPT, **(files or {})}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def refusal(folder: Path, *, allow_invisible: bool = False, allow_secret: bool = False) -> str:
    """The message that reading the folder is refused with; one line, always."""
    with pytest.raises(BadInput) as refused:
        read_source(folder, allow_invisible=allow_invisible, allow_secret=allow_secret)
    assert "\n" not in refused.value.message
    return refused.value.message
