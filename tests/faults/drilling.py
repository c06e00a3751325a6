"""Drills, and readers, each in a real process of its own that can be killed, stopped or told to end."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Literal, NoReturn

from agent_deploy.client import Client
from agent_deploy.config import Config
from agent_deploy.operations.drill.recover import recover
from agent_deploy.operations.drill.run import run_drill
from agent_deploy.operations.drill.tick import tick
from drills import leasing, planning, watching
from drills.models import Drill, Mode
from drills.policy import DrillPolicy
from drills.stopping import Stopping
from registry.database import Database
from registry.failpoints import VARIABLE
from registry.models import Reader
from registry.pointers import read_pointer
from registry.readers import list_readers, write_reader
from registry.registry import Registry
from registry.stores import Store, open_store
from registry.times import now
from tests.builders import WORKFLOW
from tests.client.releases import wait_until
from tests.drills.scenes import PLACE, Scene, later, policy_of
from tests.drills.scheduled import config_of

POLL_S, HEARTBEAT_S = 0.05, 0.25
Kind = Literal["good", "stuck", "mortal", "leaving"]
# A window that is always open, so that a week's drill is due at once.
ALWAYS = {
    "jitter": "0s",
    "window": {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "00:00", "to": "23:59"},
}


@dataclass(frozen=True)
class Order:
    """What a process is to do: one drill. allowance: what is added to its deadline. lease: None for the usual.

    ahead: how far its clock is put forward. by: what has the drill run, or only brings a dead one to its end.
    """

    database: str
    store: str
    state: Path
    drill: str
    failpoint: str = ""
    mode: Mode = "live"
    policy: DrillPolicy | None = None
    target: str | None = None
    allowance: timedelta | None = None
    lease: timedelta | None = None
    ahead: timedelta = timedelta()
    by: Literal["operator", "tick", "recovery"] = "operator"


def order_of(scene: Scene, number: int, **more: object) -> Order:
    """An order for the scene; the drill's id says its number."""
    config = scene.config
    return Order(config.database, config.store, config.state, f"drill-{number:010x}", **more)  # type: ignore[arg-type]


def start_drill(order: Order) -> ForkServerProcess:
    """A process at work on a drill; it exits with 0 when that ended well, with 8 when not."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.faults.drilling"])
    process = context.Process(target=_drill, args=(order,))
    process.start()
    return process


def ended(process: ForkServerProcess, timeout_s: float = 60) -> int:
    """How it ended: its exit code, negative for the signal that killed it."""
    process.join(timeout_s)
    assert process.exitcode is not None, "the process did not end in time"
    return process.exitcode


def _drill(order: Order) -> None:
    os.environ[VARIABLE] = order.failpoint
    if order.allowance is not None:
        planning.ALLOWANCE, watching._MARGIN_S = order.allowance, 0.0
    leasing.LEASE = order.lease or leasing.LEASE
    registry = Registry(Database(order.database), open_store(order.store))
    os._exit(0 if all(drill.exit_ok for drill in _drills(registry, order)) else 8)


def _drills(registry: Registry, order: Order) -> list[Drill]:
    config, clock, done = Config(order.database, order.store, state=order.state), later(order.ahead), list[Drill]()

    def run(workflow: str, environment: str, *, drill: str, week: str) -> Drill:
        done.append(run_drill(
            registry, config, workflow, environment, actor="driller", mode=order.mode, drill_id=drill, week=week,
            policy=order.policy or policy_of(), stopping=Stopping(), target=order.target, clock=clock,
        ))  # fmt: skip
        return done[0]

    if order.by == "recovery":
        recover(registry, config, actor="next", clock=clock)
    elif order.by == "tick":
        tick(registry, config_of(registry, ALWAYS), run, list, clock=clock.now, new_id=lambda: order.drill)
    else:
        run(WORKFLOW, PLACE, drill=order.drill, week="")
    return done


@contextmanager
def readers(scene: Scene, kinds: dict[str, Kind], place: str = PLACE) -> Iterator[dict[str, ForkServerProcess]]:
    """Reader processes by name, which have said what they serve; killed at the end.

    good: a client that follows. stuck: it follows the pointer and serves what it served first, as with a cache that
    never lets go. mortal: a client that dies, with no good-bye, as soon as it serves another version than at first.
    leaving: one that then ends in good order.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.faults.drilling"])
    started = {
        name: context.Process(target=_read, args=(scene.config.store, place, name, kind))
        for name, kind in kinds.items()
    }
    try:
        for process in started.values():
            process.start()
        wait_until(lambda: set(kinds) <= set(served(scene, place)))
        yield started
    finally:
        for process in started.values():
            process.kill()
            process.join()
        for reader in list(list_readers(scene.registry.store, place, WORKFLOW)):
            scene.registry.store.delete(f"readers/{place}/{WORKFLOW}/{reader.instance}.json")


def served(scene: Scene, place: str = PLACE) -> dict[str, tuple[int, int]]:
    """What each reader says it serves: generation and version."""
    found = list_readers(scene.registry.store, place, WORKFLOW)
    return {reader.instance: (reader.generation, reader.version) for reader in found}


def _read(url: str, place: str, name: str, kind: Kind) -> None:
    if kind == "stuck":
        _be_stuck(open_store(url), place, name)
    with Client(
        url, environment=place, cache=False, poll_interval=POLL_S, heartbeat=HEARTBEAT_S, instance=name
    ) as client:
        first = client.bundle(WORKFLOW).version
        while kind == "good" or client.bundle(WORKFLOW).version == first:
            time.sleep(0.01)
        if kind == "mortal":
            os._exit(1)


def _be_stuck(store: Store, place: str, name: str) -> NoReturn:
    first = read_pointer(store, place, WORKFLOW)
    since = now()
    while True:
        seen = read_pointer(store, place, WORKFLOW)
        said = Reader(
            WORKFLOW, place, name, seen.generation, first.version, first.digest, "store", since, now(), HEARTBEAT_S,
            "here", os.getpid(),
        )  # fmt: skip
        write_reader(store, said)
        time.sleep(POLL_S)
