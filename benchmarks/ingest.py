"""Ingest over HTTP: spans that `agent-deploy serve`, on one core, acknowledges as durable, each second."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, takewhile
from pathlib import Path
from time import perf_counter

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from agent_deploy.config import Config
from agent_deploy.telemetry.facts.store import open_facts
from benchmarks.context import Context, say
from benchmarks.figures import Figure, at_least, not_measured, spans_per_second
from benchmarks.serving import Served, on_cores, send, served
from benchmarks.spans import ATTRIBUTES, BATCH, exports
from benchmarks.timing import in_turns, whole

_ASKED = 10_000
_EXPORTS = 40  # of one round
_SUSTAINED_S = 65.0  # in which the spool is sealed twice
_WHAT = f"ingest over HTTP on one core, {BATCH} spans × {ATTRIBUTES} attributes an export"
_FLOOR = "of parsing the same protobuf and writing its bytes with fsync"


def measure(context: Context, cores: Sequence[int]) -> Iterator[Figure]:
    """In rounds against the least that it could cost; then for so long that the receiver seals meanwhile.

    cores: the receiver on the first, the senders on the others.
    """
    if len(cores) < 2:
        yield not_measured(_WHAT, "receiver and senders need a core each", f"≥ {spans_per_second(_ASKED)}")
        return
    sustained_s = _SUSTAINED_S / 5 if context.quick else _SUSTAINED_S
    with served(context.scratch / "ingest", cores[0]) as receiver, on_cores(*cores[1:]):
        senders = _Senders(receiver)
        rate, floor = _in_rounds(context, senders, cores[0])
        say(f"  sending for {sustained_s:.0f} s")
        sustained = senders.for_long(sustained_s) * BATCH
    _check(receiver.config, senders.acknowledged * BATCH)
    yield at_least(_ASKED, _WHAT, rate, spans_per_second, against=_FLOOR, baseline=floor)
    what = f"the same for {sustained_s:.0f} s on end, sealing and other upkeep included"
    yield at_least(_ASKED, what, sustained, spans_per_second)


class _Senders:
    """Applications that send to one receiver, and how many exports it acknowledged."""

    def __init__(self, receiver: Served) -> None:
        self._receiver = receiver
        self._exports = exports()
        self.acknowledged = 0

    def round(self) -> None:
        """The exports of one round."""
        self._send(islice(self._exports, _EXPORTS))

    def for_long(self, duration_s: float) -> float:
        """Exports a second over that time."""
        before, started = self.acknowledged, perf_counter()
        self._send(takewhile(lambda _: perf_counter() - started < duration_s, self._exports))
        return (self.acknowledged - before) / (perf_counter() - started)

    def _send(self, exports: Iterator[bytes]) -> None:
        self.acknowledged += send(self._receiver.url, self._receiver.headers, exports)


def _in_rounds(context: Context, senders: _Senders, core: int) -> tuple[float, float]:
    """Spans a second that the receiver acknowledges, and that the floor can do on the same core."""
    floor = _floor(context.scratch / "floor", list(islice(exports(), _EXPORTS)))

    def on_the_same_core() -> None:
        with on_cores(core):
            floor()

    ours_s, least_s = in_turns(whole(senders.round), whole(on_the_same_core), rounds=context.repeats(15))
    return _EXPORTS * BATCH / ours_s, _EXPORTS * BATCH / least_s


def _floor(path: Path, bodies: list[bytes]) -> Callable[[], None]:
    """Nothing but what any receiver has to do before it may say that it has the spans, one export after the other."""

    def write() -> None:
        with path.open("wb", buffering=0) as file:
            for body in bodies:
                ExportTraceServiceRequest().ParseFromString(body)
                file.write(body)
                os.fsync(file.fileno())

    return write


def _check(config: Config, sent: int) -> None:
    """Raises RuntimeError unless every span that was acknowledged is a fact now, once."""
    with open_facts(config).connection() as connection:
        (kept,) = connection.execute("SELECT count(*) FROM facts").fetchone() or (0,)
    if kept != sent:
        raise RuntimeError(f"{sent:,} spans were acknowledged, and {kept:,} facts are kept")
