"""Who is told what, over real HTTP and SMTP; and that a message which does not arrive stops nothing."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from agent_deploy.drill_policy import policy_from
from agent_deploy.errors import BadConfig
from agent_deploy.notifying import mail, sending
from agent_deploy.notifying.heartbeat import heartbeat, ping_url
from agent_deploy.notifying.message import Message, of_drill, of_overdue, of_release
from agent_deploy.notifying.notify import notify
from agent_deploy.notifying.sending import NotTold, send_all
from drills.models import ReadersSeen
from drills.policy import Notify
from registry.models import Release
from tests.drills.receivers import certificate, dripping_receiver, http_receiver, mailbox, nobody
from tests.drills.records import NOON, drill_of


def _failed() -> Message:
    drill = drill_of("failed_verify", error="web-3 did not follow", readers=ReadersSeen(3, 2, ("web-3",)))
    message = of_drill(drill, 0)
    assert message is not None
    return message


_FAILED = _failed()
_KEY = b"a key of thirty-two bytes, or so"
_KEYS = {"KEY": f"whsec_{base64.b64encode(_KEY).decode()}", "PLAIN": "any other words"}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Second tries come without a pause."""
    monkeypatch.setattr(sending, "_PAUSE_S", 0.0)


def _tell(policy: Notify, message: Message = _FAILED, environ: dict[str, str] = _KEYS, **more: Any) -> list[NotTold]:
    return notify(policy, message, environ=environ, **more)


