"""What a span has to have before a fact can be made of it: an identity and a time."""

from __future__ import annotations

import re

from agent_deploy.telemetry import names
from agent_deploy.telemetry.reading.span import Span

# The events that say something a fact keeps.
TELLING_EVENTS = frozenset({names.EXCEPTION_EVENT, names.EVALUATION_EVENT})

_TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}")
_SPAN_ID = re.compile(r"(?!0{16})[0-9a-f]{16}")
_LATEST_NS = 2**63  # the year 2262


def fault_of(span: Span) -> str:
    """Why the span is refused, in words for its sender; empty where it is well-formed (OTLP: trace.proto, Span)."""
    if not _TRACE_ID.fullmatch(span.trace_id):
        return "the trace id is not 16 bytes that are not all zero"
    if not _SPAN_ID.fullmatch(span.span_id):
        return "the span id is not 8 bytes that are not all zero"
    if span.parent_span_id and not _SPAN_ID.fullmatch(span.parent_span_id):
        return "the parent span id is not 8 bytes that are not all zero"
    if not 0 < span.start_ns < _LATEST_NS or not 0 <= span.end_ns < _LATEST_NS:
        return "the start or end time is missing or out of range"
    return ""
