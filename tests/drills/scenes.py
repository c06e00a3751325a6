"""A workflow with three versions live one after the other, a policy that waits for little, and drills run on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from agent_deploy.config import Config
from agent_deploy.operations.drill.porting import drill_ports
from agent_deploy.operations.drill.run import plan_for
from agent_deploy.operations.promote import promote
from agent_deploy.operations.verify import verify
from drills.course import Clock
from drills.models import RECORDED, STARTED, Drill
from drills.policy import DrillPolicy
from drills.ports import Ports
from drills.recording import drill_of, plan_of
from drills.runner import run
from registry.database import Connection
from registry.drilling import DrillLease, find_lease
from registry.evidence import list_evidence
from registry.models import Release
from registry.pointers import read_pointer
from registry.registry import Registry
from registry.releases import find_head
from registry.times import now
from tests.builders import WORKFLOW, add_version, open_registry

PLACE = "production"
SHADOW = "production-drill"


def policy_of(**changes: Any) -> DrillPolicy:
    """A policy under which a drill on an environment made a moment ago, without readers, takes a tenth of a second."""
    quick = DrillPolicy(
        hold_for=timedelta(milliseconds=20), guard_every=timedelta(milliseconds=10), soak=timedelta(), readers=0,
        smoke=None, max_time_to_rollback=timedelta(seconds=5), restore_within=timedelta(milliseconds=300),
    )  # fmt: skip
    return replace(quick, **changes)


@dataclass(frozen=True)
class Scene:
    """A registry and its settings."""

    registry: Registry
    config: Config

    def ports(self, policy: DrillPolicy, **changes: Any) -> Ports:
        """The real ones, with others in the place of some."""
        return replace(drill_ports(self.registry, self.config, policy, WORKFLOW, PLACE, "ann"), **changes)

    def drill(self, policy: DrillPolicy | None = None, *, clock: Clock | None = None, **more: Any) -> Drill:
        """Run a drill in this process. more: ports by name, or what `plan_for` takes."""
        policy = policy or policy_of()
        names = set(Ports.__slots__) & set(more)
        ports = self.ports(policy, **{name: more.pop(name) for name in names})
        plan = plan_for(self.registry, self.config, WORKFLOW, PLACE, actor="ann", policy=policy, clock=clock, **more)
        return run(self.registry, ports, plan, policy, owner="here", clock=clock)

    def read(self, ask: Callable[[Connection], Any]) -> Any:
        """What a question to the database is answered."""
        with self.registry.database.read() as connection:
            return ask(connection)

    def head(self, place: str = PLACE) -> Release:
        """What is live there, which readers can see too."""
        head: Release = self.read(lambda connection: find_head(connection, WORKFLOW, place))
        assert read_pointer(self.registry.store, place, WORKFLOW).generation == head.generation
        return head

    def lease(self, place: str = PLACE) -> DrillLease | None:
        """The lease on the place, if any."""
        found: DrillLease | None = self.read(lambda connection: find_lease(connection, WORKFLOW, place))
        return found

    def records(self) -> list[Drill]:
        """The drills on record, oldest first."""
        found = self.read(lambda connection: list_evidence(connection, WORKFLOW, kind=RECORDED))
        return [drill_of(record.body) for record in reversed(found)]

    def intents(self) -> list[str]:
        """The ids of the drills that began."""
        found = self.read(lambda connection: list_evidence(connection, WORKFLOW, kind=STARTED))
        return [record.subject for record in reversed(found)]

    def target_of(self, drill: str) -> int | None:
        """Where a drill that began means to go; None for one that did not begin."""
        found = self.read(lambda connection: list_evidence(connection, WORKFLOW, kind=STARTED, subject=drill))
        return plan_of(found[0].body).target.version if found else None

    def promote(self, version: int, **more: Any) -> Release:
        """An operator's promote."""
        release = promote(self.registry, WORKFLOW, str(version), PLACE, actor="olga", **more).release
        assert release is not None
        return release

    def assert_whole(self) -> None:
        """Every chain, blob and pointer holds."""
        assert verify(self.registry).faults == []


def make_scene(folder: Path, *, live: int = 3, database: str | None = None, store: str | None = None) -> Scene:
    """Versions 1 to 4 registered, and 1 to `live` promoted in turn."""
    registry = open_registry(folder, database, store)
    for number in (1, 2, 3, 4):
        add_version(registry, number)
    for number in range(1, live + 1):
        promote(registry, WORKFLOW, str(number), PLACE, actor="ci")
    return Scene(registry, Config(registry.database.url, registry.store.url, state=folder / ".agent-deploy"))


def later(by: timedelta = timedelta(hours=1)) -> Clock:
    """The real clock, put forward: every lease has run out."""

    def ahead() -> datetime:
        return now() + by

    return Clock(now=ahead)
