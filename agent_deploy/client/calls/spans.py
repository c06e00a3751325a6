"""One open span, through OpenTelemetry's API. The one place of the client that imports it; nothing in here may raise
out of the caller's sight: callers guard each use.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, TracerProvider

from agent_deploy.telemetry import names
from agent_deploy.telemetry.stamp import KEY, Stamp, mark

CLIENT, INTERNAL = SpanKind.CLIENT, SpanKind.INTERNAL

Attributes = Mapping[str, Any]


class Tracing:
    """Where spans go: the given provider, else the one that is global at the time."""

    def __init__(self, provider: TracerProvider | None = None) -> None:
        self._given = provider
        self._used: tuple[TracerProvider, Tracer] | None = None

    def tracer(self) -> Tracer:
        """The tracer of the provider in force, made once for each."""
        provider = self._given or trace.get_tracer_provider()
        used = self._used
        if used is None or used[0] is not provider:
            self._used = used = (provider, provider.get_tracer(names.SCOPE, _version()))
        return used[1]


class OpenSpan:
    """A span that was started, and is the current one where it was until `leave`."""

    __slots__ = ("_before", "_here", "_span", "context", "stamp")

    def __init__(self, span: Span, context: Context, stamp: Stamp) -> None:
        self._span = span
        self._here = context
        self.context = context  # with this span as the current one
        self.stamp = stamp
        self._before = otel_context.get_current()
        otel_context.attach(context)

    @property
    def ids(self) -> tuple[str, str]:
        """The ids of trace and span, in hex; empty where nothing is traced."""
        told = self._span.get_span_context()
        if not told.is_valid:
            return "", ""
        return trace.format_trace_id(told.trace_id), trace.format_span_id(told.span_id)

    def leave(self) -> None:
        """Make what was current before current again.

        Not by the token: frameworks leave a block in another context than they entered it in, and detaching by a
        token there logs an error for each.
        """
        if otel_context.get_current() is self._here:
            otel_context.attach(self._before)

    def end(self, attributes: Attributes, events: Sequence[tuple[str, Attributes]], failed: bool) -> None:
        """End it, with what was learned meanwhile."""
        try:
            if self._span.is_recording():
                self._span.set_attributes(attributes)
                for name, said in events:
                    self._span.add_event(name, said)
                if failed:
                    self._span.set_status(Status(StatusCode.ERROR))
        finally:
            self._span.end()


def open_root(tracing: Tracing, name: str, attributes: Attributes, stamp: Stamp) -> OpenSpan:
    """A call's root, below the span that is current here; `stamp` is completed by the call's id, which is its own."""
    current = otel_context.get_current()
    # Without the stamp of an outer call, which is not this one's.
    bare = otel_context.set_value(KEY, None, current) if otel_context.get_value(KEY, current) is not None else current
    span = tracing.tracer().start_span(name, bare, SpanKind.INTERNAL, {**attributes, **stamp.attributes})
    told = span.get_span_context()
    if told.is_valid:
        call_id = trace.format_span_id(told.span_id)
        stamp = Stamp({**stamp.attributes, names.CALL_ID: call_id}, stamp.policy)
        if span.is_recording():
            span.set_attribute(names.CALL_ID, call_id)
            mark(span, stamp)
    return OpenSpan(span, otel_context.set_value(KEY, stamp, trace.set_span_in_context(span, current)), stamp)


def open_step(tracing: Tracing, name: str, kind: SpanKind, attributes: Attributes, call: OpenSpan) -> OpenSpan:
    """A step of a call: below the span that is current here, or the call's root in a thread that was not told of it."""
    current = otel_context.get_current()
    parent = current if otel_context.get_value(KEY, current) is call.stamp else call.context
    span = tracing.tracer().start_span(name, parent, kind, {**attributes, **call.stamp.attributes})
    return OpenSpan(span, trace.set_span_in_context(span, parent), call.stamp)


@lru_cache(maxsize=1)
def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("agent-deploy")
    except PackageNotFoundError:  # run from a folder that is not installed
        return ""
