"""What is answered to an OTLP export, in the form that it came in (OTLP specification 1.x, "OTLP/HTTP Response")."""

from __future__ import annotations

import json

from agent_deploy.telemetry.reading.export import JSON, PROTOBUF
from agent_deploy.telemetry.serving.refusal import Refusal


def content_type_of(said: str) -> str:
    """The content type of the answer: the request's, JSON where that is none of ours."""
    return PROTOBUF if said.partition(";")[0].strip().lower() == PROTOBUF else JSON


def accepted(content_type: str, rejected: int = 0, message: str = "") -> bytes:
    """An ExportTraceServiceResponse; with a partial success only where some spans were rejected."""
    if content_type == JSON:
        partial = {"rejectedSpans": str(rejected), "errorMessage": message}  # 64-bit numbers are text, in JSON
        return json.dumps({"partialSuccess": partial} if rejected else {}).encode()
    if not rejected:
        return b""  # every field left out
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
        ExportTracePartialSuccess,
        ExportTraceServiceResponse,
    )

    partial_success = ExportTracePartialSuccess(rejected_spans=rejected, error_message=message)
    return ExportTraceServiceResponse(partial_success=partial_success).SerializeToString()


def refused(content_type: str, refusal: Refusal) -> bytes:
    """A google.rpc.Status that says why."""
    if content_type == JSON:
        return json.dumps({"code": refusal.code, "message": refusal.message}).encode()
    from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]

    encoded: bytes = Status(code=refusal.code, message=refusal.message).SerializeToString()
    return encoded
