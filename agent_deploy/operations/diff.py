"""diff: what changed from one version to another."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from agent_deploy.operations.show import find
from registry.changes import Change, Content, find_changes
from registry.content import read_content
from registry.models import Version
from registry.registry import Registry


@dataclass(frozen=True, slots=True)
class Diff:
    """The differences in words, and a unified diff of each file that reads otherwise, by its name in the bundle."""

    old: Version
    new: Version
    changes: tuple[Change, ...]
    texts: dict[str, str]


def diff(registry: Registry, old_ref: str, new_ref: str) -> Diff:
    """Compare two versions, of one workflow or of two."""
    old, new = find(registry, old_ref), find(registry, new_ref)
    before, after = read_content(registry.store, old), read_content(registry.store, new)
    texts = dict(_texts(before, after, old.ref, new.ref))
    return Diff(old, new, tuple(find_changes(before, after)), texts)


def _texts(before: Content, after: Content, old_ref: str, new_ref: str) -> Iterator[tuple[str, str]]:
    old_files, new_files = _named(before), _named(after)
    for name in sorted({*old_files, *new_files}):
        lines = difflib.unified_diff(
            old_files.get(name, "").splitlines(keepends=True),
            new_files.get(name, "").splitlines(keepends=True),
            f"{old_ref} {name}" if name in old_files else "/dev/null",
            f"{new_ref} {name}" if name in new_files else "/dev/null",
        )
        text = "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
        if text:
            yield name, text


def _named(content: Content) -> dict[str, str]:
    """The texts of a bundle by what they are in it (`prompt system`), so that a renamed file is no change."""
    config = content.config
    named = {f"prompt {name}": path for name, path in config["prompts"].items()}
    named |= {f"tool {name}": path for name, path in config.get("tools", {}).items()}
    if "output" in config:
        named["output schema"] = config["output"]["schema"]
    return {name: content.files[path].decode() for name, path in named.items()}
