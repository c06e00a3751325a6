"""OTLP is read alike in both encodings; what is malformed is refused with what and where, and breaks nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_deploy.telemetry.reading import Span, Tally, read_export
from agent_deploy.telemetry.reading.meaning import WANTED
from registry.errors import BadInput
from tests.telemetry.otlp import START_NS, TRACE, Sent, document, line, protobuf, span_id

PROTOBUF, JSON = "application/x-protobuf", "application/json"

names = st.sampled_from([*sorted(WANTED), "input.value", "gen_ai.prompt.0.content"])
values = st.one_of(
    st.text(max_size=20), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.none()
)
attributes = st.dictionaries(names, values, max_size=6)
sent_spans = st.builds(
    Sent,
    span=st.integers(1, 2**64 - 1),
    parent=st.integers(0, 2**64 - 1),
    attributes=attributes,
    name=st.text(max_size=20),
    at=st.floats(0, 1000),
    took=st.floats(0, 1000),
    error=st.booleans(),
    events=st.lists(
        st.tuples(st.sampled_from(["exception", "gen_ai.evaluation.result", "log"]), attributes), max_size=2
    ),
)
nested = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["resourceSpans", "scopeSpans", "spans", "attributes", "resource", "key", "value", "status"]),
        inner, max_size=4,
    ),
)  # fmt: skip


def read(data: bytes, content_type: str = JSON, tally: Tally | None = None) -> list[Span]:
    return list(read_export(data, content_type, tally))


def test_a_span_has_the_attributes_that_facts_are_made_of_and_no_others() -> None:
    sent = Sent(
        7, 3, {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 12, "input.value": "secret"},
        name="chat gpt-5-mini", at=1, took=0.5, error=True,
        events=[("exception", {"exception.type": "TimeoutError", "exception.message": "secret"}), ("log", {})],
    )  # fmt: skip
    (span,) = read(protobuf(sent, resource={"service.name": "triage", "host.name": "a1"}), PROTOBUF)
    assert (span.trace_id, span.span_id, span.parent_span_id) == (TRACE, span_id(7), span_id(3))
    assert (span.name, span.start_ns, span.end_ns, span.status) == (
        "chat gpt-5-mini", START_NS + 1_000_000_000, START_NS + 1_500_000_000, "error",
    )  # fmt: skip
    assert span.attributes == {"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 12}
    assert [(event.name, event.attributes) for event in span.events] == [
        ("exception", {"exception.type": "TimeoutError"})
    ]
    assert (span.resource, span.scope) == ({"service.name": "triage"}, "app")


@given(st.lists(sent_spans, max_size=3), attributes)
def test_protobuf_and_json_say_the_same(spans: list[Sent], resource: dict[str, Any]) -> None:
    in_json = line(*spans, resource=resource)
    assert read(in_json, f"{JSON}; charset=utf-8") == read(protobuf(*spans, resource=resource), PROTOBUF)


def test_json_numbers_enums_and_ids_are_read_in_every_form_that_senders_use() -> None:
    exported = document(Sent(7, 3, {"gen_ai.usage.input_tokens": 12}))
    (group,) = exported["resourceSpans"][0]["scopeSpans"]
    (span,) = group["spans"]
    span |= {
        "traceId": TRACE.upper(),
        "startTimeUnixNano": START_NS,
        "status": {"code": "STATUS_CODE_ERROR"},
        "attributes": [
            {"key": "gen_ai.usage.input_tokens", "value": {"intValue": 12}},
            {"key": "agent_deploy.confidence", "value": {"doubleValue": "NaN"}},
        ],
    }
    (found,) = read(json.dumps(exported).encode())
    assert (found.trace_id, found.start_ns, found.status) == (TRACE, START_NS, "error")
    assert found.attributes["gen_ai.usage.input_tokens"] == 12
    assert found.attributes["agent_deploy.confidence"] != found.attributes["agent_deploy.confidence"]  # NaN


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"traceId": "0" * 32}, "the trace id is not 16 bytes that are not all zero"),
        ({"traceId": "abc"}, "the trace id is not 16 bytes that are not all zero"),
        ({"spanId": "zz" * 8}, "the span id is not 8 bytes that are not all zero"),
        ({"parentSpanId": "12"}, "the parent span id is not 8 bytes that are not all zero"),
        ({"startTimeUnixNano": "0"}, "the start or end time is missing or out of range"),
        ({"startTimeUnixNano": str(2**64 - 1)}, "the start or end time is missing or out of range"),
        ({"startTimeUnixNano": "yesterday"}, "it is not an object of the shape of a span"),
        ({"attributes": 7}, "it is not an object of the shape of a span"),
        ({"spanId": None}, "it is not an object of the shape of a span"),
    ],
)
def test_one_bad_span_is_refused_by_itself_and_told_to_its_sender(change: dict[str, Any], why: str) -> None:
    exported = document(Sent(1), Sent(2))
    exported["resourceSpans"][0]["scopeSpans"][0]["spans"][0] |= change
    tally = Tally()
    assert [span.span_id for span in read(json.dumps(exported).encode(), JSON, tally)] == [span_id(2)]
    assert (tally.spans, tally.refused) == (1, {why: 1})


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not JSON"),
        (b"[]", "a JSON list, not an object"),
        (b'{"resourceSpans": [', "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b'{"resourceSpans": {}}', "resourceSpans is not a list"),
        (b'{"resourceSpans": [1]}', "resourceSpans[0] is not an object"),
        (
            b'{"resourceSpans": [{}, {"scopeSpans": [{"spans": "x"}]}]}',
            "resourceSpans[1].scopeSpans[0].spans is not a list",
        ),
        (b'{"resourceSpans": [{"resource": 1, "scopeSpans": [{}]}]}', "resourceSpans[0].resource is not an object"),
        (b'{"resourceSpans": [{"resource": {"attributes": [1]}, "scopeSpans": [{}]}]}', "resourceSpans[0].resource"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"a":' * 200_000, "nested too deeply"),
    ],
)
def test_json_that_is_no_export_is_refused_with_what_and_where(data: bytes, said: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_export(data, JSON)
    assert said in refused.value.message


def test_a_request_of_another_kind_or_size_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(BadInput, match="content type 'text/plain'"):
        read_export(b"", "text/plain")
    with pytest.raises(BadInput, match="11 bytes, at most 10"):
        read_export(b"x" * 11, JSON, largest_bytes=10)


def test_a_truncated_protobuf_is_refused_or_read_but_breaks_nothing() -> None:
    data = protobuf(Sent(1, 0, {"gen_ai.operation.name": "chat"}), Sent(2))
    outcomes = set()
    for length in range(len(data)):
        try:
            outcomes.add(len(read(data[:length], PROTOBUF)))
        except BadInput:
            outcomes.add(-1)
    assert outcomes == {-1, 0}  # 0: the empty request is a good one


def test_protobuf_nested_beyond_reason_is_refused() -> None:
    value = b""
    for _ in range(300):  # AnyValue.array_value.values, length-delimited, over and over
        inner = b"\x0a" + _varint(len(value)) + value
        value = b"\x2a" + _varint(len(inner)) + inner
    pair = b"\x0a\x01k\x12" + _varint(len(value)) + value
    span = b"\x4a" + _varint(len(pair)) + pair
    scoped = b"\x12" + _varint(len(span)) + span
    group = b"\x12" + _varint(len(scoped)) + scoped
    with pytest.raises(BadInput):
        read_export(b"\x0a" + _varint(len(group)) + group, PROTOBUF)


@pytest.mark.parametrize("what", ["groups", "scopes", "spans"])
def test_a_request_of_nothing_but_empty_parts_is_refused_before_they_are_looked_at(what: str) -> None:
    """Two bytes each: what is allowed in bytes would be eight million of them, and minutes of work."""

    def within(tag: bytes, inner: bytes) -> bytes:
        return tag + _varint(len(inner)) + inner

    parts = (b"\x0a\x00" if what == "groups" else b"\x12\x00") * 500_001
    data = parts if what == "groups" else within(b"\x0a", parts if what == "scopes" else within(b"\x12", parts))
    with pytest.raises(BadInput, match="more than 500,000 spans, or groups of them"):
        read_export(data, PROTOBUF)


@given(st.binary(max_size=200), st.sampled_from([PROTOBUF, JSON]))
def test_no_bytes_break_the_reader(data: bytes, content_type: str) -> None:
    assert is_read_or_refused(data, content_type)


@given(nested)
def test_no_json_breaks_the_reader(value: Any) -> None:
    exported = document(Sent(1))
    exported["resourceSpans"][0]["scopeSpans"][0]["spans"][0] |= {"attributes": value, "events": value, "status": value}
    groups = ({"resourceSpans": value}, {"resourceSpans": [{"scopeSpans": [{"spans": [value]}]}]}, exported)
    assert all(is_read_or_refused(json.dumps(group).encode(), JSON) for group in groups)


def is_read_or_refused(data: bytes, content_type: str) -> bool:
    try:
        read(data, content_type)
    except BadInput as error:
        return error.message.startswith("no OTLP trace export")
    return True


def test_a_huge_attribute_costs_nothing_unless_it_is_wanted() -> None:
    huge = "x" * 10_000_000
    (span,) = read(protobuf(Sent(1, 0, {"input.value": huge, "gen_ai.operation.name": "chat"})), PROTOBUF)
    assert span.attributes == {"gen_ai.operation.name": "chat"}


def _varint(number: int) -> bytes:
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])
