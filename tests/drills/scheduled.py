"""A registry whose drills are scheduled, a clock that is set by hand, and drills that end as they are told to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from agent_deploy.config import Config
from agent_deploy.operations.drill.tick import Tick, tick
from agent_deploy.operations.promote import promote
from drills.models import Drill, Outcome
from drills.recording import new_drill_id, record_drill
from registry.registry import Registry
from tests.builders import WORKFLOW, add_version
from tests.drills.records import drill_of

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
TUESDAY = MONDAY + timedelta(days=1)
TABLE: Mapping[str, Any] = {"jitter": "0s", "window": {"days": ["tue", "thu"], "from": "10:00", "to": "16:00"}}


def config_of(registry: Registry, table: Mapping[str, Any] | None = TABLE) -> Config:
    """Settings with this drill table for production, or without one."""
    environments: dict[str, Any] = {"production": {"drill": dict(table)} if table is not None else {}}
    return Config(registry.database.url, registry.store.url, document={"environments": environments})


def go_live(
    registry: Registry, workflow: str = WORKFLOW, at: datetime = MONDAY, environment: str = "production"
) -> None:
    """Two versions, promoted one after the other: there is something to go back to."""
    for number in (1, 2):
        version = add_version(registry, number, workflow)
        promote(registry, workflow, str(version.number), "production", actor="ann", clock=lambda: at)


@dataclass
class Scheduler:
    """A host that ticks. outcomes: of the drills to come, by turns; succeeded when there are none left.

    trouble: raised by the drill instead. begun: the workflows whose drills began, with the moment.
    """

    registry: Registry
    config: Config
    at: datetime = TUESDAY + timedelta(hours=10)
    outcomes: list[Outcome] = field(default_factory=list)
    trouble: Exception | None = None
    begun: list[tuple[str, datetime]] = field(default_factory=list)

    def tick(self, *, recover: Callable[[], Sequence[Drill]] = list, stop: Callable[[], bool] = lambda: False) -> Tick:
        """One tick, at the moment that the clock shows."""
        ids = (new_drill_id(f"{len(self.begun):04x}{int(self.at.timestamp()) % 2**24:06x}") for _ in iter(int, 1))
        return tick(
            self.registry, self.config, self._run, recover, stop=stop, clock=lambda: self.at, new_id=ids.__next__
        )

    def _run(self, workflow: str, environment: str, *, drill: str, week: str) -> Drill:
        self.begun.append((workflow, self.at))
        if self.trouble:
            raise self.trouble
        outcome = self.outcomes.pop(0) if self.outcomes else "succeeded"
        done = drill_of(outcome, at=self.at, id=drill, week=week, workflow=workflow, environment=environment)
        record_drill(self.registry.database, done, None)
        return done