def test_a_webhook_is_json_with_a_signature_that_a_library_of_the_standard_verifies() -> None:
    with http_receiver() as receiver:
        assert _tell(Notify(webhook=f"{receiver.url}/hook?team=a", secret_env="KEY")) == []
    (request,) = receiver.requests
    assert (request.method, request.path, request.headers["content-type"]) == (
        "POST", "/hook?team=a", "application/json",
    )  # fmt: skip
    document = Webhook(_KEYS["KEY"]).verify(request.body, request.headers)
    assert document == {
        "event": "failed", "id": "failed-drill-0000000001", "workflow": "support-triage", "environment": "production",
        "title": "rollback drill of support-triage in production: failed_verify",
        "text": "web-3 did not follow\nlive, version 2 to 1, schedule, by ann\n"
        "agent-deploy drill show drill-0000000001",
        "at": "2026-11-23T12:01:04.500000Z",
        "drill": {
            "drill": "drill-0000000001", "outcome": "failed_verify", "mode": "live", "baseline": 2, "target": 1,
            "trigger": "schedule", "actor": "ann", "error": "web-3 did not follow", "time_to_rollback_ms": 812.0,
            "late": ["web-3"],
        },
    }  # fmt: skip
    with pytest.raises(WebhookVerificationError):
        Webhook(_KEYS["KEY"]).verify(request.body + b" ", request.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(b"another key").verify(request.body, request.headers)


def test_a_key_may_be_any_words_and_without_one_nothing_is_signed() -> None:
    with http_receiver() as receiver:
        assert _tell(Notify(webhook=receiver.url, secret_env="PLAIN")) == []
        assert _tell(Notify(webhook=receiver.url)) == []
    signed, unsigned = receiver.requests
    Webhook(b"any other words").verify(signed.body, signed.headers)
    assert "webhook-signature" not in unsigned.headers


@pytest.mark.parametrize(
    ("environ", "why"),
    [
        ({}, "$KEY, which is to hold the key, is not set"),
        ({"KEY": "whsec_???"}, "$KEY has no base64 behind whsec_"),
        ({"KEY": "whsec_"}, "$KEY holds an empty key"),
    ],
)
def test_what_is_to_be_signed_is_never_sent_unsigned(environ: dict[str, str], why: str) -> None:
    with http_receiver() as receiver:
        assert _tell(Notify(webhook=receiver.url, secret_env="KEY"), environ=environ) == [NotTold("webhook", why)]
    assert receiver.requests == []


def test_slack_gets_text_in_which_foreign_words_call_nobody() -> None:
    hostile = replace(_FAILED, text="<!channel> & <http://b.example|click>")
    with http_receiver() as receiver:
        environ = {"SLACK": f"{receiver.url}/services/T/B/x"}
        assert _tell(Notify(slack="SLACK"), hostile, environ) == []
    (request,) = receiver.requests
    assert request.path == "/services/T/B/x"
    assert json.loads(request.body) == {
        "text": "*rollback drill of support-triage in production: failed_verify*\n"
        "&lt;!channel&gt; &amp; &lt;http://b.example|click&gt;"
    }
    assert _tell(Notify(slack="SLACK"), environ={}) == [
        NotTold("slack", "$SLACK, which is to hold the address, is not set")
    ]


def test_mail_goes_to_all_at_once_with_a_subject_on_one_line() -> None:
    hostile = replace(_FAILED, title="drill: über\nBcc: eve@example.com")
    with mailbox() as box:
        environ = {mail.VARIABLE: f"smtp://127.0.0.1:{box.port}?from=drills@example.com"}
        assert _tell(Notify(email=("ann@example.com", "bob@example.com")), hostile, environ) == []
    (came,) = box.mails
    assert (box.senders, box.recipients) == (["drills@example.com"], [["ann@example.com", "bob@example.com"]])
    assert came["subject"] == "drill: über Bcc: eve@example.com"
    assert (came["to"], came["bcc"], came["auto-submitted"]) == (
        "ann@example.com, bob@example.com", None, "auto-generated",
    )  # fmt: skip
    assert came["message-id"] == "<failed-drill-0000000001@agent-deploy>"
    assert "agent-deploy drill show drill-0000000001" in came.get_content()


def test_mail_logs_in_and_a_login_that_is_refused_is_told_without_the_password() -> None:
    with mailbox(login=True) as box:
        right = {mail.VARIABLE: f"smtp://ann%40example.com:right@127.0.0.1:{box.port}"}
        assert _tell(Notify(email=("bob@example.com",)), environ=right) == []
        assert (box.logins, box.senders) == ([("ann@example.com", "right")], ["ann@example.com"])
        wrong = {mail.VARIABLE: f"smtp://ann:wr0ng@127.0.0.1:{box.port}"}
        (failure,) = _tell(Notify(email=("bob@example.com",)), environ=wrong)
    assert failure == NotTold("email", f"127.0.0.1:{box.port}: the login was refused (535)")


def test_no_password_goes_over_a_network_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "_HERE", ())
    with mailbox(login=True) as box:
        environ = {mail.VARIABLE: f"smtp://ann:right@127.0.0.1:{box.port}"}
        (failure,) = _tell(Notify(email=("bob@example.com",)), environ=environ)
    assert failure.why == f"127.0.0.1:{box.port} offers no TLS, and no password is sent without"
    assert (box.logins, box.mails) == ([], [])


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_mail_is_encrypted_and_its_server_has_to_prove_who_it_is(
    scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = certificate(tmp_path)
    starttls, tls = (context, None) if scheme == "smtp" else (None, context)
    with mailbox(login=True, starttls=starttls, tls=tls) as box:
        environ = {mail.VARIABLE: f"{scheme}://ann:right@127.0.0.1:{box.port}"}
        (failure,) = _tell(Notify(email=("bob@example.com",)), environ=environ)
        assert "certificate verify failed" in failure.why
        assert box.logins == []
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
        assert _tell(Notify(email=("bob@example.com",)), environ=environ) == []
    assert (box.logins, len(box.mails)) == ([("ann", "right")], 1)


def test_mail_that_is_taken_for_some_says_for_whom_it_is_not() -> None:
    with mailbox() as box:
        environ = {mail.VARIABLE: f"smtp://127.0.0.1:{box.port}"}
        some = _tell(Notify(email=("ann@example.com", "nobody@example.com")), environ=environ)
        none = _tell(Notify(email=("nobody@example.com",)), environ=environ)
    server = f"127.0.0.1:{box.port}"
    assert some == [NotTold("email", f"{server} takes nothing for nobody@example.com")]
    assert none == [NotTold("email", f"{server}: takes nothing for nobody@example.com")]
    assert box.recipients == [["ann@example.com"]]


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("", "which is to name the server, is not set"),
        ("mail.example.com", "is to be smtp://user:password@host:587?from=ADDRESS, or smtps://…"),
        ("http://user:secret@mail.example.com", "is to be smtp://user:password@host:587?from=ADDRESS, or smtps://…"),
        ("smtp://user:secret@mail.example.com:x", "is no address of a server"),
    ],
)
def test_a_server_that_is_named_badly_is_told_without_what_stands_there(address: str, why: str) -> None:
    (failure,) = _tell(Notify(email=("ann@example.com",)), environ={mail.VARIABLE: address})
    assert failure.why.endswith(why)
    assert "secret" not in failure.why


