"""What telemetry left out rather than get in the application's way, counted by reason."""

from __future__ import annotations

import os
import threading
from collections import Counter

# Attributes: a value of the wrong kind; a value given after its span had ended; a fault of ours.
BAD_VALUE, TOO_LATE, OUR_FAULT = "bad_value", "too_late", "internal_error"
# Spans: the queue of the exporter was full; the exporter could not deliver them.
QUEUE_FULL, NOT_EXPORTED = "queue_full", "not_exported"


class Dropped:
    """Counts, from any thread. The reasons are few and fixed, so that they may label a metric."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, reason: str, count: int = 1) -> None:
        """Count so many more."""
        with self._lock:
            self._counts[reason] += count

    def counts(self) -> dict[str, int]:
        """How many for each reason so far, in this process."""
        with self._lock:
            return dict(self._counts)

    def after_fork(self) -> None:
        """In the child: a lock that nobody holds, and nothing counted yet."""
        self._counts, self._lock = Counter(), threading.Lock()


dropped = Dropped()
os.register_at_fork(after_in_child=dropped.after_fork)
