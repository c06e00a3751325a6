"""What people and models said stays off spans unless a workflow asks for it, whoever wrote it there."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import Link

from agent_deploy import Call
from agent_deploy.client.calls.policies import Policies, settle
from agent_deploy.operations.redaction import CONTENT_PLACES, USER_PLACES, came_out, redaction_check
from agent_deploy.telemetry.content import Mode, Policy, kind_of, redacted
from agent_deploy.telemetry.dropped import dropped
from agent_deploy.telemetry.processor import BundleSpanProcessor
from agent_deploy.telemetry.reading.meaning import MEANINGS
from tests.client.releases import WORKFLOW
from tests.telemetry.traced import Traced, events_of, said

KEY = "a key of thirty-two bytes, or so."
ROOT = f"invoke_workflow {WORKFLOW}"


def set_to(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name in ("CONTENT", "USER", "CONTENT_KEY"):
        monkeypatch.delenv(f"AGENT_DEPLOY_{name}", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(f"AGENT_DEPLOY_{name}", value)


def derived(key: str, workflow: str = WORKFLOW) -> bytes:
    return hmac.new(key.encode(), workflow.encode(), hashlib.sha256).digest()


def hashed(text: str, key: bytes) -> str:
    return "hmac-sha256:" + hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def one_call(folder: Path) -> Traced:
    app = Traced(folder)
    with pytest.raises(ValueError, match="said"), app.client.call(WORKFLOW, user="u-17") as call:
        say_it_everywhere(call)
    app.client.close()
    return app


def say_it_everywhere(call: Call) -> None:
    call.input("what she said")
    with call.tool("lookup", arguments={"b": 1, "a": "ü"}) as tool:
        tool.result("found")
    with call.model() as model:
        model.output("what it said", parsed={"label": "card"})
    raise ValueError("what she said, quoted")


CONTENT_OF_OURS = (
    "user.id",
    "gen_ai.input.messages",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
    "gen_ai.output.messages",
    "agent_deploy.output.parsed",
)


def content_of_ours(app: Traced) -> dict[str, Any]:
    return {name: told for span in app.spans() for name, told in said(span).items() if name in CONTENT_OF_OURS}


def test_without_settings_neither_content_nor_user_ids_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_to(monkeypatch)
    app = one_call(tmp_path)
    assert content_of_ours(app) == {}
    assert events_of(app.span(ROOT)) == [("exception", {"exception.type": "ValueError"})]


def test_in_full_content_has_the_form_of_the_conventions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_to(monkeypatch, CONTENT="full", USER="full")
    app = one_call(tmp_path)
    told = content_of_ours(app)
    assert {name: json.loads(text) for name, text in told.items() if "messages" in name} == {
        "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": "what she said"}]}],
        "gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "text", "content": "what it said"}]}],
    }
    assert {name: text for name, text in told.items() if "messages" not in name} == {
        "user.id": "u-17",
        "gen_ai.tool.call.arguments": '{"a": "ü", "b": 1}',
        "gen_ai.tool.call.result": "found",
        "agent_deploy.output.parsed": '{"label": "card"}',
    }
    ((_, exception),) = events_of(app.span(ROOT))
    assert exception["exception.message"] == "what she said, quoted"
    assert "raise ValueError" in exception["exception.stacktrace"]


def test_hashes_are_hmacs_of_the_text_under_a_key_of_the_workflow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_to(monkeypatch, CONTENT="hash", CONTENT_KEY=KEY)
    app = one_call(tmp_path)
    key = derived(KEY)
    assert content_of_ours(app) == {
        "user.id": hashed("u-17", key),
        "gen_ai.input.messages": hashed("what she said", key),
        "gen_ai.tool.call.arguments": hashed('{"a": "ü", "b": 1}', key),
        "gen_ai.tool.call.result": hashed("found", key),
        "gen_ai.output.messages": hashed("what it said", key),
        "agent_deploy.output.parsed": hashed('{"label": "card"}', key),
    }
    ((_, exception),) = events_of(app.span(ROOT))
    assert exception == {
        "exception.type": "ValueError",
        "exception.message": hashed("what she said, quoted", key),
    }


@pytest.mark.parametrize(
    ("table", "variables", "policy"),
    [
        ({}, {}, ("off", "off", b"")),
        ({}, {"CONTENT_KEY": KEY}, ("off", "hash", derived(KEY))),
        ({"user": "off"}, {"CONTENT_KEY": KEY}, ("off", "off", derived(KEY))),
        ({"content": "full"}, {}, ("full", "off", b"")),
        ({"content": "hash", "user": "full"}, {"CONTENT_KEY": KEY}, ("hash", "full", derived(KEY))),
        ({"content": "full"}, {"CONTENT": "off"}, ("off", "off", b"")),
        ({}, {"CONTENT": "hash", "CONTENT_KEY_SUPPORT_TRIAGE": KEY}, ("hash", "hash", KEY.encode())),
        ({}, {"CONTENT_KEY_SUPPORT_TRIAGE": KEY, "CONTENT_KEY": "x" * 20}, ("off", "hash", KEY.encode())),
        ({}, {"CONTENT_KEY_BILLING": KEY}, ("off", "off", b"")),
    ],
)
def test_settings_come_from_variables_then_the_file_and_users_are_hashed_where_there_is_a_key(
    table: Mapping[str, str], variables: Mapping[str, str], policy: tuple[Mode, Mode, bytes]
) -> None:
    told = settle(WORKFLOW, table, {f"AGENT_DEPLOY_{name}": value for name, value in variables.items()})
    assert told == Policy(*policy)


@pytest.mark.parametrize(
    ("table", "variables", "words"),
    [
        ({"content": "ful"}, {}, "telemetry content is 'ful'; give off, hash or full"),
        ({"user": True}, {}, "telemetry user is True"),
        ({"content": "hash"}, {}, "hashes need a key in AGENT_DEPLOY_CONTENT_KEY, 16 bytes at least"),
        ({"content": "hash"}, {"AGENT_DEPLOY_CONTENT_KEY": "short"}, "hashes need a key"),
        ({"user": "hash"}, {"AGENT_DEPLOY_CONTENT_KEY_SUPPORT_TRIAGE": "short"}, "hashes need a key"),
    ],
)
def test_a_setting_that_is_no_good_is_logged_and_means_off(
    caplog: pytest.LogCaptureFixture, table: Mapping[str, Any], variables: Mapping[str, str], words: str
) -> None:
    with caplog.at_level(logging.WARNING):
        assert settle(WORKFLOW, table, variables) == Policy()
    assert words in caplog.text


def test_a_configuration_file_that_is_broken_is_logged_and_means_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "agent-deploy.toml").write_text("store = \n")
    monkeypatch.chdir(tmp_path)
    with caplog.at_level(logging.WARNING):
        assert Policies({}).of(WORKFLOW) == Policy()
    assert "content and user ids stay off spans" in caplog.text


def test_two_workflows_hash_the_same_text_differently() -> None:
    variables = {"AGENT_DEPLOY_CONTENT": "hash", "AGENT_DEPLOY_CONTENT_KEY": KEY}
    told = [settle(workflow, {}, variables).of_content("the same") for workflow in ("triage", "billing")]
    assert told == [hashed("the same", derived(KEY, workflow)) for workflow in ("triage", "billing")]


def test_a_key_is_not_shown() -> None:
    assert KEY not in repr(settle(WORKFLOW, {}, {"AGENT_DEPLOY_CONTENT_KEY": KEY}))


@pytest.mark.parametrize("name", MEANINGS)
def test_what_readers_of_spans_need_stays(name: str) -> None:
    """Text has to be known as harmless by its name, or is a user's id; numbers stay."""
    if isinstance(MEANINGS[name].read("x"), str):
        assert kind_of(name) == ("user" if MEANINGS[name].part == "user" else "plain")
    else:
        assert redacted({name: 7}, Policy()) is None


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("http.request.method", "GET", "GET"),
        ("http.response.status_code", 200, 200),
        ("server.address", "api.openai.com", "api.openai.com"),
        ("code.function.name", "classify", "classify"),
        ("llm.token_count.prompt", 12, 12),
        ("url.full", "https://a.test/find?q=secret#there", "https://a.test/find"),
        ("url.full", "https://a.test/find", "https://a.test/find"),
        ("url.query", "q=secret", None),
        ("gen_ai.prompt.0.content", "secret", None),
        ("gen_ai.tool.call.result", 4111111111111111, None),
        ("gen_ai.something.new", "secret", None),
        ("embedding.embeddings.0.embedding.vector", (0.1, 0.2), None),
        ("gen_ai.request.stop_sequences", ("END",), ("END",)),
        ("llm.invocation_parameters", '{"user": "ann"}', None),
        ("tool_arguments", "secret", None),
        ("langfuse.observation.input", "secret", None),
        ("app.prompt", "secret", None),
        ("app.plan", "gold", "gold"),
        ("user.email", "ann@a.test", None),
        ("enduser.id", 17, None),
        ("user_agent.original", "curl", "curl"),
    ],
)
def test_with_content_off_an_attribute_stays_or_goes_by_its_name(name: str, value: Any, kept: Any) -> None:
    told = redacted({name: value}, Policy())
    assert ({name: value} if told is None else told) == ({} if kept is None else {name: kept})