def test_every_channel_is_told_though_others_fail() -> None:
    with http_receiver() as receiver, nobody() as nowhere, mailbox() as box:
        environ = {"SLACK": nowhere, mail.VARIABLE: f"smtp://127.0.0.1:{box.port}"}
        failures = _tell(Notify(webhook=receiver.url, slack="SLACK", email=("ann@example.com",)), environ=environ)
    assert [failure.channel for failure in failures] == ["slack"]
    assert failures[0].why.startswith("cannot be reached: ")
    assert (len(receiver.requests), len(box.mails)) == (1, 1)


@pytest.mark.parametrize(
    ("answers", "requests", "why"),
    [
        ([503, 200], 2, None),
        ([503, 503, 200], 2, "answered 503"),
        ([404], 1, "answered 404"),
        ([302], 1, "answered 302"),
    ],
)
def test_a_second_try_is_made_where_it_may_help(answers: list[int], requests: int, why: str | None) -> None:
    with http_receiver(*answers, location="http://127.0.0.1:1/") as receiver:
        failures = _tell(Notify(webhook=receiver.url))
    assert [failure.why for failure in failures] == ([why] if why else [])
    assert len(receiver.requests) == requests
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1


@pytest.mark.parametrize("url", ["http://", "http://[", "http://127.0.0.1:99999/", "ftp://127.0.0.1/", "http://a b/"])
def test_an_address_that_is_none_is_told_and_not_repeated(url: str) -> None:
    (failure,) = _tell(Notify(webhook=url))
    assert failure.channel == "webhook"
    assert url not in failure.why


def test_a_receiver_that_drips_holds_nobody_up() -> None:
    with dripping_receiver() as url:
        started = time.monotonic()
        failures = _tell(Notify(webhook=url), within_s=0.4)
        assert time.monotonic() - started < 2
    assert failures == [NotTold("webhook", "not done after 0.4 s")]


def test_a_receiver_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "TIMEOUT_S", 0.1)
    with http_receiver(wait_s=0.5) as receiver:
        assert _tell(Notify(webhook=receiver.url)) == [NotTold("webhook", "no answer within 0.1 s")]


def test_a_channel_with_a_fault_of_its_own_is_told_like_any_other() -> None:
    def broken() -> None:
        raise ZeroDivisionError

    assert send_all({"own": broken}) == [NotTold("own", "ZeroDivisionError")]


def test_only_what_the_policy_says_is_told() -> None:
    with http_receiver() as receiver:
        assert _tell(Notify(webhook=receiver.url, on=("overdue",))) == []
        assert _tell(Notify()) == []
    assert receiver.requests == []


