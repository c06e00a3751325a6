"""Figures about the receiver itself, for /metrics in Prometheus' text format. docs/serve.md lists them."""

from __future__ import annotations

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from agent_deploy.telemetry.facts.sealing import Sealed
from agent_deploy.telemetry.serving.drill_figures import DrillFigures
from agent_deploy.telemetry.serving.forwarding import Forwarder
from agent_deploy.telemetry.serving.health import Health
from agent_deploy.telemetry.serving.intake import Taken
from agent_deploy.telemetry.serving.pressure import Room
from agent_deploy.telemetry.serving.workflow_figures import WorkflowFigures
from agent_deploy.telemetry.spending.pricing import Pricing

CONTENT_TYPE = CONTENT_TYPE_LATEST
disable_created_metrics()  # type: ignore[no-untyped-call]  # a series more for each counter, of use to nobody
_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Figures:
    """All that one receiver shows. Any thread may count."""

    def __init__(self, pricing: Pricing) -> None:
        self._registry = registry = CollectorRegistry()
        self.workflows = WorkflowFigures(registry, pricing)
        self.drills = DrillFigures(registry)

        def counter(name: str, help_text: str, *labels: str) -> Counter:
            return Counter(f"agent_deploy_{name}", help_text, labels, registry=registry)

        self._requests = counter("ingest_requests", "Trace exports answered, by HTTP status.", "status")
        self._bytes = counter("ingest_bytes", "Bytes of trace exports, as they came.")
        self._spans = counter("ingest_spans", "Well-formed spans acknowledged, repeated ones too.")
        self._facts = counter("ingest_facts", "Facts written, repeated ones too.")
        self._rejected = counter("ingest_rejected_spans", "Spans without a good identity or time.", "why")
        self._ignored = counter("ingest_ignored_values", "Attribute values of a wrong type.", "attribute")
        self._ack = Histogram(
            "agent_deploy_ingest_ack_seconds", "From a request's first byte to its acknowledgement.",
            buckets=_BUCKETS_S, registry=registry,
        )  # fmt: skip
        self._sealed = counter("sealed_segments", "Segments written to the store.")
        self._sealed_facts = counter("sealed_facts", "Facts moved from the spool into segments.")
        self._failures = counter("upkeep_failures", "Upkeep that failed, and is tried again.", "job")
        self._forwarded = counter("forwarded_requests", "Exports passed on to the other endpoint.")
        self._dropped = counter("forward_dropped_requests", "Exports that were not passed on, by why.", "why")

    def show(self, room: Room, health: Health, forwarder: Forwarder | None) -> None:
        """Show, from now on, how full the room is and how spool and store are."""

        def gauge(name: str, help_text: str) -> Gauge:
            return Gauge(f"agent_deploy_{name}", help_text, registry=self._registry)

        gauge("ingest_queue_requests", "Exports not answered yet.").set_function(lambda: room.requests)
        gauge("ingest_queue_bytes", "Bytes of exports not answered yet.").set_function(lambda: room.size)
        gauge("spool_writable", "1 while the spool takes writes.").set_function(lambda: health.spool_ok)
        gauge("store_reachable", "1 while the store answers.").set_function(lambda: health.store_ok)
        if forwarder is not None:
            waiting = gauge("forward_queue_requests", "Exports that wait to be passed on.")
            waiting.set_function(lambda: forwarder.waiting)

    def answered(self, status: int, size: int) -> None:
        """A request was answered."""
        self._requests.labels(str(status)).inc()
        self._bytes.inc(size)

    def taken(self, taken: Taken, seconds: float) -> None:
        """A request was taken, and acknowledged after so many seconds."""
        self._ack.observe(seconds)
        self._spans.inc(taken.tally.spans)
        self._facts.inc(len(taken.facts))
        for why, number in taken.tally.refused.items():
            self._rejected.labels(why).inc(number)
        for attribute, number in taken.tally.ignored.items():
            self._ignored.labels(attribute).inc(number)

    def sealed(self, sealed: Sealed) -> None:
        """The spool was sealed."""
        self._sealed.inc(len(sealed.segments))
        self._sealed_facts.inc(sealed.facts)

    def failed(self, job: str) -> None:
        """A job of the upkeep failed."""
        self._failures.labels(job).inc()

    def forwarded(self, became: str) -> None:
        """What became of a request to be passed on: see `Forwarder`."""
        if became == "delivered":
            self._forwarded.inc()
        else:
            self._dropped.labels(became).inc()

    def text(self) -> bytes:
        """All of it."""
        return generate_latest(self._registry)
