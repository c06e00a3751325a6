"""Claiming a week for a drill and settling the claim: what makes it one drill a week, however many schedulers run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from drills.looking import NEWEST
from drills.models import RECORDED, Drill, Outcome
from drills.policy import DrillPolicy
from drills.recording import list_drills, recorded
from drills.schedule import Scene, decide, drilled_weeks, retry_at
from drills.windows import week_of
from registry.catalog import lock_workflow
from registry.database import Connection, Database
from registry.drilling import (
    CLAIMED,
    DrillWeek,
    claim_week,
    complete_week,
    find_lease_of,
    find_week,
    release_week,
    weeks_from,
)
from registry.evidence import list_evidence
from registry.releases import find_head

# From the claim until the intent is on record, where the lease takes over: checks and smoke cases have to be asked.
# A scheduler that takes longer loses nothing but its turn (`recording.record_intent`).
CLAIM = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a claim. retry_at: from when the week may have another drill; None when it has had one."""

    outcome: Outcome
    retry_at: datetime | None


def claim(
    database: Database, policy: DrillPolicy, workflow: str, environment: str, drill: str, at: datetime
) -> DrillWeek | None:
    """The week of that moment, claimed for this drill; None when no drill is due there.

    What was due a moment ago is looked at once more, alone with the workflow. A claim whose scheduler died is settled
    by what its drill has on record, and only one that never began is taken over.
    """
    week = week_of(at, policy.window.timezone)
    with database.write() as connection:
        lock_workflow(connection, workflow)
        scene = _scene(connection, policy, workflow, environment, week)
        if scene is None or decide(scene, policy, at).state != "due":
            return None
        there = find_week(connection, workflow, environment, week)
        if there and there.state == CLAIMED and not _never_began(connection, there, policy):
            return None
        claim_week(connection, workflow, environment, week, drill, at=at, until=at + CLAIM)
        return find_week(connection, workflow, environment, week)


def settle(database: Database, policy: DrillPolicy, claimed: DrillWeek, drill: Drill) -> Settled:
    """Let go of a claim once its drill is on record: the week is complete, or may have another later."""
    with database.write() as connection:
        lock_workflow(connection, claimed.workflow)
        return _settle(connection, policy, claimed, drill)


def give_back(database: Database, policy: DrillPolicy, claimed: DrillWeek, at: datetime) -> datetime:
    """Let go of a claim whose drill did not even begin; from when the week may have another."""
    again = retry_at(policy, "blocked", claimed.attempts, claimed.week, at)
    with database.write() as connection:
        lock_workflow(connection, claimed.workflow)
        release_week(connection, claimed, again)
    return again


def _scene(connection: Connection, policy: DrillPolicy, workflow: str, environment: str, week: str) -> Scene | None:
    head = find_head(connection, workflow, environment)
    if head is None:
        return None
    weeks = [one for one in weeks_from(connection, week, workflow) if one.environment == environment]
    drilled = drilled_weeks(list_drills(connection, workflow, environment, NEWEST), policy)
    return Scene(workflow, environment, head.released_at, weeks, drilled)


def _never_began(connection: Connection, there: DrillWeek, policy: DrillPolicy) -> bool:
    """Whether a claim that ran out may be taken over; one whose drill is on record is settled here."""
    if find_lease_of(connection, there.drill):
        return False
    found = list_evidence(connection, there.workflow, kind=RECORDED, subject=there.drill, limit=1)
    if found:
        _settle(connection, policy, there, recorded(found[0]))
    return not found


def _settle(connection: Connection, policy: DrillPolicy, claimed: DrillWeek, drill: Drill) -> Settled:
    if drill.outcome == "succeeded":
        complete_week(connection, claimed)
        return Settled(drill.outcome, None)
    again = retry_at(policy, drill.outcome, claimed.attempts, claimed.week, drill.ended_at)
    release_week(connection, claimed, again)
    return Settled(drill.outcome, again)