def test_secrets_do_not_stand_in_the_file() -> None:
    for table in ({"slack": "https://hooks.slack.com/services/T/B/x"}, {"secret_env": "whsec_abc=="}):
        with pytest.raises(BadConfig, match="must be the name of an environment variable") as refused:
            policy_from({"notify": table}, "here")
        assert next(iter(table.values())) not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "phase", "pinged"),
    [
        ("https://hc.example/uuid", "start", "https://hc.example/uuid/start"),
        ("https://hc.example/uuid/", "fail", "https://hc.example/uuid/fail"),
        ("https://hc.example/uuid?create=1", "fail", "https://hc.example/uuid/fail?create=1"),
        ("https://hc.example/uuid", "success", "https://hc.example/uuid"),
    ],
)  # fmt: skip
def test_pings_follow_the_convention(url: str, phase: Any, pinged: str) -> None:
    assert ping_url(url, phase) == pinged


def test_heartbeats_are_gets_and_without_an_address_there_are_none() -> None:
    with http_receiver() as receiver:
        for phase in ("start", "success", "fail"):
            assert heartbeat(f"{receiver.url}/uuid", phase) == []
    assert [(request.method, request.path) for request in receiver.requests] == [
        ("GET", "/uuid/start"), ("GET", "/uuid"), ("GET", "/uuid/fail"),
    ]  # fmt: skip
    assert heartbeat("", "start") == []


def test_a_blocked_drill_is_told_the_second_time_running_and_not_again() -> None:
    blocked = drill_of("blocked", error="paused by ann: launch")
    told = {number: of_drill(blocked, number) for number in (1, 2, 3)}
    assert (told[1], told[3]) == (None, None)
    assert told[2] is not None
    assert (told[2].event, told[2].title) == (
        "blocked_twice", "rollback drill of support-triage in production was blocked twice running",
    )  # fmt: skip


@pytest.mark.parametrize("outcome", ["failed_verify", "failed_guard", "failed_objective", "precheck_failed",
                                     "interrupted", "restore_failed"])  # fmt: skip
def test_every_other_end_than_success_is_a_failure(outcome: Any) -> None:
    message = of_drill(drill_of(outcome), 0)
    assert message is not None
    assert message.event == "failed"
    assert message.title.startswith("RESTORE FAILED: production of support-triage is not back at version 2") == (
        outcome == "restore_failed"
    )


def test_a_drill_overdue_is_one_message_a_period_and_says_what_to_type() -> None:
    since, last = NOON + timedelta(days=8), drill_of()
    message = of_overdue("support-triage", "production", since, last, since + timedelta(hours=1))
    later = of_overdue("support-triage", "production", since, last, since + timedelta(days=3))
    again = of_overdue("support-triage", "production", since + timedelta(days=9), last, NOON)
    assert message.id == later.id != again.id
    assert message.title == "rollback drill of support-triage in production is overdue since 2026-12-01 12:00Z"
    assert message.text.endswith("agent-deploy drill run support-triage --env production")
    never = of_overdue("support-triage", "production", since, None, since)
    assert never.text.startswith("No drill ever succeeded there.")


def _release(**changes: Any) -> Release:
    release = Release(
        "support-triage", "production", 7, 41, "1.3.0", "sha256:41", "rollback", "ann", "misroutes refunds", NOON, 42,
        False, "", "sha256:7",
    )  # fmt: skip
    return replace(release, **changes)


def test_people_s_moves_are_told_and_a_drill_s_are_not() -> None:
    message = of_release(_release())
    assert message is not None
    assert (message.event, message.title, message.text) == (
        "rollback", "support-triage in production was rolled back to version 41 (1.3.0)",
        "generation 7, by ann, from version 42\nmisroutes refunds",
    )  # fmt: skip
    assert json.loads(message.encoded())["rollback"]["generation"] == 7
    promoted = of_release(_release(kind="promote", previous_version=None, reason=""))
    assert promoted is not None
    assert (promoted.event, promoted.text) == ("promote", "generation 7, by ann")
    assert of_release(_release(revert_to=42)) is None
    assert of_release(_release(kind="restore")) is None
