"""A large registry against a small one: what is done to one workflow must not cost more because of all the others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from agent_deploy import Client
from agent_deploy.operations.promote import promote
from agent_deploy.operations.rollback import rollback
from agent_deploy.operations.status import status
from benchmarks.bundles import ACTOR, ENVIRONMENT, flags
from benchmarks.children import agent_deploy, run_in_turns
from benchmarks.context import Context, say
from benchmarks.figures import Figure, no_more_than, seconds, told
from benchmarks.population import Size, cache_name, is_drilled, name_of, populate, refresh_readers
from benchmarks.timing import once, typical
from registry.catalog import version_numbered
from registry.models import Release
from registry.moves import Plan, carry_out
from registry.registry import Registry
from registry.releases import find_head
from registry.times import now

LARGE, SMALL = Size(1000, 200, 1000), Size(10, 10, 10)
LARGE_QUICK = Size(50, 20, 100)
_ASKED = 1.3
_WORKFLOWS = 10
_OPERATIONS = {
    "rollback": "rollback",
    "promote": "promote",
    "status": "status WORKFLOW",
    "swap": "a reader's refresh after a release",
    "poll": "a reader's refresh, nothing new",
    "drilled": "rollback after the history's drills",
}


@dataclass(slots=True)
class _Place:
    """A registry of one size: as many workflows of it as of the other are measured, spread over all of them."""

    folder: Path
    size: Size
    registry: Registry

    def index(self, number: int) -> int:
        """The workflow to measure in that turn: even ones were deployed, odd ones drilled."""
        spread = max(2, self.size.workflows // _WORKFLOWS // 2 * 2)
        turn = number % _WORKFLOWS
        return (turn // 2 * 2 * spread + turn % 2) % self.size.workflows

    def head(self, workflow: str) -> Release:
        """What is live."""
        with self.registry.database.read() as connection:
            head = find_head(connection, workflow, ENVIRONMENT)
        assert head is not None
        return head


def measure(context: Context) -> Iterator[Figure]:
    """In process, where nothing hides a difference; then as whole commands, as the promise says."""
    size = LARGE_QUICK if context.quick else LARGE
    folder = context.scratch / "small"
    small = _Place(folder, SMALL, populate(folder, SMALL))
    say(f"  the large registry, {size}, is made once and kept")
    folder = context.cache / cache_name(size, alike=small.folder)
    large = _Place(folder, size, populate(folder, size))
    versus = f"at {SMALL}"
    ours, theirs = _in_turns(large, small, rounds=context.repeats(100))
    for name, what in _OPERATIONS.items():
        yield no_more_than(
            _ASKED, f"{what}, at {size}", typical(ours[name]), seconds, against=versus, baseline=typical(theirs[name])
        )
    yield told(
        f"status of all {size.workflows:,} workflows",
        typical([once(lambda: status(large.registry)) for _ in range(5)]),
        seconds,
    )
    yield from _commands(context, large, small)


Samples = dict[str, list[float]]


def _in_turns(large: _Place, small: _Place, *, rounds: int) -> tuple[Samples, Samples]:
    """Each operation's durations, now on a large registry's workflow, now on a small one's."""
    samples: tuple[Samples, Samples] = (defaultdict(list), defaultdict(list))
    clients = [_Readers(place) for place in (large, small)]
    try:
        for number in range(_WORKFLOWS + rounds):
            for place, readers, kept in zip((large, small), clients, samples, strict=True):
                index = place.index(number)
                took = _drilled(place, index) if is_drilled(index) else _deployed(place, index, readers)
                if number >= _WORKFLOWS:  # the first time round, files are not in memory yet
                    for name, duration in took.items():
                        kept[name].append(duration)
    finally:
        for readers in clients:
            readers.close()
    return samples


class _Readers:
    """A reader of each workflow measured, which looks at the store only when told."""

    def __init__(self, place: _Place) -> None:
        self._place = place
        self._clients: dict[str, Client] = {}

    def refresher(self, workflow: str) -> Callable[[], None]:
        """Has the workflow's reader look now."""
        if workflow not in self._clients:
            self._clients[workflow] = Client(
                str(self._place.folder),
                environment=ENVIRONMENT,
                poll_interval=3600,
                heartbeat=3600,
                cache=False,
            )
        client = self._clients[workflow]
        client.bundle(workflow)
        return client.refresh

    def close(self) -> None:
        """Close them all."""
        for client in self._clients.values():
            client.close()


def _deployed(place: _Place, index: int, readers: _Readers) -> dict[str, float]:
    """Roll a workflow back and promote it again, a reader following."""
    workflow, registry = name_of(index), place.registry
    refresh = readers.refresher(workflow)
    head = place.head(workflow)
    refresh_readers(registry.store, workflow, head.generation, head.version, head.digest)
    took = {"rollback": once(lambda: rollback(registry, workflow, ENVIRONMENT, actor=ACTOR))}
    took["swap"] = once(refresh)
    took["poll"] = once(refresh)
    took["promote"] = once(
        lambda: promote(registry, workflow, str(head.version), ENVIRONMENT, actor=ACTOR, override_hold=True)
    )
    refresh()
    took["status"] = once(lambda: status(registry, workflow))
    return took


def _drilled(place: _Place, index: int) -> dict[str, float]:
    """Roll back a workflow whose history is one of drills, and restore it as a drill does."""
    workflow, registry = name_of(index), place.registry
    took = once(lambda: rollback(registry, workflow, ENVIRONMENT, actor=ACTOR))
    with registry.database.read() as connection:
        newest = version_numbered(connection, workflow, place.size.versions)
    plan = Plan("restore", ENVIRONMENT, place.head(workflow), newest)
    carry_out(registry, plan, actor=ACTOR, reason="", clock=now)
    return {"drilled": took}


def _commands(context: Context, large: _Place, small: _Place) -> Iterator[Figure]:
    """The same as whole processes; a rollback and a promote take turns, so that each has something to move."""
    workflow = name_of(2)
    series: dict[str, list[list[str]]] = {}
    for place in (large, small):
        newest, where = place.head(workflow).version, flags(place.folder)
        series[f"moves {place.size}"] = [
            agent_deploy(*where, "rollback", workflow),
            agent_deploy(*where, "promote", workflow, "--version", str(newest), "--override-hold"),
        ]
        series[f"status {place.size}"] = [agent_deploy(*where, "status", workflow)]
    runs = run_in_turns(series, rounds=2 * context.repeats(15))
    for name, row, kept in (
        ("rollback", "moves", slice(0, None, 2)),
        ("promote", "moves", slice(1, None, 2)),
        ("status WORKFLOW", "status", slice(None)),
    ):
        ours, theirs = (typical([run.wall_s for run in runs[f"{row} {place.size}"][kept]]) for place in (large, small))
        yield no_more_than(
            _ASKED, f"agent-deploy {name}, at {large.size}", ours, seconds, against=f"at {small.size}", baseline=theirs
        )
