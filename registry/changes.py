"""What changed between two bundles, what that means for the tag, and whether a given tag is enough. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from registry.errors import BadInput

Level = Literal["major", "minor", "patch"]


@dataclass(frozen=True, slots=True)
class Content:
    """A bundle's content as compared: its config, its files by path, and the variables that its prompts take."""

    config: Mapping[str, Any]
    files: Mapping[str, bytes]
    variables: frozenset[str]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: `what` in words, and the least bump that it calls for."""

    level: Level
    what: str


def find_changes(old: Content, new: Content) -> list[Change]:
    """Every difference that matters to whoever calls the workflow, gravest first.

    Callers break on another output schema, other tools or other variables, or on a prompt or model step that is gone:
    major. Another model, or a new prompt or step: minor. Wording, parameters, metadata: patch.
    """
    changes = [*_schemas(old, new), *_variables(old, new), *_prompts(old, new), *_models(old, new), *_rest(old, new)]
    return sorted(changes, key=lambda change: ("major", "minor", "patch").index(change.level))


def _schemas(old: Content, new: Content) -> list[Change]:
    import json

    changes = []
    if _schema(old) != _schema(new):
        changes.append(Change("major", "the output schema changed"))
    before, after = old.config.get("tools", {}), new.config.get("tools", {})
    for name in sorted({*before, *after}):
        if name not in before or name not in after:
            changes.append(Change("major", f"tool {name!r} was {'added' if name in after else 'removed'}"))
        elif json.loads(old.files[before[name]]) != json.loads(new.files[after[name]]):
            changes.append(Change("major", f"tool {name!r} changed"))
    return changes


def _schema(content: Content) -> Any:
    import json

    return json.loads(content.files[content.config["output"]["schema"]]) if "output" in content.config else None


def _variables(old: Content, new: Content) -> list[Change]:
    added = [Change("major", f"template variable {name!r} is new") for name in sorted(new.variables - old.variables)]
    gone = [Change("major", f"template variable {name!r} is gone") for name in sorted(old.variables - new.variables)]
    return added + gone


def _prompts(old: Content, new: Content) -> list[Change]:
    before, after = old.config["prompts"], new.config["prompts"]
    changes = []
    for name in sorted({*before, *after}):
        if name not in after:
            changes.append(Change("major", f"prompt {name!r} is gone"))
        elif name not in before:
            changes.append(Change("minor", f"prompt {name!r} is new"))
        elif old.files[before[name]] != new.files[after[name]]:
            changes.append(Change("patch", f"prompt {name!r} reads otherwise"))
    return changes


def _models(old: Content, new: Content) -> list[Change]:
    before, after = old.config["models"], new.config["models"]
    changes = []
    for step in sorted({*before, *after}):
        if step not in after:
            changes.append(Change("major", f"model step {step!r} is gone"))
        elif step not in before:
            changes.append(Change("minor", f"model step {step!r} is new"))
        else:
            changes.extend(_model(step, before[step], after[step]))
    return changes


def _model(step: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    changes = []
    for key in sorted({*before, *after}):
        if before.get(key) != after.get(key):
            level: Level = "minor" if key in ("provider", "name") else "patch"
            changes.append(Change(level, f"models.{step}.{key}: {_shown(before, key)} → {_shown(after, key)}"))
    return changes


def _shown(table: Mapping[str, Any], key: str) -> str:
    return repr(table[key]) if key in table else "unset"


def _rest(old: Content, new: Content) -> list[Change]:
    changes = []
    for table in ("metadata", "inputs"):
        if old.config.get(table, {}) != new.config.get(table, {}):
            changes.append(Change("patch", f"[{table}] changed"))
    if not changes and old.config != new.config and set(old.files) != set(new.files):
        changes.append(Change("patch", "files were renamed"))
    return changes


def next_tag(latest: str | None, changes: list[Change]) -> str:
    """The tag that these changes call for after `latest`; `1.0.0` is the first."""
    if latest is None:
        return "1.0.0"
    import semver

    return str(semver.Version.parse(latest).next_version(changes[0].level if changes else "patch"))


def check_tag(tag: str, latest: str | None, changes: list[Change]) -> str:
    """The tag itself, if it is SemVer 2.0, greater than `latest`, and as great a bump as the changes call for.

    Raises BadInput with the reason and the least tag that would do.
    """
    import semver

    try:
        given = semver.Version.parse(tag)
    except ValueError as error:
        raise BadInput(f"tag {tag!r} is not a semantic version like 1.4.0 or 2.0.0-rc.1") from error
    if latest is None:
        return tag
    least = next_tag(latest, changes)
    if given <= semver.Version.parse(latest):
        raise _too_low(tag, f"it is not greater than the latest, {latest}", least)
    if given.finalize_version() < semver.Version.parse(least).finalize_version():
        level, what = (changes[0].level, changes[0].what) if changes else ("patch", "nothing changed")
        raise _too_low(tag, f"the change calls for a {level} bump from {latest} ({what})", least)
    return tag


def _too_low(tag: str, why: str, least: str) -> BadInput:
    return BadInput(
        f"tag {tag} is refused: {why}; the least is {least}",
        unchanged="Nothing was registered.",
        next_command=f"the same command with --tag {least}",
    )
