"""What changed between two bundles, which bump that calls for, and which tags are refused and why."""

from __future__ import annotations

import json
from typing import Any

import pytest

from registry.changes import Change, Content, check_tag, find_changes, next_tag
from registry.errors import BadInput
from registry.source import variables_of

_FILES = {
    "system.md": b"Sort {{ query }}.",
    "classify.md": b"Classify.",
    "lookup.json": b'{"type": "object"}',
    "triage.json": b'{"type": "string"}',
}


def _content(files: dict[str, bytes] | None = None, **changes: Any) -> Content:
    config: dict[str, Any] = {
        "workflow": "support-triage",
        "prompts": {"system": "system.md", "classify": "classify.md"},
        "models": {
            "default": {"provider": "openai", "name": "gpt-5-mini", "temperature": 0.0},
            "check": {"provider": "openai", "name": "gpt-5"},
        },
        "tools": {"lookup": "lookup.json"},
        "output": {"schema": "triage.json"},
    } | changes
    config = {key: value for key, value in config.items() if value is not None}
    held = _FILES | (files or {})
    return Content(config, held, variables_of(config, held))


_MODELS = _content().config["models"]
_PROMPTS = _content().config["prompts"]

CHANGES: dict[str, tuple[Content, list[tuple[str, str]]]] = {
    "nothing": (_content(), []),
    "the output schema": (_content({"triage.json": b"{}"}), [("major", "the output schema changed")]),
    "the output schema is gone": (_content(output=None), [("major", "the output schema changed")]),
    "the output schema, reformatted": (_content({"triage.json": b'{ "type":"string" }\n'}), []),
    "a tool": (_content({"lookup.json": b"{}"}), [("major", "tool 'lookup' changed")]),
    "a tool, reformatted": (_content({"lookup.json": b'{ "type":"object" }\n'}), []),
    "a tool is gone": (_content(tools=None), [("major", "tool 'lookup' was removed")]),
    "a tool is new": (
        _content(tools={"lookup": "lookup.json", "refund": "lookup.json"}),
        [("major", "tool 'refund' was added")],
    ),
    "a tool is renamed": (
        _content(tools={"find": "lookup.json"}),
        [("major", "tool 'find' was added"), ("major", "tool 'lookup' was removed")],
    ),
    "a variable is new": (
        _content({"classify.md": b"Classify {{ tone }}."}),
        [("major", "template variable 'tone' is new"), ("patch", "prompt 'classify' reads otherwise")],
    ),
    "a variable is gone": (
        _content({"system.md": b"Sort."}),
        [("major", "template variable 'query' is gone"), ("patch", "prompt 'system' reads otherwise")],
    ),
    "a prompt is gone": (
        _content(prompts={"system": "system.md"}),
        [("major", "prompt 'classify' is gone")],
    ),
    "a prompt is new": (
        _content(prompts=_PROMPTS | {"extra": "classify.md"}),
        [("minor", "prompt 'extra' is new")],
    ),
    "a model step is gone": (
        _content(models={"default": _MODELS["default"]}),
        [("major", "model step 'check' is gone")],
    ),
    "a model step is new": (
        _content(models=_MODELS | {"more": _MODELS["check"]}),
        [("minor", "model step 'more' is new")],
    ),
    "a model's name": (
        _content(models=_MODELS | {"check": {"provider": "openai", "name": "gpt-6"}}),
        [("minor", "models.check.name: 'gpt-5' → 'gpt-6'")],
    ),
    "a model's provider": (
        _content(models=_MODELS | {"check": {"provider": "bedrock", "name": "gpt-5"}}),
        [("minor", "models.check.provider: 'openai' → 'bedrock'")],
    ),
    "a parameter": (
        _content(models=_MODELS | {"default": _MODELS["default"] | {"temperature": 0.2, "seed": 7}}),
        [
            ("patch", "models.default.seed: unset → 7"),
            ("patch", "models.default.temperature: 0.0 → 0.2"),
        ],
    ),
    "a prompt's text": (
        _content({"classify.md": b"Classify!"}),
        [("patch", "prompt 'classify' reads otherwise")],
    ),
    "metadata": (_content(metadata={"owner": "x"}), [("patch", "[metadata] changed")]),
    "what an input is": (_content(inputs={"query": "the message"}), [("patch", "[inputs] changed")]),
    "a file's name": (
        _content({"main.md": _FILES["system.md"]}, prompts=_PROMPTS | {"system": "main.md"}),
        [("patch", "files were renamed")],
    ),
    "all at once, the gravest first": (
        _content(
            {"classify.md": b"Classify!", "triage.json": b"{}"},
            models=_MODELS | {"check": {"provider": "openai", "name": "gpt-6"}},
        ),
        [
            ("major", "the output schema changed"),
            ("minor", "models.check.name: 'gpt-5' → 'gpt-6'"),
            ("patch", "prompt 'classify' reads otherwise"),
        ],
    ),
}


@pytest.mark.parametrize(("new", "expected"), CHANGES.values(), ids=CHANGES)
def test_every_change_is_named_with_the_bump_that_it_calls_for(new: Content, expected: list[tuple[str, str]]) -> None:
    assert [(change.level, change.what) for change in find_changes(_content(), new)] == expected