def test_what_is_hashed_already_is_not_hashed_again() -> None:
    policy = Policy("hash", "hash", b"k" * 16)
    once = redacted({"input.value": "x", "user.id": "ann"}, policy)
    assert once is not None
    assert redacted(once, policy) is None


def test_links_of_a_span_inside_a_call_are_looked_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_to(monkeypatch)
    app = Traced(tmp_path)
    with app.client.call(WORKFLOW) as call:
        here = trace.get_current_span().get_span_context()
        app.provider.get_tracer("another").start_span(
            "linked", links=[Link(here, {"input.value": "x", "size": 1})]
        ).end()
    (link,) = app.span("linked").links
    assert (dict(link.attributes or {}), link.context.span_id) == ({"size": 1}, int(call.id, 16))
    app.client.close()


def test_a_span_that_ends_outside_its_call_is_redacted_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_to(monkeypatch)
    app = Traced(tmp_path)
    with app.client.call(WORKFLOW):
        span = app.provider.get_tracer("another").start_span("stream", attributes={"gen_ai.system": "openai"})
    span.set_attribute("gen_ai.completion.0.content", "secret")
    span.end()
    assert said(app.span("stream")).keys() >= {"gen_ai.system", "agent_deploy.call.id"}
    assert "gen_ai.completion.0.content" not in said(app.span("stream"))
    app.client.close()


