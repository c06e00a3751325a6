"""Pins in a W3C baggage header: what is written is read, and all else is left alone."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent_deploy.client.baggage import Claim, format_claim, parse_claim, read, write

DIGEST = "sha256:" + "ab" * 32
CLAIM = Claim(8, 42, "1.4.0", DIGEST)
BAGGAGE_OCTETS = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*")

claims = st.builds(
    Claim,
    generation=st.integers(0, 10**18 - 1),
    version=st.integers(0, 10**18 - 1),
    tag=st.from_regex(r"[0-9A-Za-z.+-]{0,40}", fullmatch=True),
    digest=st.from_regex(r"sha256:[0-9a-f]{64}", fullmatch=True),
)
workflows = st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True)
keys = st.from_regex(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,20}", fullmatch=True).filter(
    lambda key: not key.startswith("agent-deploy.")
)
members = st.builds(
    lambda key, value, rest: f"{key}={value}{rest}",
    keys,
    st.from_regex(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]{0,20}", fullmatch=True),
    st.sampled_from(["", ";p=1", " ; p=1;q"]),
)


@settings(deadline=None)
@given(claim=claims)
def test_a_written_claim_is_read_as_it_was(claim: Claim) -> None:
    assert parse_claim(format_claim(claim)) == claim
    assert BAGGAGE_OCTETS.fullmatch(format_claim(claim))


@settings(deadline=None)
@given(claim=claims)
def test_a_claim_survives_a_hop_that_encodes_as_forms_do(claim: Claim) -> None:
    from urllib.parse import quote_plus, unquote_plus

    assert parse_claim(quote_plus(unquote_plus(format_claim(claim)))) == claim


@settings(deadline=None)
@given(text=st.text())
def test_any_text_is_a_claim_or_none(text: str) -> None:
    claim = parse_claim(text)
    assert claim is None or parse_claim(format_claim(claim)) == claim


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    others=st.lists(members),
    own=st.dictionaries(workflows, claims, min_size=1),
    name=st.sampled_from(["baggage", "Baggage", "BAGGAGE"]),
)
def test_writing_keeps_every_other_member_and_replaces_ones_own(
    others: list[str], own: dict[str, Claim], name: str
) -> None:
    headers = {name: ", ".join(others), "accept": "*/*"}
    write(headers, dict.fromkeys(own, CLAIM))
    write(headers, own)
    assert set(headers) == {name, "accept"}
    assert {workflow: read(headers, workflow) for workflow in own} == own
    assert headers[name].split(",")[len(own) :] == others


@settings(deadline=None)
@given(text=st.text(), workflow=workflows)
def test_any_header_can_be_read(text: str, workflow: str) -> None:
    assert read({"baggage": text}, workflow) is None or "agent-deploy." in text


@pytest.mark.parametrize(
    "headers",
    [
        {"baggage": f"agent-deploy.triage=8/42/1.4.0/{DIGEST}"},
        {"BAGGAGE": f"userId=ann , agent-deploy.triage = 8/42/1.4.0/{DIGEST};trusted=1 ,x=y"},
        [(b"host", b"x"), (b"Baggage", b"a=b"), (b"baggage", f"agent-deploy.triage=8/42/1.4.0/{DIGEST}".encode())],
        {"baggage": f"agent-deploy.triage=8%2F42%2F1.4.0%2F{DIGEST.replace(':', '%3A')}"},
        {"baggage": f"agent-deploy.triage=1/1/1.0.0/{DIGEST},agent-deploy.triage=8/42/1.4.0/{DIGEST}"},
        {"baggage": f"agent-deploy.triage=8/42/1.4.0/{DIGEST},agent-deploy.triage=junk"},
    ],
)
def test_a_pin_is_found_however_the_headers_are_spelt(headers: object) -> None:
    assert read(headers, "triage") == CLAIM  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value",
    [
        "",
        "8",
        "8/42/1.4.0",
        "8/42/1.4.0/sha256:ab",
        f"8/42/1.4.0/{DIGEST}/",
        f"8/42/1.4.0/{DIGEST.upper()}",
        f"-8/42/1.4.0/{DIGEST}",
        f"08/42/1.4.0/{DIGEST}",
        f"8/42/a b/{DIGEST}",
        f"{'9' * 5000}/42/1.4.0/{DIGEST}",
        f"٨/42/1.4.0/{DIGEST}",
        "%ff%fe",
    ],
)
def test_a_malformed_pin_is_logged_and_ignored(value: str, caplog: pytest.LogCaptureFixture) -> None:
    assert read({"baggage": f"agent-deploy.triage={value}"}, "triage") is None
    assert "ignored a malformed baggage member for triage" in caplog.text
    assert len(caplog.messages[0]) < 400


def test_nothing_pinned_leaves_the_headers_alone() -> None:
    headers = {"accept": "*/*"}
    write(headers, {})
    assert headers == {"accept": "*/*"}
