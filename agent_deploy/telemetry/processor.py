"""The span processor: stamps every span inside a call with its workflow and bundle, and redacts it before it leaves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.sdk.trace import Event, ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import Link, Status

from agent_deploy.telemetry import names
from agent_deploy.telemetry.content import Policy, kind_of, redacted
from agent_deploy.telemetry.dropped import OUR_FAULT, dropped
from agent_deploy.telemetry.stamp import KEY, Stamp, mark, stamp_of


class BundleSpanProcessor(SpanProcessor):
    """Add it to the application's tracer provider (`agent_deploy.instrument` does), before or after the exporters.

    A span belongs to the call in whose context it starts, though it end elsewhere. Spans outside a call are left alone.
    """

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Stamp the span, if it is inside a call; our own have what they need from the start."""
        try:
            stamp = otel_context.get_value(KEY, parent_context)
            if isinstance(stamp, Stamp):
                mark(span, stamp)
                if not _is_ours(span):
                    span.set_attributes(stamp.attributes)
        except Exception:  # noqa: BLE001 - a processor that raises breaks the application's own code
            dropped.add(OUR_FAULT)

    def _on_ending(self, span: Span) -> None:
        """Redact the span. The SDK calls this, by this name, of every processor before `on_end` of any."""
        stamp = stamp_of(span)
        if stamp is not None and not stamp.policy.lets_all_through:
            try:
                _redact(span, stamp.policy)
            except Exception:  # noqa: BLE001 - and what could not be looked through must not leave
                dropped.add(OUR_FAULT)
                _strip(span)

    def on_end(self, span: ReadableSpan) -> None:
        """Nothing more to do."""


def _is_ours(span: ReadableSpan) -> bool:
    scope = span.instrumentation_scope
    return scope is not None and scope.name == names.SCOPE


def _redact(span: Span, policy: Policy) -> None:
    # An ended span refuses changes, and its public face is read-only: what is exported next is built from these three.
    attributes = redacted(span.attributes or {}, policy)
    if attributes is not None:
        span._attributes = attributes
    if events := span.events:
        span._events = [_event(event, policy) for event in events]
    if links := span.links:
        span._links = [_link(link, policy) for link in links]
    if span.status.description and policy.content != "full":
        span._status = Status(span.status.status_code, policy.of_content(span.status.description))


def _event(event: Any, policy: Policy) -> Any:
    attributes = redacted(event.attributes or {}, policy)
    return event if attributes is None else Event(event.name, attributes, event.timestamp)


def _link(link: Link, policy: Policy) -> Link:
    attributes = redacted(link.attributes or {}, policy)
    return link if attributes is None else Link(link.context, attributes)


def _strip(span: Span) -> None:
    """Leave what is harmless by its name alone."""
    span._attributes = _plain(span.attributes or {})
    span._events = _bare(span.events)
    span._links = []
    span._status = Status(span.status.status_code)


def _plain(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in attributes.items() if kind_of(key) == "plain"}


def _bare(events: Iterable[Any]) -> list[Any]:
    return [Event(event.name, None, event.timestamp) for event in events]
