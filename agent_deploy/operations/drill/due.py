"""drill tick's look: of every workflow and environment with a drill policy, whether its drill is due or overdue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from agent_deploy.config import Config
from agent_deploy.drill_policy import drill_policy
from drills.looking import read_standing
from drills.models import RECORDED, Drill
from drills.policy import DrillPolicy
from drills.recording import drill_of
from drills.schedule import Decision, Scene, decide
from drills.standing import CLOCK_ERROR, Standing, counts, standing_of
from drills.windows import week_of
from registry.database import Connection
from registry.drilling import DrillWeek, weeks_from
from registry.registry import Registry
from registry.scheduling import Place, list_places


@dataclass(frozen=True, slots=True)
class Look:
    """How a workflow stands in an environment. overdue_since: None when it is not."""

    workflow: str
    environment: str
    policy: DrillPolicy
    decision: Decision
    last_success: Drill | None
    overdue_since: datetime | None


def look(registry: Registry, config: Config, at: datetime) -> list[Look]:
    """Every place whose drills are scheduled, sorted; the same few statements for a thousand of them as for one.

    Raises BadConfig for a policy that cannot be.
    """
    with registry.database.read() as connection:
        scheduled = _scheduled(list_places(connection, RECORDED), config)
        if not scheduled:
            return []
        first = min(week_of(at, policy.window.timezone) for _, policy in scheduled)
        weeks = _by_place(weeks_from(connection, first))
        return [_look(connection, place, policy, weeks, at) for place, policy in scheduled]


def _scheduled(places: list[Place], config: Config) -> list[tuple[Place, DrillPolicy]]:
    """Policies are read once for all workflows that have none of their own."""
    of_environment: dict[str, DrillPolicy] = {}
    found = []
    for place in places:
        policy = of_environment.get(place.environment)
        own = config.drill_table(place.workflow, place.environment) != config.drill_table("", place.environment)
        if own or policy is None:
            policy = drill_policy(config, place.workflow, place.environment)
        if not own:
            of_environment[place.environment] = policy
        if policy.scheduled:
            found.append((place, policy))
    return found


def _by_place(weeks: list[DrillWeek]) -> Mapping[tuple[str, str], list[DrillWeek]]:
    found: dict[tuple[str, str], list[DrillWeek]] = {}
    for week in weeks:
        found.setdefault((week.workflow, week.environment), []).append(week)
    return found


def _look(
    connection: Connection,
    place: Place,
    policy: DrillPolicy,
    weeks: Mapping[tuple[str, str], list[DrillWeek]],
    at: datetime,
) -> Look:
    last = [drill_of(place.last)] if place.last else []
    rows = weeks.get((place.workflow, place.environment), [])
    now_week = week_of(at, policy.window.timezone)
    rows = [row for row in rows if row.week >= now_week]
    scene = Scene(place.workflow, place.environment, place.released_at, rows, last)
    standing = _standing(connection, place, policy, last, at)
    return Look(
        place.workflow, place.environment, policy, decide(scene, policy, at), standing.last_success,
        standing.overdue_since(at),
    )  # fmt: skip


def _standing(connection: Connection, place: Place, policy: DrillPolicy, last: list[Drill], at: datetime) -> Standing:
    """The newest drill tells it, when it succeeded or there is none; else all of them have to be looked through."""
    told = not last or (counts(last[0], policy) and last[0].ended_at <= at + CLOCK_ERROR)
    found = None if told else read_standing(connection, place.workflow, place.environment, policy, at)
    return found or standing_of(last, place.first_live_at, policy, at)
