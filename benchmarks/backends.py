"""Beside other trace backends: the very same spans sent until they can be asked for, and the same question asked.

Each is a server on one core, as it comes, on this disk. No time counts unless its figures are those of the spans.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from itertools import islice
from pathlib import Path
from time import perf_counter, sleep

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from agent_deploy.config import Config
from agent_deploy.costs.prices import Prices
from agent_deploy.operations.cost import cost
from agent_deploy.telemetry.facts.store import open_facts
from benchmarks.children import agent_deploy, run_in_turns
from benchmarks.context import Context, say
from benchmarks.figures import Figure, not_measured, seconds, spans_per_second, told
from benchmarks.peers.installing import NotMeasured
from benchmarks.peers.tracing import Backend, Totals, mlflow, phoenix
from benchmarks.serving import on_cores, send, served
from benchmarks.spans import BATCH, WORKFLOW, exports
from benchmarks.timing import in_turns, typical, whole
from registry.times import now

_EXPORTS = 4  # which keep a peer busy for some twenty seconds
_ALL_WITHIN_S = 180.0
_ASK_AGAIN_S = 1.0  # seldom enough not to slow the writing down
_SEEN = f"{(_EXPORTS + 1) * BATCH:,} spans"  # with those of the export that does not count
_INGEST = f"ingest of {_EXPORTS * BATCH:,} spans until all can be asked for, one core"
_QUESTION = f"calls and tokens of {_SEEN} by version, in process"
_COMMAND = f"agent-deploy cost WORKFLOW --by version --json, over {_SEEN}"

Opener = Callable[[Context, Path, Sequence[int]], AbstractContextManager[Backend]]
_PEERS: dict[str, Opener] = {"Phoenix": phoenix, "MLflow": mlflow}


def measure(context: Context, cores: Sequence[int]) -> Iterator[Figure]:
    """Ours, then each peer beside it. cores: the servers on the first, the senders on the others."""
    sent = list(islice(exports(), _EXPORTS + 1))
    folder = context.scratch / "ours"
    with _ours(folder, cores[:1]) as ours:
        rate = _ingested(ours, sent, cores[1:])
    command = agent_deploy("--config", str(folder / "agent-deploy.toml"), "cost", WORKFLOW, "--by", "version", "--json")
    runs = run_in_turns({"cost": [command]}, rounds=context.repeats(10))["cost"]
    in_process = in_turns(whole(ours.totals), rounds=context.repeats(20))[0]
    yield told(
        _COMMAND, typical([run.wall_s for run in runs]), seconds, against="the same, in process", baseline=in_process
    )
    for name, opener in _PEERS.items():
        yield from _beside(context, name, opener, sent, cores, ours, rate)


def _beside(
    context: Context, name: str, opener: Opener, sent: list[bytes], cores: Sequence[int], ours: Backend, rate: float
) -> Iterator[Figure]:
    try:
        with opener(context, context.scratch / f"trace-{name}", cores[:1]) as peer:
            say(f"  beside {peer.title}")
            theirs = _ingested(peer, sent, cores[1:])
            answers = in_turns(whole(ours.totals), whole(peer.totals), rounds=context.repeats(20))
    except (NotMeasured, RuntimeError, OSError) as why:  # a peer that fails or hangs costs its own figures alone
        yield not_measured(_INGEST, f"{name}: {why}")
        return
    yield told(_INGEST, rate, spans_per_second, against=peer.title, baseline=theirs)
    yield told(_QUESTION, answers[0], seconds, against=f"{peer.title}, asked over HTTP", baseline=answers[1])


def _ingested(backend: Backend, sent: Sequence[bytes], cores: Sequence[int]) -> float:
    """Spans a second, from the first export to an answer that tells of all; after one export that does not count.

    Raises NotMeasured where no answer ever does.
    """
    with on_cores(*cores):
        _until_seen(backend, sent[:1], _totals_of(sent[:1]))
        started = perf_counter()
        _until_seen(backend, sent[1:], _totals_of(sent))
        return _EXPORTS * BATCH / (perf_counter() - started)


def _until_seen(backend: Backend, sent: Sequence[bytes], expected: Totals) -> None:
    send(backend.url, backend.headers, iter(sent))
    until = perf_counter() + _ALL_WITHIN_S
    while (told_of := backend.totals()) != expected:
        if perf_counter() > until:
            raise NotMeasured(f"after {_ALL_WITHIN_S:.0f} s it tells of {told_of}, not of {expected}")
        sleep(_ASK_AGAIN_S)


def _totals_of(sent: Sequence[bytes]) -> Totals:
    """What the spans themselves say."""
    calls = asked = answered = 0
    for export in sent:
        for span in ExportTraceServiceRequest.FromString(export).resource_spans[0].scope_spans[0].spans:
            says = {pair.key: pair.value.int_value for pair in span.attributes}
            calls += not span.parent_span_id
            asked += says.get("gen_ai.usage.input_tokens", 0)
            answered += says.get("gen_ai.usage.output_tokens", 0)
    return Totals(calls, asked, answered)


@contextmanager
def _ours(folder: Path, cores: Sequence[int]) -> Iterator[Backend]:
    """What it keeps can be asked for when it is closed as well."""
    with served(folder, *cores) as receiver:
        yield Backend("agent-deploy", receiver.url, receiver.headers, lambda: _our_totals(receiver.config))


def _our_totals(config: Config) -> Totals:
    found = cost(
        open_facts(config), Prices(), WORKFLOW, since=now() - timedelta(days=1), by="version", known=lambda: [WORKFLOW]
    )
    return Totals(
        sum(line.calls for line in found.lines),
        sum(line.usage.input for line in found.lines),
        sum(line.usage.output for line in found.lines),
    )