class Awkward(dict[str, Any]):
    """Attributes that cannot be looked through."""

    def __getitem__(self, key: str) -> Any:
        if key == "input.value":
            raise RuntimeError("no")
        return super().__getitem__(key)


def test_a_span_that_cannot_be_looked_through_keeps_what_is_harmless_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_to(monkeypatch)
    app, before = Traced(tmp_path), dropped.counts().get("internal_error", 0)
    with app.client.call(WORKFLOW):
        span: Any = app.provider.get_tracer("another").start_span("odd")
        span.add_event("said", {"input.value": "secret"})
        span._attributes = Awkward({"size": 1, "input.value": "secret"})
        span.end()
    odd = app.span("odd")
    assert (said(odd), events_of(odd)) == ({"size": 1}, [("said", {})])
    assert dropped.counts()["internal_error"] > before
    app.client.close()


@pytest.mark.slow
def test_no_canary_comes_out_unless_it_may() -> None:
    checks = redaction_check()
    assert [(check.name, check.ok) for check in checks] == [
        ("redaction: content off, user off", True),
        ("redaction: content hash, user hash", True),
        ("redaction: content full, user off", True),
        ("redaction: content off, user full", True),
        ("redaction: content full, user full", True),
    ]
    assert checks[0].detail == f"{len(CONTENT_PLACES) + len(USER_PLACES)} canaries sent, 0 in plain, as set"


@pytest.mark.slow
def test_the_check_sees_what_leaks_where_the_processor_is_missing() -> None:
    out = came_out(Policy(), None)
    assert out >= {"gen_ai.input.messages", "another's exception", "a status", "enduser.id"}
    assert not out & {"input", "tool result", "exception", "user"}


@pytest.mark.slow
def test_a_processor_that_lets_things_through_fails_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BundleSpanProcessor, "_on_ending", lambda *_: None)
    first = redaction_check()[0]
    assert not first.ok
    assert "gen_ai.prompt.0.content" in first.detail
