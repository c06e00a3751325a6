"""Warm reads: what `client.bundle()` costs an application at every request."""

from __future__ import annotations

from collections.abc import Iterator

from agent_deploy import Client
from benchmarks.bundles import ENVIRONMENT, WORKFLOW, two_versions
from benchmarks.context import Context
from benchmarks.figures import Figure, not_measured, seconds, times_faster, told
from benchmarks.peers import NotMeasured, started
from benchmarks.timing import chunks, in_turns

_WHAT = "client.bundle(), warm"
# peer -> (how many times faster bundle() has to be, what the peer is asked for)
_PEERS = {
    "langfuse": (10, "get_prompt, cached"),
    "openfeature-sdk": (40, "get_object_value, in memory"),
    "mlflow": (500, "load_prompt, cached"),
}


class _Floor:
    """The least that an answer by name can cost: one method call, one look into a dictionary."""

    def __init__(self, items: dict[str, object]) -> None:
        self._items = items

    def get(self, name: str) -> object:
        return self._items[name]


def measure(context: Context) -> Iterator[Figure]:
    """Against a dictionary behind a method, and against each peer's own cached read."""
    folder = context.scratch / "reads"
    two_versions(folder).database.close()
    rounds = context.repeats(50)
    with Client(str(folder), environment=ENVIRONMENT, cache=folder / "cache") as client:
        floor = _Floor({WORKFLOW: client.bundle(WORKFLOW)})
        sampler = chunks("bundle(name)", bundle=client.bundle, name=WORKFLOW)
        warm, least = in_turns(sampler, chunks("get(name)", get=floor.get, name=WORKFLOW), rounds=rounds)
        yield told(_WHAT, warm, seconds, against="dictionary behind a method", baseline=least)
        with client.pin(WORKFLOW):
            (pinned,) = in_turns(chunks("bundle(name)", bundle=client.bundle, name=WORKFLOW), rounds=rounds)
        yield told("client.bundle(), inside a pin", pinned, seconds)
        for name, (times, call) in _PEERS.items():
            try:
                with started(context, name) as peer:
                    warm, theirs = in_turns(sampler, peer.sampler("read"), rounds=rounds)
            except NotMeasured as why:
                yield not_measured(_WHAT, f"{name} {call}: {why}", f"≥ {times:g} ×")
                continue
            yield times_faster(times, _WHAT, warm, seconds, against=f"{peer.title} {call}", baseline=theirs)
