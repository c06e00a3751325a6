"""What does not belong in a bundle's text: what a reviewer cannot see, and likely secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.errors import BadInput
from registry.screening import check_no_secret
from registry.source import read_source
from tests.registry.sources import TOML, refusal, write

INVISIBLE = [
    ("\u202e", "U+202E (RIGHT-TO-LEFT OVERRIDE)"),
    ("\u202a", "U+202A (LEFT-TO-RIGHT EMBEDDING)"),
    ("\u2066", "U+2066 (LEFT-TO-RIGHT ISOLATE)"),
    ("\u2069", "U+2069 (POP DIRECTIONAL ISOLATE)"),
    ("\U000e0041", "U+E0041 (TAG LATIN CAPITAL LETTER A)"),
    ("\U000e0002", "U+E0002 (TAG)"),
    ("\U000e0100", "U+E0100 (VARIATION SELECTOR-17)"),
]

_AWS = "AKIA" + "IOSFODNN7EXAMPL2"
SECRETS = [
    (f"use {_AWS} for it", _AWS, "AWS Access Key"),
    ("sk-proj-" + "a1b2c3d4" * 3, "a1b2c3d4", "API key of a model provider"),
    ("sk-ant-api03-" + "a1b2c3d4" * 3, "a1b2c3d4", "API key of a model provider"),
    ("sk-" + "A1b2" * 8, "A1b2A1b2", "API key of a model provider"),
    ("hf_" + "Ab1c" * 9, "Ab1cAb1c", "API key of a model provider"),
    ("AIza" + "Ab1c_" * 7, "Ab1c_Ab1c", "API key of a model provider"),
    ("gsk_" + "Ab1c" * 10, "Ab1cAb1c", "API key of a model provider"),
    ("ghp_" + "Ab1c" * 9, "Ab1cAb1c", "GitHub Token"),
    ("glpat-" + "Ab1c" * 5, "Ab1cAb1c", "GitLab Token"),
    ("xoxb-1234567890-" + "Ab1c" * 6, "Ab1cAb1c", "Slack Token"),
    ("-----BEGIN RSA PRIVATE KEY-----", "KEY-----", "Private Key"),
    ('password = "hunter2hunter2"', "hunter2", "Secret Keyword"),
    ("see https://ann:hunter2hunter2@example.org/", "hunter2", "Basic Auth Credentials"),
]

HARMLESS = [
    "Never ask for the customer's password, PIN or API key.",
    'If the api_key="{{ api_key }}" is wrong, say so.',
    'secret: "a whole sentence of prose"',
    "The order number is sk-12345.",
    "\u200bzero-width joiners make emoji: \U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f",
    "שלום, مرحبا",
    "sha256:" + "0123456789abcdef" * 4,
]


@pytest.mark.parametrize(("character", "name"), INVISIBLE, ids=[name for _, name in INVISIBLE])
def test_an_invisible_character_is_refused_with_its_place_unless_allowed(
    tmp_path: Path, character: str, name: str
) -> None:
    write(tmp_path, files={"system.md": f"first line\nab{character}c\n"})
    assert refusal(tmp_path) == f"system.md:2: column 3 holds {name}, which a reviewer cannot see"
    assert refusal(tmp_path, allow_secret=True) == refusal(tmp_path)
    assert read_source(tmp_path, allow_invisible=True).files["system.md"].decode() == f"first line\nab{character}c\n"


def test_an_invisible_character_is_found_in_every_file_of_a_bundle(tmp_path: Path) -> None:
    toml = TOML + '[tools]\nlookup = "lookup.json"\n'
    write(tmp_path, toml, {"lookup.json": '{"description": "\u202e"}'})
    found = "column 18 holds U+202E (RIGHT-TO-LEFT OVERRIDE), which a reviewer cannot see"
    assert refusal(tmp_path) == f"lookup.json:1: {found}"
    write(tmp_path, toml + '[metadata]\nowner = "\u2066"\n')
    found = "column 10 holds U+2066 (LEFT-TO-RIGHT ISOLATE), which a reviewer cannot see"
    assert refusal(tmp_path) == f"bundle.toml:10: {found}"


@pytest.mark.parametrize(("text", "part", "kind"), SECRETS, ids=[f"{kind}, {part}" for _, part, kind in SECRETS])
def test_a_likely_secret_is_refused_unrepeated_unless_allowed(tmp_path: Path, text: str, part: str, kind: str) -> None:
    write(tmp_path, files={"system.md": f"first line\n{text}\n"})
    message = refusal(tmp_path, allow_invisible=True)
    assert message == f"system.md:2: looks like a secret ({kind})"
    assert part not in message
    assert read_source(tmp_path, allow_secret=True).files["system.md"].decode() == f"first line\n{text}\n"


def test_a_secret_in_the_wrong_place_is_found_before_a_message_could_quote_it(tmp_path: Path) -> None:
    write(tmp_path, f'{TOML}temperature = "{_AWS}"\n')
    assert refusal(tmp_path) == "bundle.toml:7: looks like a secret (AWS Access Key)"
    write(tmp_path, TOML, {"system.md": "{{ " + _AWS + " " + _AWS + " }}"})
    assert refusal(tmp_path) == "system.md:1: looks like a secret (AWS Access Key)"


@pytest.mark.parametrize("text", HARMLESS)
def test_ordinary_words_about_secrets_and_other_scripts_pass(tmp_path: Path, text: str) -> None:
    assert read_source(write(tmp_path, files={"system.md": text})).files["system.md"].decode() == text


def test_each_refusal_says_how_to_insist() -> None:
    with pytest.raises(BadInput) as refused:
        check_no_secret(_AWS, "system.md")
    assert refused.value.unchanged == "Nothing was registered."
    assert refused.value.next_command == "agent-deploy register SOURCE --allow-secret   # if it is not one"
