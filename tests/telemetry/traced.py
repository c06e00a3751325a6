"""A client whose calls are traced into memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from agent_deploy import Client, instrument
from agent_deploy.telemetry.dropped import dropped
from registry.stores.local import LocalStore
from tests.client.releases import Releases

NEVER_S = 3600.0


@dataclass
class Traced:
    """An application: a store with releases, a client on it, and the spans that its calls left."""

    folder: Path
    provider: TracerProvider = field(default_factory=lambda: TracerProvider(shutdown_on_exit=False))
    exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)

    def __post_init__(self) -> None:
        self.releases = Releases(LocalStore(self.folder))
        self.releases.release(1)
        self.client = Client(str(self.folder), environment="production", cache=False, poll_interval=NEVER_S)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        instrument(self.provider)
        self.dropped_before = dropped.counts()

    def release(self, version: int) -> None:
        """Make a version live, and let the client see it."""
        self.releases.release(version)
        self.client.refresh()

    def spans(self) -> list[ReadableSpan]:
        """All that ended, in the order of their ends."""
        return list(self.exporter.get_finished_spans())

    def span(self, name: str) -> ReadableSpan:
        """The one span of that name."""
        (found,) = [span for span in self.spans() if span.name == name]
        return found

    def foreign(self, name: str, **attributes: Any) -> None:
        """A span as another instrumentation makes it."""
        with self.provider.get_tracer("another.instrumentation").start_as_current_span(name, attributes=attributes):
            pass

    def dropped(self) -> dict[str, int]:
        """What the client counted since this application began."""
        counts = self.client.telemetry_dropped()
        since = {reason: count - self.dropped_before.get(reason, 0) for reason, count in counts.items()}
        return {reason: count for reason, count in since.items() if count}


def said(span: ReadableSpan) -> dict[str, Any]:
    """The span's attributes."""
    return dict(span.attributes or {})


def ours(span: ReadableSpan) -> dict[str, Any]:
    """The span's attributes without those that every span of a call has."""
    return {key: value for key, value in said(span).items() if key not in STAMPED}


def id_of(span: ReadableSpan) -> str:
    """The span's id, in hex."""
    assert span.context is not None
    return f"{span.context.span_id:016x}"


def parent_of(span: ReadableSpan) -> str:
    """The id of the span above it; empty at the top."""
    return f"{span.parent.span_id:016x}" if span.parent is not None else ""


def events_of(span: ReadableSpan) -> list[tuple[str, Mapping[str, Any]]]:
    """The span's events."""
    return [(event.name, dict(event.attributes or {})) for event in span.events]


STAMPED = (
    "agent_deploy.workflow",
    "agent_deploy.environment",
    "agent_deploy.release.generation",
    "agent_deploy.bundle.version",
    "agent_deploy.bundle.tag",
    "agent_deploy.bundle.digest",
    "agent_deploy.tenant.id",
    "agent_deploy.call.id",
)
