"""Two years of weeks, hour by hour, with everything that befalls hosts and clocks. Pure, but for one year on SQLite."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drills.claiming import CLAIM
from drills.models import Drill, Outcome
from drills.policy import DrillPolicy, Window
from drills.schedule import Scene, decide, drilled_weeks, retry_at
from drills.standing import standing_of
from drills.windows import slots_of, week_of
from registry.drilling import CLAIMED, COMPLETED, DrillWeek
from tests.builders import open_registry
from tests.drills.records import drill_of
from tests.drills.scheduled import TABLE, Scheduler, config_of, go_live

pytestmark = pytest.mark.slow
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe")
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
START = datetime(2026, 1, 5, tzinfo=UTC)
WEEKS = 104


@dataclass
class World:
    """One workflow, and what schedulers left of it: claims and records, as `drills.claiming` leaves them.

    drills: the newest first, back to the last that succeeded. completed: true moment and label of every one that did.
    begun: what the clock showed when a drill began, and its label.
    noticed: at the true moment of every tick, whether it said that the drill was overdue.
    """

    policy: DrillPolicy
    weeks: dict[str, DrillWeek] = field(default_factory=dict)
    drills: list[Drill] = field(default_factory=list)
    completed: list[tuple[datetime, str]] = field(default_factory=list)
    begun: list[tuple[datetime, str]] = field(default_factory=list)
    noticed: list[tuple[datetime, bool]] = field(default_factory=list)

    def tick(self, true: datetime, clock: datetime, outcome: Outcome | None) -> None:
        """A tick, by a clock that may show another moment. outcome: None for a host that dies with its claim."""
        standing = standing_of(self.drills, START, self.policy, clock)
        self.noticed.append((true, standing.overdue_since(clock) is not None))
        week = week_of(clock, self.policy.window.timezone)
        rows = [row for row in self.weeks.values() if row.week >= week]
        scene = Scene("support-triage", "production", START, rows, drilled_weeks(self.drills, self.policy))
        decision = decide(scene, self.policy, clock)
        if decision.state == "due":
            self._run(true, clock, decision.week, outcome)

    def _run(self, true: datetime, clock: datetime, week: str, outcome: Outcome | None) -> None:
        self.begun.append((clock, week))
        attempts = self.weeks[week].attempts + 1 if week in self.weeks else 1
        id_ = f"drill-{len(self.weeks):05x}{attempts:05x}"
        row = DrillWeek("support-triage", "production", week, id_, CLAIMED, attempts, clock + CLAIM)
        if outcome is not None:
            drill = drill_of(outcome, at=clock, id=id_, week=week)
            self.drills = [drill] if outcome == "succeeded" else [drill, *self.drills]
            again = retry_at(self.policy, outcome, attempts, week, drill.ended_at)
            row = (
                replace(row, state=COMPLETED)
                if outcome == "succeeded"
                else replace(row, state="released", not_before=again)
            )
        if outcome == "succeeded":
            self.completed.append((true, week))
        self.weeks[week] = row


def policy_in(
    zone: str, *, days: tuple[int, ...] = (1, 2, 3), start: time = time(10), end: time = time(16)
) -> DrillPolicy:
    return DrillPolicy(scheduled=True, window=Window(days, start, end, zone))


def hours() -> list[datetime]:
    return [START + number * HOUR for number in range(WEEKS * 7 * 24)]


def outcome_by(chance: random.Random) -> Outcome | None:
    """Seven in ten succeed."""
    others: list[Outcome | None] = [
        "blocked",
        "failed_verify",
        "precheck_failed",
        "interrupted",
        "restore_failed",
        None,
    ]
    return "succeeded" if chance.random() < 0.7 else chance.choice(others)


def outages(chance: random.Random) -> Callable[[datetime], bool]:
    """Whether the scheduler is away: now and then for up to three weeks."""
    spans = []
    at = START
    while at < START + WEEKS * WEEK:
        at += timedelta(hours=chance.expovariate(1 / 900))
        spans.append((at, at := at + timedelta(hours=chance.choice([2, 30, 80, 500]))))
    return lambda moment: any(start <= moment < end for start, end in spans)


def most_of_a_week(labels: list[str]) -> int:
    return max(Counter(labels).values(), default=0)


def overdue_truly(world: World, at: datetime) -> bool:
    """By the records, and a clock that is right: whether the eighth day is over."""
    last = next((done for done, _ in reversed(world.completed) if done < at), None)
    took = drill_of(at=START).ended_at - START
    return at >= (last + took if last else START) + world.policy.overdue_after


@pytest.mark.parametrize("zone", ZONES)
def test_with_an_hourly_scheduler_every_week_has_exactly_one_drill_where_clocks_change_too(zone: str) -> None:
    world = World(policy_in(zone))
    for at in hours():
        world.tick(at, at, "succeeded")
    assert len(world.completed) == WEEKS
    assert most_of_a_week([week_of(at, zone) for at, _ in world.completed]) == 1
    assert not any(overdue for _, overdue in world.noticed)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(("start", "end"), [(time(1, 30), time(2, 30)), (time(2), time(3)), (time(2, 10), time(2, 50))])
def test_sundays_whose_window_is_skipped_or_read_twice_have_one_drill(zone: str, start: time, end: time) -> None:
    policy = replace(policy_in(zone, days=(6,), start=start, end=end), jitter=timedelta())
    world = World(policy)
    noons = [START + 5 * DAY + 12 * HOUR + number * WEEK for number in range(WEEKS)]
    for at in [noon + number * timedelta(minutes=10) for noon in noons for number in range(24 * 6)]:
        world.tick(at, at, "succeeded")
    assert len(world.completed) == WEEKS
    assert most_of_a_week([week_of(at, zone) for at, _ in world.completed]) == 1


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("seed", range(2))
def test_with_outages_missed_ticks_and_drills_that_fail_no_week_has_two_and_overdue_is_noticed_within_an_hour(
    zone: str, seed: int
) -> None:
    chance = random.Random(f"{zone}{seed}")
    away, world = outages(chance), World(policy_in(zone))
    for at in hours():
        if away(at) or chance.random() < 0.1:
            continue
        world.tick(at, at, outcome_by(chance))
    assert 60 < len(world.completed) <= WEEKS
    assert most_of_a_week([label for _, label in world.completed]) == 1
    assert any(overdue for _, overdue in world.noticed)
    assert [(at, overdue) for at, overdue in world.noticed if overdue != overdue_truly(world, at)] == []


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("seed", range(2))
def test_with_clocks_that_are_set_back_no_week_has_two_by_the_true_calendar_either(zone: str, seed: int) -> None:
    chance = random.Random(f"back{zone}{seed}")
    world, back, jumps = World(policy_in(zone)), timedelta(), 0
    for at in hours():
        if chance.random() < 0.01:  # right again, or hours, days or weeks behind
            back = chance.choice([timedelta(), timedelta(), 3 * HOUR, 2 * DAY, 10 * DAY])
            jumps += 1
        if at - back > START:
            world.tick(at, at - back, outcome_by(chance))
    assert jumps > 100
    assert 40 < len(world.completed) <= WEEKS
    assert most_of_a_week([label for _, label in world.completed]) == 1


@settings(max_examples=40, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    days=st.sets(st.integers(0, 6), min_size=1).map(lambda days: tuple(sorted(days))),
    start=st.builds(time, st.integers(0, 22), st.sampled_from([0, 15, 30])),
    hosts=st.lists(st.integers(-240, 240), min_size=1, max_size=4),
    seed=st.integers(0, 2**32),
)
def test_however_many_hosts_with_whatever_clocks_a_week_is_completed_once(
    zone: str, days: tuple[int, ...], start: time, hosts: list[int], seed: int
) -> None:
    chance = random.Random(seed)
    world = World(policy_in(zone, days=days, start=start, end=time(23, 30)))
    for number in range(8 * 7 * 24):
        at = START + 2 * WEEK + number * HOUR
        host = chance.choice(hosts)
        world.tick(at, at + host * HOUR, outcome_by(chance))
    labels = [label for _, label in world.completed]
    assert most_of_a_week(labels) <= 1
    assert labels == sorted(labels)
    window = world.policy.window
    assert all(any(slot.opens <= at < slot.closes for slot in slots_of(window, label)) for at, label in world.begun)


def test_a_year_on_a_real_database_has_at_most_one_completed_drill_a_week(tmp_path: Path) -> None:
    registry = open_registry(tmp_path)
    go_live(registry, at=START)
    chance = random.Random(7)
    window = {"days": ["tue", "wed", "thu"], "from": "10:00", "to": "16:00", "timezone": "Europe/Berlin"}
    host = Scheduler(registry, config_of(registry, {**TABLE, "window": window, "jitter": "30m"}))
    away, completed = outages(chance), list[str]()
    for number in range(52 * 7 * 4):  # every six hours
        host.at = START + number * 6 * HOUR - chance.choice([timedelta(), timedelta(), timedelta(), 3 * DAY])
        if away(host.at) or host.at < START:
            continue
        host.outcomes = [outcome_by(chance) or "interrupted"]
        completed += [ran.week for ran in host.tick().ran if ran.outcome == "succeeded"]
    assert 25 < len(completed) <= 52
    assert most_of_a_week(completed) == 1
    assert completed == sorted(completed)
