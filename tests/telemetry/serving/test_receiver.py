"""A trace export over HTTP, as OTLP has it: durable before it is acknowledged, or refused in words."""

from __future__ import annotations

import gzip
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from agent_deploy import log
from agent_deploy.telemetry.serving.admission import Admission
from agent_deploy.telemetry.serving.service import Limits
from tests.telemetry.otlp import TRACE, Sent, facts, line, protobuf
from tests.telemetry.serving.receiving import JSON, PROTOBUF, receiving
from tests.telemetry.serving.test_admission import Record, token, written

CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-5-mini", "gen_ai.provider.name": "openai"}
SPANS = (Sent(1, attributes=CHAT), Sent(2, attributes=CHAT))
NO_IDENTITY = Sent(0, attributes=CHAT)
WHY = "the span id is not 8 bytes that are not all zero"


@pytest.mark.parametrize(
    ("body", "content_type", "headers"),
    [
        (protobuf(*SPANS), PROTOBUF, {}),
        (line(*SPANS), JSON, {}),
        (gzip.compress(protobuf(*SPANS)), PROTOBUF, {"content_encoding": "gzip"}),
        (gzip.compress(line(*SPANS)), "application/json; charset=utf-8", {"content_encoding": "gzip"}),
    ],
)
def test_an_export_is_written_and_acknowledged_in_its_own_form(
    body: bytes, content_type: str, headers: dict[str, str]
) -> None:
    with receiving() as there:
        answer = there.post(body, content_type, **headers)
        assert there.disk.facts == facts(*SPANS)
    assert answer.status_code == 200
    if content_type == PROTOBUF:
        assert (answer.headers["content-type"], answer.content) == (PROTOBUF, b"")
    else:
        assert (answer.headers["content-type"], answer.json()) == (JSON, {})


def test_spans_that_can_never_be_taken_are_told_of_and_the_others_are_taken() -> None:
    with receiving() as there:
        answer = there.post(protobuf(*SPANS, NO_IDENTITY))
        partial = ExportTraceServiceResponse.FromString(answer.content).partial_success
        assert (answer.status_code, partial.rejected_spans, partial.error_message) == (200, 1, f"1 × {WHY}")
        answer = there.post(line(NO_IDENTITY), JSON)
        assert answer.json() == {"partialSuccess": {"rejectedSpans": "1", "errorMessage": f"1 × {WHY}"}}
        assert there.disk.facts == facts(*SPANS)
        assert there.figure("ingest_rejected_spans_total", {"why": WHY}) == 2


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        (protobuf(*SPANS)[:-3], PROTOBUF, "no OTLP trace export in protobuf: "),
        (b'{"resourceSpans": [', JSON, "no OTLP trace export: not JSON: "),
        (b"[]", JSON, "no OTLP trace export: a JSON list, not an object with resourceSpans"),
        (b'{"resourceSpans":' * 50_000, JSON, "no OTLP trace export: "),
    ],
)
def test_what_cannot_be_read_is_refused_for_good(body: bytes, content_type: str, message: str) -> None:
    with receiving() as there:
        answer = there.post(body, content_type)
        assert there.disk.facts == []
    if content_type == PROTOBUF:
        status = Status.FromString(answer.content)
        told = (status.code, status.message)
    else:
        told = (answer.json()["code"], answer.json()["message"])
    assert (answer.status_code, answer.headers["content-type"], told[0]) == (400, content_type, 3)
    assert told[1].startswith(message)
    assert "retry-after" not in answer.headers


def test_forms_that_are_not_otlp_are_refused() -> None:
    with receiving() as there:
        assert there.post(b"spans", "text/plain").status_code == 415
        assert there.post(line(*SPANS), JSON, content_encoding="deflate").status_code == 415
        assert [there.http.get("/v1/traces").status_code, there.http.post("/v1/logs").status_code] == [405, 404]


def test_an_export_that_is_too_large_is_refused_packed_or_unpacked() -> None:
    large = line(*SPANS, Sent(3, attributes={**CHAT, "gen_ai.input.messages": "x" * 10_000}))
    with receiving(limits=Limits(most_bytes=5000)) as there:
        assert there.post(large, JSON).status_code == 413
        assert there.post(gzip.compress(large), JSON, content_encoding="gzip").status_code == 413
        chunks = there.http.post(
            "/v1/traces", content=iter([large[:4000], large[4000:]]), headers={"content-type": JSON}
        )
        assert (chunks.status_code, chunks.json()["code"]) == (413, 3)
        assert there.disk.facts == []
        assert there.post(line(*SPANS), JSON).status_code == 200


def test_an_attribute_of_ten_megabytes_is_taken_and_none_of_it_kept() -> None:
    with receiving() as there:
        body = protobuf(Sent(1, attributes={**CHAT, "gen_ai.input.messages": "x" * 10_000_000}))
        assert there.post(body).status_code == 200
        assert there.disk.facts == facts(Sent(1, attributes=CHAT))