MAJOR, MINOR, PATCH = ([Change(level, "it")] for level in ("major", "minor", "patch"))

NEXT = [
    (None, [], "1.0.0"),
    ("1.4.2", MAJOR, "2.0.0"),
    ("1.4.2", MINOR, "1.5.0"),
    ("1.4.2", PATCH, "1.4.3"),
    ("1.4.2", [], "1.4.3"),
    ("0.1.0", MAJOR, "1.0.0"),
    ("2.0.0-rc.1", MAJOR, "2.0.0"),
    ("2.0.0-rc.1", PATCH, "2.0.0"),
    ("2.1.0-rc.1", MINOR, "2.1.0"),
    ("2.1.3-rc.1", MINOR, "2.2.0"),
    ("1.0.0+build.7", PATCH, "1.0.1"),
]


@pytest.mark.parametrize(("latest", "changes", "tag"), NEXT)
def test_without_a_tag_the_latest_is_bumped_by_the_gravest_change(
    latest: str | None, changes: list[Change], tag: str
) -> None:
    assert next_tag(latest, changes) == tag


ACCEPTED = [
    ("0.0.1", None, []),
    ("7.3.1-beta", None, []),
    ("1.0.1", "1.0.0", PATCH),
    ("1.0.7", "1.0.0", PATCH),
    ("1.1.0", "1.0.0", PATCH),
    ("2.0.0", "1.0.0", PATCH),
    ("1.1.0", "1.0.0", MINOR),
    ("2.0.0", "1.9.9", MAJOR),
    ("2.0.0-rc.1", "1.9.9", MAJOR),
    ("2.0.0-rc.2", "2.0.0-rc.1", PATCH),
    ("2.0.0", "2.0.0-rc.2", MAJOR),
    ("1.0.1+build.7", "1.0.0", PATCH),
]


@pytest.mark.parametrize(("tag", "latest", "changes"), ACCEPTED)
def test_a_tag_that_is_greater_and_great_enough_is_taken(tag: str, latest: str | None, changes: list[Change]) -> None:
    assert check_tag(tag, latest, changes) == tag


_NO_SEMVER = "is not a semantic version like 1.4.0 or 2.0.0-rc.1"
_CALLS_FOR = "the change calls for a"
REFUSED = [
    ("1.4", None, [], f"tag '1.4' {_NO_SEMVER}"),
    ("v1.4.0", None, [], f"tag 'v1.4.0' {_NO_SEMVER}"),
    ("01.4.0", "1.0.0", [], f"tag '01.4.0' {_NO_SEMVER}"),
    ("1.4.0-", "1.0.0", [], f"tag '1.4.0-' {_NO_SEMVER}"),
    ("latest", "1.0.0", [], f"tag 'latest' {_NO_SEMVER}"),
    ("1.0.0", "1.0.0", PATCH, "tag 1.0.0 is refused: it is not greater than the latest, 1.0.0; the least is 1.0.1"),
    ("0.9.0", "1.0.0", MAJOR, "tag 0.9.0 is refused: it is not greater than the latest, 1.0.0; the least is 2.0.0"),
    ("1.0.0+b", "1.0.0", PATCH, "tag 1.0.0+b is refused: it is not greater than the latest, 1.0.0; the least is 1.0.1"),
    ("1.0.0-a", "1.0.0", PATCH, "tag 1.0.0-a is refused: it is not greater than the latest, 1.0.0; the least is 1.0.1"),
    ("1.0.1", "1.0.0", MINOR, f"tag 1.0.1 is refused: {_CALLS_FOR} minor bump from 1.0.0 (it); the least is 1.1.0"),
    ("1.9.0", "1.0.0", MAJOR, f"tag 1.9.0 is refused: {_CALLS_FOR} major bump from 1.0.0 (it); the least is 2.0.0"),
    ("1.1.0-a", "1.0.0", MAJOR, f"tag 1.1.0-a is refused: {_CALLS_FOR} major bump from 1.0.0 (it); the least is 2.0.0"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("tag", "latest", "changes", "message"), REFUSED, ids=[f"{tag} after {latest}" for tag, latest, *_ in REFUSED]
)
def test_a_tag_that_is_wrong_or_too_low_is_refused_with_the_reason(
    tag: str, latest: str | None, changes: list[Change], message: str
) -> None:
    with pytest.raises(BadInput) as refused:
        check_tag(tag, latest, changes)
    assert refused.value.message == message


def test_a_tag_too_low_is_refused_with_the_command_that_would_do() -> None:
    with pytest.raises(BadInput) as refused:
        check_tag("1.0.1", "1.0.0", MINOR)
    assert refused.value.unchanged == "Nothing was registered."
    assert refused.value.next_command == "the same command with --tag 1.1.0"


def test_schemas_are_compared_as_json_and_not_as_text() -> None:
    keys = {"type": "object", "properties": {"a": {}, "b": {}}}
    other = {"properties": {"b": {}, "a": {}}, "type": "object"}
    old, new = (_content({"lookup.json": json.dumps(schema).encode()}) for schema in (keys, other))
    assert find_changes(old, new) == []
