"""`bundle.toml`: every fault is one line that names the place and, for a near miss, the right spelling."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.source import read_source
from tests.registry.sources import TOML, refusal, write

_NOT_JSON_SAFE = "is too large a number; 9007199254740991 is the most that JSON carries exactly"
_PARTS = "a bundle has a workflow, [prompts] and [models.<step>]"
_NO_NAME = "is not a name: letters, digits, _ and -, 63 at most"
_NO_WORKFLOW = "is not a workflow name: lower-case letters, digits and dashes, 63 at most"

SYNTAX = [
    ("x = \n", "bundle.toml:7: not TOML: Invalid value (at line 7, column 5)"),
    ("[metadata\n", "bundle.toml:7: not TOML: Expected ']' at the end of a table declaration (at line 7, column 10)"),
    ('name = "again"\n', "bundle.toml:7: not TOML: Cannot overwrite a value (at line 7, column 15)"),
    ('x = "open', "bundle.toml: not TOML: Unterminated string (at end of document)"),
    ("x = " + "9" * 5000, "bundle.toml: not TOML: a number has too many digits"),
    ("x = " + "[" * 5000 + "]" * 5000, "bundle.toml: nested too deeply"),
]

PARAMETERS = [
    ("temprature = 0.1", "unknown parameter 'models.default.temprature'; did you mean 'temperature'?"),
    ('temperature = "0.1"', "models.default.temperature must be a number, not '0.1'"),
    ("temperature = true", "models.default.temperature must be a number, not True"),
    ("temperature = inf", "models.default.temperature is not a finite number"),
    ("top_p = nan", "models.default.top_p is not a finite number"),
    ("x = -inf", "models.default.x is not a finite number"),
    ("max_tokens = 64.0", "models.default.max_tokens must be a whole number, not 64.0"),
    ("seed = true", "models.default.seed must be a whole number, not True"),
    ("max_tokens = 9007199254740992", f"models.default.max_tokens {_NOT_JSON_SAFE}"),
    ("x = -9007199254740992", f"models.default.x {_NOT_JSON_SAFE}"),
    ("x = 1e16", f"models.default.x {_NOT_JSON_SAFE}"),
    ("x = 0x" + "f" * 5000, f"models.default.x {_NOT_JSON_SAFE}"),
    ("x = [1, [9007199254740992]]", f"models.default.x {_NOT_JSON_SAFE}"),
    ("x = 2026-11-23", "models.default.x is a date; write it as text"),
    ("x = 2026-11-23T12:00:00Z", "models.default.x is a datetime; write it as text"),
    ("x = {at = 12:00:00}", "models.default.x.at is a time; write it as text"),
]

TABLES = [
    ('[promts]\nx = "a"', 7, "unknown key 'promts'; did you mean 'prompts'?"),
    ("[zebra]", 7, "unknown key 'zebra'"),
    ("[tools]\nlookup = 5", 8, "tools.lookup must be text in quotes, not 5"),
    ('[tools]\n"look up" = "x.json"', 8, f"'look up' {_NO_NAME}"),
    (f'[tools]\n{"x" * 64} = "x.json"', 8, f"'{'x' * 64}' {_NO_NAME}"),
    ('[inputs]\n"9" = "x"', 8, f"'9' {_NO_NAME}"),
    ("[metadata]\nbuild = 7", 8, "metadata.build must be text in quotes, not 7"),
    ("[metadata]\nbuild = 0x" + "f" * 5000, 8, "metadata.build must be text in quotes, not a very large int"),
    ('[metadata]\n"a b" = ["' + "x" * 80 + '"]', 8, f"metadata.a b must be text in quotes, not ['{'x' * 58}…"),
    ("[output]", 7, '[output] has one key: schema = "path/to/schema.json"'),
    ('[output]\nshema = "x.json"', 7, '[output] has one key: schema = "path/to/schema.json"'),
    ('[output]\nschema = "x.json"\nshema = 1', 9, "unknown key 'output.shema'; did you mean 'schema'?"),
    ("[output]\nschema = 5", 8, "output.schema must be text in quotes, not 5"),
    ('[models.other]\nprovider = "openai"', 7, "[models.other] has no 'name'"),
    ('[models.other]\nnam = "x"\nprovider = "openai"', 7, "[models.other] has no 'name'; 'nam' is not it"),
    ('[models.other]\nname = "x"\nprovider = 1', 9, "models.other.provider must be text in quotes, not 1"),
    ('[models.other]\nname = ""\nprovider = "openai"', 8, "models.other.name is empty"),
    ('[models."a b"]\nname = "x"', 7, f"'a b' {_NO_NAME}"),
    ('[models]\nother = "gpt"', 8, "'models.other' must be a table, [models.other] with provider and name"),
    ("[[tools]]", 7, "'tools' must be a table, [tools]"),
]

WHOLE = [
    ("", f"bundle.toml: 'workflow' is missing; {_PARTS}"),
    ('workflow = "w"', f"bundle.toml: 'prompts' is missing; {_PARTS}"),
    ('workflow = "w"\n[prompts]', f"bundle.toml: 'models' is missing; {_PARTS}"),
    ('workflow = "w"\n[prompts]\n[models]', "bundle.toml:2: [prompts] is empty; a bundle needs at least one"),
    ('workflow = "w"\nprompts = "p"\n[models]', "bundle.toml:2: 'prompts' must be a table, [prompts]"),
    (TOML.replace('"support-triage"', "7"), "bundle.toml:1: workflow must be text in quotes, not 7"),
    (TOML.replace("support-triage", "Support Triage"), f"bundle.toml:1: 'Support Triage' {_NO_WORKFLOW}"),
    (TOML.replace("support-triage", "-triage"), f"bundle.toml:1: '-triage' {_NO_WORKFLOW}"),
    (TOML.replace("support-triage", "w" * 64), f"bundle.toml:1: '{'w' * 64}' {_NO_WORKFLOW}"),
    ("\ufeff" + TOML, "bundle.toml:1: begins with a byte order mark; save it as UTF-8 without one"),
    (b"# caf\xe9\n" + TOML.encode(), "bundle.toml:1: not UTF-8 text (byte 0xe9)"),
    (TOML + "# a NUL: \0\n", "bundle.toml:7: holds a NUL character"),
]  # fmt: skip


@pytest.mark.parametrize(("added", "message"), SYNTAX, ids=[added[:12] for added, _ in SYNTAX])
def test_what_is_not_toml_is_refused_with_its_line(tmp_path: Path, added: str, message: str) -> None:
    assert refusal(write(tmp_path, TOML + added)) == message


@pytest.mark.parametrize(("added", "message"), PARAMETERS, ids=[added[:24] for added, _ in PARAMETERS])
def test_a_parameter_is_something_that_json_carries_exactly(tmp_path: Path, added: str, message: str) -> None:
    assert refusal(write(tmp_path, TOML + added)) == f"bundle.toml:7: {message}"


@pytest.mark.parametrize(("added", "line", "message"), TABLES, ids=[added[:24] for added, _, _ in TABLES])
def test_a_key_or_type_that_is_wrong_is_named_with_its_line(
    tmp_path: Path, added: str, line: int, message: str
) -> None:
    assert refusal(write(tmp_path, TOML + added)) == f"bundle.toml:{line}: {message}"


@pytest.mark.parametrize(("toml", "message"), WHOLE, ids=[message[:40] for _, message in WHOLE])
def test_what_a_bundle_cannot_be_without(tmp_path: Path, toml: str | bytes, message: str) -> None:
    assert refusal(write(tmp_path, toml)) == message


def test_parameters_unknown_to_us_pass_as_they_are(tmp_path: Path) -> None:
    toml = TOML + 'thinking = {budget = 1024, on = true}\nstop = ["END", "\\u202e"]\nlimit = 9007199254740991\n'
    assert read_source(write(tmp_path, toml)).config["models"]["default"] == {
        "provider": "openai",
        "name": "gpt-5-mini",
        "thinking": {"budget": 1024, "on": True},
        "stop": ["END", "\u202e"],
        "limit": 9007199254740991,
    }