def test_while_the_disk_is_full_senders_are_told_to_come_again_and_health_says_so() -> None:
    with receiving() as there:
        there.disk.full = True
        answer = there.post(line(*SPANS), JSON)
        full = "cannot write to /spool: No space left on device"
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert answer.json() == {"code": 14, "message": full}
        sick = there.http.get("/healthz")
        assert (sick.status_code, sick.json()) == (503, {"ok": False, "why": [full]})
        assert there.figure("spool_writable") == 0
        there.disk.full = False
        assert there.post(line(*SPANS), JSON).status_code == 200
        assert there.disk.facts == facts(*SPANS)
        well = there.http.get("/healthz")
        assert (well.status_code, well.json()) == (200, {"ok": True, "why": []})


def test_when_more_comes_in_than_can_be_written_senders_are_told_to_wait() -> None:
    with receiving(limits=Limits(requests=2)) as there, ThreadPoolExecutor(2) as senders:
        there.disk.open.clear()
        first = [senders.submit(there.post, line(Sent(number, attributes=CHAT)), JSON) for number in (1, 2)]
        for _ in first:
            there.disk.waiting.acquire()
        answer = there.post(line(*SPANS), JSON)
        assert (answer.status_code, answer.headers["retry-after"], answer.json()["code"]) == (429, "1", 8)
        assert there.figure("ingest_queue_requests") == 2
        there.disk.open.set()
        assert [one.result().status_code for one in first] == [200, 200]
        assert there.post(line(*SPANS), JSON).status_code == 200
        assert there.figure("ingest_queue_requests") == there.figure("ingest_queue_bytes") == 0


def test_when_all_bodies_together_are_too_large_senders_are_told_to_wait() -> None:
    with receiving(limits=Limits(bytes=10)) as there:
        assert there.post(line(*SPANS), JSON).status_code == 429
        assert there.post(b"{}", JSON).status_code == 200


def test_without_a_good_token_nothing_is_read() -> None:
    record = Record([token(1), token(2, scope="metrics")])
    with receiving(admission=record.admission()) as there:
        answer = there.post(line(*SPANS), JSON)
        assert (answer.status_code, answer.headers["www-authenticate"], answer.json()["code"]) == (401, "Bearer", 16)
        assert there.post(b"x" * 10_000, authorization=f"Bearer {written(1, 'a')}").status_code == 401
        assert there.post(line(*SPANS), JSON, authorization=f"Bearer {written(2)}").status_code == 403
        assert there.disk.facts == []
        assert there.post(line(*SPANS), JSON, authorization=f"Bearer {written(1)}").status_code == 200
        assert there.disk.facts == facts(*SPANS)


def test_figures_are_open_on_loopback_and_take_a_token_of_their_own_elsewhere() -> None:
    def statuses(admission: Admission | None, open_metrics: bool) -> list[int]:
        with receiving(admission=admission, open_metrics=open_metrics) as there:
            given = ({}, *({"authorization": f"Bearer {written(number)}"} for number in (1, 2)))
            return [there.http.get("/metrics", headers=headers).status_code for headers in given]

    record = Record([token(1), token(2, scope="metrics")])
    assert statuses(record.admission(), open_metrics=True) == [200, 200, 200]
    assert statuses(record.admission(), open_metrics=False) == [401, 403, 200]
    assert statuses(None, open_metrics=False) == [200, 200, 200]


def test_steps_that_come_before_their_call_and_calls_told_twice_are_all_taken() -> None:
    root = {"agent_deploy.workflow": "support-triage", "gen_ai.operation.name": "invoke_workflow"}
    with receiving() as there:
        for spans in ([Sent(2, 1, CHAT)], [Sent(1, attributes=root, took=3)], [Sent(2, 1, CHAT)]):
            assert there.post(protobuf(*spans)).status_code == 200
        assert [(fact.trace_id, fact.span_id[-1]) for fact in there.disk.facts] == [
            (TRACE, "2"), (TRACE, "1"), (TRACE, "2"),
        ]  # fmt: skip


def test_what_came_in_is_counted() -> None:
    with receiving() as there:
        body = protobuf(*SPANS, NO_IDENTITY)
        there.post(body)
        there.post(b"rubbish")
        assert there.figure("ingest_requests_total", {"status": "200"}) == 1
        assert there.figure("ingest_requests_total", {"status": "400"}) == 1
        assert [there.figure(name) for name in ("ingest_spans_total", "ingest_facts_total", "ingest_bytes_total")] == [
            2,
            2,
            len(body),
        ]
        assert there.figure("ingest_ack_seconds_count") == 1
        unpriced = {"model": "gpt-5-mini", "provider": "openai", "why": "no token counts"}
        assert there.figure("unpriced_model_calls_total", unpriced) == 2


def test_refusals_are_logged_but_one_of_a_kind_a_minute(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "_state", {})
    log.configure()
    with receiving() as there:
        for body in (b"rubbish", b"rubbish"):
            there.post(body, JSON)
        there.post(b"", "text/plain")
    logged = [json.loads(said) for said in capsys.readouterr().err.splitlines() if '"refused"' in said]
    assert [(one["status"], one["why"][:13]) for one in logged] == [(400, "no OTLP trace"), (415, "content type ")]
