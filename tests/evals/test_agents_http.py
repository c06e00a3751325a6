"""An endpoint as an agent: what it answers, and every way in which it or the line may fail."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent_deploy.evals.results import Reply
from agent_deploy.evals.retry_after import retry_after_s
from registry.errors import BadInput
from tests.evals.asking import Asking, Told
from tests.evals.endpoint import Answer, endpoint

_NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def _ask(answer: Answer, timeout_s: float = 20.0, **environ: str) -> Reply | Told:
    with endpoint(answer) as server:
        settings: dict[str, Any] = {"environ": environ}
        (told,) = Asking(server.url + "/triage", Path(), timeout_s=timeout_s, settings=settings).ask("a")
        return told


@pytest.mark.slow
def test_the_question_is_posted_whole_and_the_answer_is_the_output() -> None:
    with endpoint(lambda body: Answer({"output": [body["input"], body["case"], body["bundle"]["tag"]]})) as server:
        settings = {"environ": {"AGENT_DEPLOY_AGENT_TOKEN": "s3cret"}}
        assert Asking(server.url + "/triage", Path(), settings=settings).outputs("a", "b") == [
            ["a", "case-0", "1.2.0"], ["b", "case-1", "1.2.0"],
        ]  # fmt: skip
    (path, headers, _), _ = server.asked
    assert (path, headers["content-type"], headers["authorization"]) == ("/triage", "application/json", "Bearer s3cret")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer({"detail": "slow down"}, 429, {"retry-after": "7"}),
         Told('the endpoint answered 429 Too Many Requests: {"detail": "slow down"}', "rate_limit", True, 7.0)),
        (Answer(b"", 429), Told("the endpoint answered 429 Too Many Requests", "rate_limit", True)),
        (Answer(b"oops", 500), Told("the endpoint answered 500 Internal Server Error: oops", "downstream_error", True)),
        (Answer(b"", 503, {"retry-after": "2"}),
         Told("the endpoint answered 503 Service Unavailable", "downstream_error", True, 2.0)),
        (Answer(b"who?", 401), Told("the endpoint answered 401 Unauthorized: who?", "downstream_error")),
        (Answer(b"", 302, {"location": "/"}), Told("the endpoint answered 302 Found", "downstream_error")),
        (Answer({"error": {"message": "no model", "kind": "downstream_error", "retry": True}}),
         Told("no model", "downstream_error", True)),
        (Answer(b"<html>"), Told("the agent's answer is not one JSON object (Expecting value: line 1 column 1 "
                                 "(char 0)): <html>", "parse_error")),
        (Answer(b"x" * 17_000_000), Told("the agent's answer is over 16 MB: " + "x" * 200 + "…", "parse_error")),
    ],
    ids=["429", "429 bare", "500", "503", "401", "302", "told", "html", "flood"],
)  # fmt: skip
def test_whatever_it_answers_amiss_is_told(answer: Answer, told: Told) -> None:
    assert _ask(answer) == told


@pytest.mark.slow
def test_half_a_body_is_a_downstream_error_worth_another_try() -> None:
    told = _ask(Answer({"output": "a" * 1000}, cut=500))
    assert isinstance(told, Told)
    assert (told.kind, told.retry, told.message.split(":")[0]) == ("downstream_error", True, "RemoteProtocolError")


@pytest.mark.slow
def test_no_answer_in_time_is_a_timeout() -> None:
    assert _ask(Answer(hang=True), timeout_s=0.3) == Told("no answer within 0.3 s", "timeout", True)


@pytest.mark.slow
def test_nobody_listening_is_a_downstream_error_worth_another_try() -> None:
    with endpoint(Answer()) as server:
        url = server.url
    (told,) = Asking(url, Path()).ask("a")
    assert isinstance(told, Told)
    assert (told.kind, told.retry) == ("downstream_error", True)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("http://", "agent 'http://' names no host"),
        ("https:agent", "agent 'https:agent' names no host"),
        ("https://bob:s3cret@example.com/triage",
         "agent https://…@example.com: a run records its agent, and a password must not be recorded; "
         "put a bearer token into AGENT_DEPLOY_AGENT_TOKEN"),
    ],
)  # fmt: skip
def test_an_address_that_cannot_be_used_is_refused_before_it_is_asked(spec: str, message: str) -> None:
    with pytest.raises(BadInput) as raised:
        Asking(spec, Path()).ask("a")
    assert raised.value.message == message


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "12"}, 12.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "12", "retry-after-ms": "250"}, 0.25),
        ({"retry-after": "Sun, 01 Mar 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Sun, 01 Mar 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(headers: Mapping[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers, _NOON) == seconds
