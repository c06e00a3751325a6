"""Spans to send: exports of 512 spans with 20 attributes each, in protobuf, as applications with our client do."""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Iterator, Mapping
from itertools import cycle, islice
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ScopeSpans

BATCH, ATTRIBUTES = 512, 20
WORKFLOW, ENVIRONMENT, MODEL = "support-triage", "production", "gpt-5-mini"
VERSIONS = (41, 42)
_STEPS = ("workflow", "chat", "tool", "chat")  # of a call, its root first
# What ids are in the pattern, as long as they are in the end with the four digits behind.
_TRACE, _CALL, _SPAN = b"<trace id>  ", b"<call id>   ", b"<s> "
_MS = 1_000_000
_TYPES: Mapping[type, str] = {str: "string_value", bool: "bool_value", int: "int_value", float: "double_value"}

# What an application's other instrumentation puts on its spans; no fact is made of it.
_BESIDE: Mapping[str, Any] = {
    "thread.id": 139712, "thread.name": "worker-3", "code.function.name": "triage.agent.answer",
    "code.file.path": "/srv/desk/triage/agent.py", "code.line.number": 118, "server.address": "desk.internal",
    "server.port": 8443, "http.route": "/letters/{letter}", "app.queue": "letters", "app.shard": 7,
}  # fmt: skip


def exports() -> Iterator[bytes]:
    """Exports without end, no two spans alike: one pattern, with random ids put in, so that making one costs little."""
    pattern = _pattern()
    traces, calls, spans = (_places(pattern, mark) for mark in (_TRACE, _CALL, _SPAN))
    while True:
        made = bytearray(pattern)
        trace_ids, span_ids = os.urandom(16 * BATCH), os.urandom(8 * BATCH)
        for at, number in traces:
            made[at : at + 16] = trace_ids[16 * number : 16 * number + 16]
        for at, number in spans:
            made[at : at + 8] = span_ids[8 * number : 8 * number + 8]
        for at, number in calls:
            made[at : at + 16] = span_ids[8 * number : 8 * number + 8].hex().encode()
        yield bytes(made)


def _places(pattern: bytes, mark: bytes) -> list[tuple[int, int]]:
    """Where ids of one kind stand, and the number of each."""
    return [(found.start(), int(found[1])) for found in re.finditer(re.escape(mark) + rb"(\d{4})", pattern)]


def _pattern() -> bytes:
    """One export, of calls that ended within the last minute; each id is its kind and the number of its span."""
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.extend(_pairs({"service.name": "desk", "service.version": "2.7.1"}))
    scoped = group.scope_spans.add()
    scoped.scope.name = "agent_deploy"
    began_ns, versions = time.time_ns() - 60_000 * _MS, cycle(VERSIONS)
    for number in range(0, BATCH, len(_STEPS)):
        _call(scoped, number, began_ns + number * 25 * _MS, next(versions))
    return request.SerializeToString()


def _call(scoped: ScopeSpans, root: int, began_ns: int, version: int) -> None:
    """A call's spans. root: the number of its root among all spans of the export; its steps' numbers follow."""
    common, luck = _common(root, version), random.Random(root)
    for number, step in enumerate(_STEPS, root):
        start_ns = began_ns + (number - root) * 10 * _MS
        span = scoped.spans.add(
            trace_id=b"%b%04d" % (_TRACE, root),
            span_id=b"%b%04d" % (_SPAN, number),
            parent_span_id=b"%b%04d" % (_SPAN, root) if number != root else b"",
            name=step,
            start_time_unix_nano=start_ns,
            end_time_unix_nano=start_ns + (9 if number != root else 50) * _MS,
        )
        told = {**common, **_of(step, luck), **_BESIDE}
        span.attributes.extend(_pairs(dict(islice(told.items(), ATTRIBUTES))))


def _common(root: int, version: int) -> dict[str, Any]:
    """What every span of a call is stamped with."""
    return {
        "agent_deploy.workflow": WORKFLOW, "agent_deploy.environment": ENVIRONMENT,
        "agent_deploy.release.generation": version, "agent_deploy.bundle.version": version,
        "agent_deploy.bundle.tag": f"1.0.{version}", "agent_deploy.bundle.digest": f"sha256:{version:064x}",
        "agent_deploy.tenant.id": f"tenant-{root // len(_STEPS) % 40}",
        "agent_deploy.call.id": f"{_CALL.decode()}{root:04d}",
    }  # fmt: skip


def _of(step: str, luck: random.Random) -> dict[str, Any]:
    """What the client says of one step."""
    if step == "workflow":
        return {
            "gen_ai.operation.name": "invoke_workflow", "gen_ai.agent.name": WORKFLOW,
            "agent_deploy.request.id": f"r-{luck.randrange(10**9)}", "agent_deploy.outcome": "resolved",
            "gen_ai.conversation.id": f"c-{luck.randrange(10**6)}", "agent_deploy.confidence": 0.83,
        }  # fmt: skip
    if step == "tool":
        return {
            "gen_ai.operation.name": "execute_tool", "gen_ai.tool.type": "function", "gen_ai.tool.name": "lookup_order",
        }  # fmt: skip
    return {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": MODEL,
        "gen_ai.response.model": f"{MODEL}-2025-08-07", "gen_ai.request.temperature": 0.0,
        "gen_ai.request.max_tokens": 64, "agent_deploy.step": "default", "gen_ai.prompt.name": WORKFLOW,
        "gen_ai.prompt.version": "42", "gen_ai.usage.input_tokens": luck.randrange(200, 1200),
        "gen_ai.usage.output_tokens": luck.randrange(10, 90), "gen_ai.usage.cache_read.input_tokens": 128,
    }  # fmt: skip


def _pairs(attributes: Mapping[str, Any]) -> Iterator[KeyValue]:
    for name, value in attributes.items():
        pair = KeyValue(key=name)
        setattr(pair.value, _TYPES[type(value)], value)
        yield pair
