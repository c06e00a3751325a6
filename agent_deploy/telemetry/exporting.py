"""Sending spans away without ever waiting: what there is no room for, and what does not arrive, is counted."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from agent_deploy.telemetry.dropped import NOT_EXPORTED, QUEUE_FULL, Dropped
from agent_deploy.telemetry.dropped import dropped as everywhere

# The defaults of the specification, "SDK environment variables: Batch Span Processor".
_QUEUE, _BATCH = 2048, 512
END_WAIT_S = 5.0


class CountingBatchProcessor(SpanProcessor):
    """The SDK's batch processor, its queue bounded here as well, so that what is turned away is counted.

    exporter: used from the batch processor's own thread. OTEL_BSP_MAX_QUEUE_SIZE and the other variables of the SDK's
    batch processor hold. The end of the process waits `end_wait_s` at most for an exporter that is away.
    """

    def __init__(
        self, exporter: SpanExporter, *, dropped: Dropped = everywhere, end_wait_s: float = END_WAIT_S
    ) -> None:
        self._size = self._room = _positive("OTEL_BSP_MAX_QUEUE_SIZE", _QUEUE)
        batch = min(self._size, _positive("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", _BATCH))
        self._dropped = dropped
        self._end_wait_s = end_wait_s
        self._lock = threading.Lock()
        self._ended = False
        self._exporter = _CountingExporter(exporter, self._make_room, dropped)
        self._batches = BatchSpanProcessor(self._exporter, max_queue_size=self._size, max_export_batch_size=batch)
        os.register_at_fork(after_in_child=self._after_fork)

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Nothing to do."""

    def on_end(self, span: ReadableSpan) -> None:
        """Queue a sampled span, if there is room."""
        if span.context is None or not span.context.trace_flags.sampled:
            return
        if self._ended:
            self._dropped.add(NOT_EXPORTED)
        elif self._take_room():
            self._batches.on_end(span)
        else:
            self._dropped.add(QUEUE_FULL)

    def force_flush(self, timeout_millis: int | None = None) -> bool:
        """Send what is queued now; blocks."""
        return self._batches.force_flush(timeout_millis)

    def shutdown(self) -> None:
        """Send what is queued, and give up on an exporter that is away: an end that hangs is worse than lost spans."""
        self._ended = True
        give_up = threading.Timer(self._end_wait_s, self._exporter.shutdown)
        give_up.daemon = True
        give_up.start()
        try:
            self._batches.shutdown()  # type: ignore[no-untyped-call]
        finally:
            give_up.cancel()

    def _take_room(self) -> bool:
        with self._lock:
            has_room = self._room > 0
            self._room -= has_room
            return has_room

    def _make_room(self, spans: int) -> None:
        with self._lock:
            self._room = min(self._size, self._room + spans)

    def _after_fork(self) -> None:
        """In the child the queue is empty, and belongs to nobody yet."""
        self._lock, self._room = threading.Lock(), self._size


class _CountingExporter(SpanExporter):
    """The exporter proper, which may fail or raise; after `shutdown` nothing more is tried."""

    def __init__(self, exporter: SpanExporter, taken: Callable[[int], None], dropped: Dropped) -> None:
        self._inner = exporter
        self._taken = taken
        self._dropped = dropped
        self._ended = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self._taken(len(spans))
        result = SpanExportResult.FAILURE
        try:
            if not self._ended:
                result = self._inner.export(spans)
        finally:
            if result is not SpanExportResult.SUCCESS:
                self._dropped.add(NOT_EXPORTED, len(spans))
        return result

    def shutdown(self) -> None:
        if not self._ended:
            self._ended = True
            self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._inner.force_flush(timeout_millis)


def _positive(variable: str, default: int) -> int:
    """The number in the variable; the default where there is none or it is no good."""
    given = os.environ.get(variable, "")
    return int(given) if given.isascii() and given.isdecimal() and int(given) > 0 else default
