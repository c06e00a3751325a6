"""An OTLP trace export, read: what a receiver was posted, or one line of the Collector's files."""

from __future__ import annotations

from collections.abc import Iterator

from agent_deploy.telemetry.reading.json_form import spans_of_json
from agent_deploy.telemetry.reading.protobuf import spans_of_protobuf
from agent_deploy.telemetry.reading.span import Span, Tally
from registry.errors import BadInput

PROTOBUF, JSON = "application/x-protobuf", "application/json"

_LARGEST_BYTES = 64 * 1024 * 1024


def read_export(
    data: bytes, content_type: str, tally: Tally | None = None, largest_bytes: int = _LARGEST_BYTES
) -> Iterator[Span]:
    """The spans of an ExportTraceServiceRequest, not compressed any more.

    content_type: that of the request, parameters allowed. tally: counts the spans, and those refused, as they are
    taken. Raises BadInput at once, not at the first span, for bytes that are no such request and for too many of them.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in (PROTOBUF, JSON):
        raise BadInput(f"no OTLP trace export: content type {content_type!r}, not {PROTOBUF} or {JSON}")
    if len(data) > largest_bytes:
        raise BadInput(f"no OTLP trace export: {len(data):,} bytes, at most {largest_bytes:,} are read at once")
    read = spans_of_protobuf if kind == PROTOBUF else spans_of_json
    return read(data, Tally() if tally is None else tally)
