"""Spans as senders put them on the wire, in each of OTLP's forms, from one short description."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from agent_deploy.telemetry.facts.fact import Fact
from agent_deploy.telemetry.reading import Nesting, Tally, facts_of, read_export

TRACE = "5b8aa5a2d2c872e8321cf37308d69df2"
START_NS = 1_790_000_000_000_000_000  # 2026-09-21T14:13:20Z
SECOND_NS = 1_000_000_000


@dataclass(frozen=True)
class Sent:
    """A span to send. span, parent: 1, 2, 3… for the id's digits; parent 0: none. at, took: seconds since START_NS."""

    span: int
    parent: int = 0
    attributes: Mapping[str, Any] = field(default_factory=dict)
    name: str = "a span"
    at: float = 0.0
    took: float = 1.0
    error: bool = False
    events: Sequence[tuple[str, Mapping[str, Any]]] = ()
    trace: str = TRACE


def span_id(number: int) -> str:
    """16 digits."""
    return f"{number:016x}" if number else ""


def protobuf(*spans: Sent, resource: Mapping[str, Any] | None = None, scope: str = "app") -> bytes:
    """An export in protobuf."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.extend(_pairs(resource or {}))
    scoped = group.scope_spans.add()
    scoped.scope.name = scope
    for sent in spans:
        message = scoped.spans.add(
            trace_id=bytes.fromhex(sent.trace),
            span_id=bytes.fromhex(span_id(sent.span)),
            parent_span_id=bytes.fromhex(span_id(sent.parent)),
            name=sent.name,
            start_time_unix_nano=_start(sent),
            end_time_unix_nano=_end(sent),
            attributes=_pairs(sent.attributes),
        )
        message.status.code = 2 if sent.error else 0  # type: ignore[assignment]
        for name, attributes in sent.events:
            message.events.add(name=name, time_unix_nano=_start(sent), attributes=_pairs(attributes))
    return request.SerializeToString()


def document(*spans: Sent, resource: Mapping[str, Any] | None = None, scope: str = "app") -> dict[str, Any]:
    """An export as an object of JSON."""
    scoped = {"scope": {"name": scope}, "spans": [_object(sent) for sent in spans]}
    return {"resourceSpans": [{"resource": {"attributes": _objects(resource or {})}, "scopeSpans": [scoped]}]}


def line(*spans: Sent, **more: Any) -> bytes:
    """An export as a line of a trace file."""
    return json.dumps(document(*spans, **more)).encode() + b"\n"


def facts(*spans: Sent, tally: Tally | None = None, nesting: Nesting | None = None, **more: Any) -> list[Fact]:
    """The facts that are read of an export in protobuf."""
    data = protobuf(*spans, **more)
    return facts_of(read_export(data, "application/x-protobuf", tally), tally, nesting)


def _start(sent: Sent) -> int:
    return START_NS + round(sent.at * SECOND_NS)


def _end(sent: Sent) -> int:
    return _start(sent) + round(sent.took * SECOND_NS)


def _pairs(attributes: Mapping[str, Any]) -> list[KeyValue]:
    pairs = []
    for name, value in attributes.items():
        pair = KeyValue(key=name)
        if isinstance(value, list):
            pair.value.array_value.values.add().string_value = str(value)
        elif isinstance(value, bytes):
            pair.value.bytes_value = value
        elif value is not None:
            setattr(
                pair.value,
                {str: "string_value", bool: "bool_value", int: "int_value"}.get(type(value), "double_value"),
                value,
            )
        pairs.append(pair)
    return pairs


def _objects(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": name, "value": _value(value)} for name, value in attributes.items()]


def _value(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case str():
            return {"stringValue": value}
        case None:
            return {}
    return {"arrayValue": {"values": [{"stringValue": str(value)}]}}


def _object(sent: Sent) -> dict[str, Any]:
    return {
        "traceId": sent.trace,
        "spanId": span_id(sent.span),
        "parentSpanId": span_id(sent.parent),
        "name": sent.name,
        "kind": 1,
        "startTimeUnixNano": str(_start(sent)),
        "endTimeUnixNano": str(_end(sent)),
        "status": {"code": 2} if sent.error else {},
        "attributes": _objects(sent.attributes),
        "events": [{"name": name, "attributes": _objects(attributes)} for name, attributes in sent.events],
    }
