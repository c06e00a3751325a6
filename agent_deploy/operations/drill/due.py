"""drill tick's look: of every workflow and environment with a drill policy, whether its drill is due or overdue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from agent_deploy.config import Config
from agent_deploy.drill_policy import drill_policy
from drills.looking import NEWEST, read_standing
from drills.models import RECORDED, Drill
from drills.policy import DrillPolicy
from drills.recording import list_drills
from drills.schedule import Decision, Scene, decide, drilled_weeks
from drills.standing import CLOCK_ERROR, Standing, counts, standing_of
from drills.windows import week_of
from registry.database import Connection
from registry.drilling import DrillWeek, weeks_from
from registry.errors import Damaged
from registry.registry import Registry
from registry.scheduling import DamagedPlace, Place, list_places
from registry.times import from_text

# Of a drill's record, as `_fresh_week` takes them.
_MEMBERS = ("outcome", "mode", "week", "planned_at", "ended_at")


@dataclass(frozen=True, slots=True)
class Look:
    """How a workflow stands in an environment. overdue_since: None when it is not; last_success: of one that is, the
    last drill that counts, if there ever was one. damage: what was edited there, so that nothing of this can be told.
    """

    workflow: str
    environment: str
    policy: DrillPolicy
    decision: Decision
    last_success: Drill | None = None
    overdue_since: datetime | None = None
    damage: Damaged | None = None


def look(registry: Registry, config: Config, at: datetime) -> list[Look]:
    """Every place whose drills are scheduled, sorted; the same few statements for a thousand of them as for one.

    A record that was edited is the trouble of its own place. Raises BadConfig for a policy that cannot be.
    """
    with registry.database.read() as connection:
        scheduled = _scheduled(list_places(connection, RECORDED, _MEMBERS), config)
        if not scheduled:
            return []
        first = min(week_of(at, policy.window.timezone) for _, policy in scheduled)
        weeks = _by_place(weeks_from(connection, first))
        return [_look(connection, place, policy, weeks, at) for place, policy in scheduled]


def _scheduled(places: list[Place | DamagedPlace], config: Config) -> list[tuple[Place | DamagedPlace, DrillPolicy]]:
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
    place: Place | DamagedPlace,
    policy: DrillPolicy,
    weeks: Mapping[tuple[str, str], list[DrillWeek]],
    at: datetime,
) -> Look:
    if isinstance(place, DamagedPlace):
        return _damaged(place, policy, place.why, at)
    try:
        return _whole(connection, place, policy, weeks, at)
    except Damaged as error:
        return _damaged(place, policy, error, at)


def _damaged(place: Place | DamagedPlace, policy: DrillPolicy, why: Damaged, at: datetime) -> Look:
    decision = Decision("damaged", week_of(at, policy.window.timezone), None, why.message)
    return Look(place.workflow, place.environment, policy, decision, damage=why)


def _whole(
    connection: Connection,
    place: Place,
    policy: DrillPolicy,
    weeks: Mapping[tuple[str, str], list[DrillWeek]],
    at: datetime,
) -> Look:
    """Where the newest drill succeeded lately, that says it all; else the records have to be looked through."""
    week = week_of(at, policy.window.timezone)
    rows = [row for row in weeks.get((place.workflow, place.environment), ()) if row.week >= week]
    fresh = _fresh_week(place, policy, at)
    if fresh:
        scene = Scene(place.workflow, place.environment, place.released_at, rows, (fresh,))
        return Look(place.workflow, place.environment, policy, decide(scene, policy, at))
    newest = list_drills(connection, place.workflow, place.environment, NEWEST) if place.last else []
    scene = Scene(place.workflow, place.environment, place.released_at, rows, drilled_weeks(newest, policy))
    standing = _standing(connection, place, policy, newest, at)
    return Look(
        place.workflow, place.environment, policy, decide(scene, policy, at), standing.last_success,
        standing.overdue_since(at),
    )  # fmt: skip


def _standing(connection: Connection, place: Place, policy: DrillPolicy, newest: list[Drill], at: datetime) -> Standing:
    """By the newest drills, when they are all there are or one of them counts; else by all."""
    told = len(newest) < NEWEST or any(counts(drill, policy) for drill in newest)
    found = None if told else read_standing(connection, place.workflow, place.environment, policy, at)
    return found or standing_of(newest, place.first_live_at, policy, at)


def _fresh_week(place: Place, policy: DrillPolicy, at: datetime) -> str:
    """The week of the newest drill, when that counts and is too recent for the next one to be overdue; else empty."""
    if place.last is None:
        return ""
    outcome, mode, week, planned_at, ended_at = place.last
    counted = outcome == "succeeded" and (mode == "live" or policy.count_rehearsal)
    try:
        fresh = counted and at - policy.overdue_after < from_text(ended_at) <= at + CLOCK_ERROR
        return (week or week_of(from_text(planned_at), policy.window.timezone)) if fresh else ""
    except ValueError:  # an edited one, as whoever reads the whole record is told
        return ""
