"""Facts: taking traces in, and asking for what they tell."""

from __future__ import annotations

import os
from collections.abc import Iterator

from benchmarks import backends, ingest, questions
from benchmarks.context import Context
from benchmarks.figures import Figure


def measure(context: Context) -> Iterator[Figure]:
    """Servers on one core and senders on the others, where the system lets processes be told so."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    yield from ingest.measure(context, cores)
    yield from questions.measure(context)
    yield from backends.measure(context, cores)
