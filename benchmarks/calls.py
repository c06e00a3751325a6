"""A traced call: what `client.call` with one model step costs, against bare OpenTelemetry spans that say the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider

from agent_deploy import Client, instrument
from benchmarks.bundles import ENVIRONMENT, WORKFLOW, two_versions
from benchmarks.context import Context as Bench
from benchmarks.figures import Figure, no_more_than, seconds, told
from benchmarks.timing import chunks, in_turns


class _Sink(SpanProcessor):
    """Where both kinds of spans end: the last of each name is kept, nothing is sent."""

    def __init__(self) -> None:
        self.spans: dict[str, ReadableSpan] = {}

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Nothing to do."""

    def on_end(self, span: ReadableSpan) -> None:
        """Keep it."""
        self.spans[span.name] = span


def measure(context: Bench) -> Iterator[Figure]:
    """Content is off, as it is unless asked for, so that each span is looked through for content as well."""
    folder = context.scratch / "calls"
    two_versions(folder).database.close()
    sink, provider = _Sink(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(sink)
    instrument(provider)
    with Client(str(folder), environment=ENVIRONMENT, cache=folder / "cache") as client:
        _call(client)
        root, model = (dict(span.attributes or {}) for span in reversed(sink.spans.values()))
        ours, theirs, pinned = in_turns(
            chunks("call(client)", call=_call, client=client),
            chunks("bare(tracer, root, model)", bare=_bare, tracer=_tracer(), root=root, model=model),
            chunks("pin(client)", pin=_pin, client=client),
            rounds=context.repeats(50),
        )
    what = "client.call() with one model step"
    yield no_more_than(2, what, ours, seconds, against="three bare spans with the same attributes", baseline=theirs)
    yield told("client.pin(), for comparison", pinned, seconds)


def _call(client: Client) -> None:
    with client.call(WORKFLOW, tenant="acme", request_id="r-1") as call:
        with call.model() as model:
            model.usage(input=812, output=40, cache_read=640)
            model.response(model="gpt-5-mini-2025-08-07")
        call.outcome("resolved")


def _pin(client: Client) -> None:
    with client.pin(WORKFLOW):
        pass


def _tracer() -> Any:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(_Sink())
    return provider.get_tracer("bare")


def _bare(tracer: Any, root: Mapping[str, Any], model: Mapping[str, Any]) -> None:
    with tracer.start_as_current_span("workflow", attributes=root):
        for name in ("model", "tool"):
            with tracer.start_as_current_span(name, attributes=model):
                pass
