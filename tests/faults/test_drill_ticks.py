"""Many schedulers at once: two hundred ticks from ten real processes, and a week has one drill."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent_deploy.operations.drill.tick import tick
from drills.models import Drill, Outcome
from drills.recording import list_drills, record_drill
from registry.database import Database
from registry.drilling import find_week
from registry.registry import Registry
from registry.stores import open_store
from tests.builders import WORKFLOW, open_registry
from tests.drills.records import drill_of
from tests.drills.scheduled import config_of, go_live
from tests.faults.racing import race

pytestmark = pytest.mark.slow
HOSTS, TICKS = 10, 20
TEN = datetime(2026, 11, 24, 10, tzinfo=UTC)


@dataclass(frozen=True)
class Host:
    """A process that ticks `TICKS` times. skew: how far its clock is off. outcome: of the drills that it runs."""

    database: str
    store: str
    skew: timedelta
    outcome: Outcome = "succeeded"


def keep_ticking(host: Host) -> list[str]:
    """The ids of the drills that it completed."""
    registry = Registry(Database(host.database), open_store(host.store))
    config, at = config_of(registry), TEN + host.skew

    def run(workflow: str, environment: str, *, drill: str, week: str) -> Drill:
        time.sleep(0.05)  # a drill takes its time, and the others tick meanwhile
        done = drill_of(host.outcome, at=at, id=drill, week=week, workflow=workflow, environment=environment)
        record_drill(registry.database, done, None)
        return done

    ran = [ran for _ in range(TICKS) for ran in tick(registry, config, run, list, clock=lambda: at).ran]
    return [one.drill for one in ran if one.outcome == host.outcome]


def drills_of(registry: Registry) -> list[str]:
    with registry.database.read() as connection:
        return [drill.plan.id for drill in list_drills(connection, WORKFLOW)]


def hosts(registry: Registry, outcome: Outcome = "succeeded") -> list[Host]:
    """Their clocks are seconds apart, as clocks are."""
    seconds = [timedelta(seconds=number) for number in range(HOSTS)]
    return [Host(registry.database.url, registry.store.url, skew, outcome) for skew in seconds]


def test_two_hundred_ticks_at_once_run_one_drill_on_sqlite(tmp_path: Path) -> None:
    registry = open_registry(tmp_path)
    go_live(registry)
    completed = [drill for drills in race(keep_ticking, hosts(registry)) for drill in drills]
    assert len(completed) == 1
    assert drills_of(registry) == completed


def test_two_hundred_ticks_at_once_run_one_drill_on_postgres(tmp_path: Path, postgres_url: str) -> None:
    registry = open_registry(tmp_path, database=postgres_url, store=str(tmp_path / "store"))
    go_live(registry)
    completed = [drill for drills in race(keep_ticking, hosts(registry)) for drill in drills]
    assert len(completed) == 1
    assert drills_of(registry) == completed


def test_a_drill_that_failed_is_not_tried_again_by_the_other_schedulers_at_once(tmp_path: Path) -> None:
    registry = open_registry(tmp_path)
    go_live(registry)
    failed = [drill for drills in race(keep_ticking, hosts(registry, "failed_guard")) for drill in drills]
    assert drills_of(registry) == failed
    assert len(failed) == 1
    with registry.database.read() as connection:
        week = find_week(connection, WORKFLOW, "production", "2026-W48")
    assert week is not None
    assert (week.state, week.attempts) == ("released", 1)
