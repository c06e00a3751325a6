"""What a pattern and a checksum can find of personal data is taken out, and only counted."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from agent_deploy.evals.redaction import redact
from registry.errors import BadInput


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("Write to ann.o'neil+x@mail.example.co.uk.", "Write to <EMAIL>."),
        ("Card 4111 1111 1111 1111, exp 12/27", "Card <CARD>, exp 12/27"),
        ("4111-1111-1111-1111", "<CARD>"),
        ("378282246310005!", "<CARD>!"),
        ("IBAN GB82 WEST 1234 5698 7654 32 PLEASE", "IBAN <IBAN> PLEASE"),
        ("de89370400440532013000", "<IBAN>"),
        ("from 192.168.10.7. And 2001:db8::1", "from <IP>. And <IP>"),
        ("Call +44 20 7946 0958 or (415) 555-2671", "Call <PHONE> or <PHONE>"),
        ("ring 07911 123456", "ring <PHONE>"),
        ("ring 020 7946 0958", "ring <PHONE>"),
    ],
)
def test_personal_data_gives_way_to_its_kind(text: str, redacted: str) -> None:
    assert redact(text)[0] == redacted


@pytest.mark.parametrize(
    "text",
    ["Order 4111 1111 1111 1112", "at 12:30 on 2024-01-01", "version 1.2.3", "ratio 3:4:5", "order AB12 3456", "a@b",
     "GB00 WEST 1234 5698 7654 32", "300.1.2.3", "<EMAIL>", "€ 1,204.50", "ticket 20260401"],
)  # fmt: skip
def test_what_only_resembles_it_stays(text: str) -> None:
    assert redact(text) == (text, {})


def test_texts_are_found_wherever_they_stand_and_kinds_are_counted() -> None:
    value = {"a@b.example": ["a@b.example, c@d.example", 4111111111111111, None], "q": {"ip": "10.0.0.1"}}
    assert redact(value) == (
        {"a@b.example": ["<EMAIL>, <EMAIL>", 4111111111111111, None], "q": {"ip": "<IP>"}},
        {"EMAIL": 2, "IP": 1},
    )


def test_phone_numbers_without_a_country_code_are_read_as_those_of_the_regions() -> None:
    assert redact("ring 030 901820", ["DE"]) == ("ring <PHONE>", {"PHONE": 1})
    assert redact("ring 030 901820", []) == ("ring 030 901820", {})
    with pytest.raises(BadInput, match="'Germany' is no country code of two capital letters"):
        redact("ring", ["Germany"])


def test_without_the_extra_the_command_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "phonenumbers"]:
        monkeypatch.delitem(sys.modules, name)
    blocked: Any = None
    monkeypatch.setitem(sys.modules, "phonenumbers", blocked)
    with pytest.raises(BadInput) as raised:
        redact("a")
    assert (raised.value.unchanged, raised.value.next_command) == (
        "Nothing was written.",
        'pip install "agent-deploy[redact]"',
    )
