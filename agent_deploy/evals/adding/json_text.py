"""A case more in JSON or JSON lines, in the layout of the case before it. What was there stays byte for byte."""

from __future__ import annotations

import json
import re
from typing import Any

from agent_deploy.evals.reading.json_file import Walk
from agent_deploy.evals.reading.rows import CASES_KEYS


def append_json(text: str, row: dict[str, Any]) -> str:
    """The text of a JSON file with the case as the last of its list."""
    start, end = _last_item(text)
    lead = text[text.rfind("\n", 0, start) + 1 : start]
    own_line = not lead.strip()
    item = text[start:end]
    inner = re.match(r"\{\r?\n([ \t]+)", item)
    step = inner.group(1).removeprefix(lead) if inner and own_line else None
    newline = newline_of(text)
    added = _dumped(row, item, text, step).replace("\n", newline + lead)
    between = f",{newline}{lead}" if own_line else ", "
    return f"{text[:end]}{between}{added}{text[end:]}"


def new_json(row: dict[str, Any], schema: str) -> str:
    """The text of a JSON file with this case alone."""
    return json.dumps({"$schema": schema, "cases": [row]}, indent=2, ensure_ascii=False) + "\n"


def append_json_line(text: str, row: dict[str, Any]) -> str:
    """The text of a JSON lines file with one line more."""
    newline = newline_of(text)
    lines = [line for line in text.splitlines() if line.strip()]
    before = "" if not text or text.endswith("\n") else newline
    return f"{text}{before}{_dumped(row, lines[-1] if lines else '', text, None)}{newline}"


def newline_of(text: str) -> str:
    """What ends the lines of this text."""
    return "\r\n" if "\r\n" in text else "\n"


def _dumped(row: dict[str, Any], sample: str, text: str, step: str | None) -> str:
    """The row as JSON, as tight and as ASCII as what is there already."""
    tight = bool(re.search(r'":\S', sample)) and not re.search(r'": ', sample)
    separators = (",", ":") if tight else (", " if step is None else ",", ": ")
    escaped = text.isascii() and "\\u" in text
    return json.dumps(row, indent=step, separators=separators, ensure_ascii=escaped)


def _last_item(text: str) -> tuple[int, int]:
    walk = Walk(text)
    at = walk.skip(0)
    if text[at] == "{":
        at = next(value_at for value_at in _cases_lists(walk, at))
    start = end = at
    for start in walk.items(at):
        _, end = walk.value(start)
        walk.end = end
    return start, end


def _cases_lists(walk: Walk, at: int) -> list[int]:
    found = []
    for key, _, value_at in walk.members(at):
        if key in CASES_KEYS:
            found.append(value_at)
        _, walk.end = walk.value(value_at)
    return found
