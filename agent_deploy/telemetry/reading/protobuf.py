"""OTLP in protobuf, as `application/x-protobuf` carries it (opentelemetry-proto 1.x, ExportTraceServiceRequest)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from agent_deploy.telemetry.reading.meaning import WANTED
from agent_deploy.telemetry.reading.span import Attributes, Event, Span, Status, Tally
from agent_deploy.telemetry.reading.wellformed import TELLING_EVENTS, fault_of
from registry.errors import BadInput

if TYPE_CHECKING:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
    from opentelemetry.proto.trace.v1 import trace_pb2

_STATUS: dict[int, Status] = {1: "ok", 2: "error"}
# Each well-formed span takes 39 bytes at least, so that 16 MiB, which a receiver takes, hold fewer. An empty one takes
# two, and to look at each takes far longer than to send it.
_MOST_SPANS = 500_000
_SCALARS = frozenset({"string_value", "bool_value", "int_value", "double_value"})


def spans_of_protobuf(data: bytes, tally: Tally) -> Iterator[Span]:
    """The well-formed spans of a request. Raises BadInput, before the first, where the bytes are no such request."""
    return _spans(_parsed(data), tally)


def _parsed(data: bytes) -> ExportTraceServiceRequest:
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request = ExportTraceServiceRequest()
    try:
        request.ParseFromString(data)
    except DecodeError as error:  # truncated, nested more than 100 deep, or something else altogether
        raise BadInput(f"no OTLP trace export in protobuf: {len(data):,} bytes, {error}") from error
    if any(number > _MOST_SPANS for number in accumulate(_numbers(request))):
        raise BadInput(f"no OTLP trace export: more than {_MOST_SPANS:,} spans, or groups of them, at once")
    return request


def _numbers(request: ExportTraceServiceRequest) -> Iterator[int]:
    """Of how many parts each part is made, those of a part before any of them."""
    yield len(request.resource_spans)
    for group in request.resource_spans:
        yield len(group.scope_spans)
        for scoped in group.scope_spans:
            yield len(scoped.spans)


def _spans(request: ExportTraceServiceRequest, tally: Tally) -> Iterator[Span]:
    for group in request.resource_spans:
        resource = _attributes(group.resource.attributes)
        for scoped in group.scope_spans:
            scope = scoped.scope.name
            for message in scoped.spans:
                span = _span(message, resource, scope)
                fault = fault_of(span)
                if fault:
                    tally.refused[fault] += 1
                else:
                    tally.spans += 1
                    yield span


def _span(message: trace_pb2.Span, resource: Attributes, scope: str) -> Span:
    return Span(
        message.trace_id.hex(),
        message.span_id.hex(),
        message.parent_span_id.hex(),
        message.name,
        message.start_time_unix_nano,
        message.end_time_unix_nano,
        _STATUS.get(message.status.code, "unset"),
        _attributes(message.attributes),
        tuple(_events(message.events)) if message.events else (),
        resource,
        scope,
    )


def _events(messages: Iterable[trace_pb2.Span.Event]) -> Iterator[Event]:
    for message in messages:
        if message.name in TELLING_EVENTS:
            yield Event(message.name, _attributes(message.attributes))


def _attributes(pairs: Iterable[KeyValue]) -> Attributes:
    found: dict[str, Any] = {}
    for pair in pairs:
        member = WANTED.get(name := pair.key)
        if member is not None:
            # As a rule it holds what its name lets expect, and asking for that alone is four times as fast.
            found[name] = getattr(value := pair.value, member) or _value(value)
    return found


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    return getattr(value, kind) if kind in _SCALARS else None
