"""Turning tracing on: the span processor into the application's provider, or a provider where there is none."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from weakref import WeakSet

from agent_deploy.client.errors import BadSettings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import TracerProvider

    from agent_deploy.client.calls.spans import Tracing

_PATH = "/v1/traces"

_with_processor: WeakSet[Any] = WeakSet()
_in_force: Tracing | None = None


def instrument(
    tracer_provider: TracerProvider | None = None, endpoint: str | None = None, *, token: str | None = None
) -> TracerProvider:
    """Stamp every span inside a call with its bundle, redact it, and send spans where they are to go; the provider.

    tracer_provider: the application's own; without it the global one. Where there is none yet, one is made and set,
    which exports by OTLP over HTTP to `endpoint`, else to where the OTEL_EXPORTER_OTLP_* variables say. endpoint: the
    URL of `agent-deploy serve` or of a collector, with or without /v1/traces; for a provider that was there already it
    is one more destination. token: sent to it as a bearer token.

    Call it once, when the process starts. Called again for the same provider it changes nothing, unless there is an
    endpoint. Raises BadSettings without the extra `agent-deploy[otel]`, for a provider that takes no processors, and
    for an endpoint that is no URL.
    """
    global _in_force
    try:
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider as SdkProvider

        from agent_deploy.client.calls.spans import Tracing
    except ImportError as error:
        raise BadSettings(
            f"tracing needs OpenTelemetry ({error})", next_step="pip install 'agent-deploy[otel]'"
        ) from error
    provider: Any = tracer_provider or trace.get_tracer_provider()
    made = tracer_provider is None and isinstance(provider, trace.ProxyTracerProvider)
    if made:
        provider = SdkProvider()
        trace.set_tracer_provider(provider)
    _add_processor(provider)
    if endpoint or (made and os.environ.get("OTEL_TRACES_EXPORTER", "otlp") != "none"):
        _add_exporter(provider, endpoint, token)
    _in_force = Tracing(tracer_provider)
    found: TracerProvider = provider
    return found


def tracing() -> Tracing | None:
    """Where the spans of calls go; None where OpenTelemetry's API is not installed."""
    global _in_force
    if _in_force is None:
        try:
            from agent_deploy.client.calls.spans import Tracing
        except ImportError:
            return None
        _in_force = Tracing()
    return _in_force


def _add_processor(provider: Any) -> None:
    if provider in _with_processor:
        return
    from agent_deploy.telemetry.processor import BundleSpanProcessor

    try:
        provider.add_span_processor(BundleSpanProcessor())
    except AttributeError as error:
        raise BadSettings(
            f"{type(provider).__name__} takes no span processors", next_step="give the SDK's TracerProvider"
        ) from error
    _with_processor.add(provider)


def _add_exporter(provider: Any, endpoint: str | None, token: str | None) -> None:
    from agent_deploy.telemetry.exporting import CountingBatchProcessor

    provider.add_span_processor(CountingBatchProcessor(_exporter(endpoint, token)))


def _exporter(endpoint: str | None, token: str | None) -> SpanExporter:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        raise BadSettings(
            f"sending spans needs the OTLP exporter ({error})", next_step="pip install 'agent-deploy[otel]'"
        ) from error
    headers = {"authorization": f"Bearer {token}"} if token else None
    return OTLPSpanExporter(endpoint=_url(endpoint) if endpoint else None, headers=headers)


def _url(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise BadSettings(f"endpoint {endpoint!r} is no URL; give http://host:4319")
    return endpoint if parts.path.rstrip("/") else endpoint.rstrip("/") + _PATH
