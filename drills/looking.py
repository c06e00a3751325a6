"""Reads from the registry what the standing of an environment is derived from."""

from __future__ import annotations

from datetime import datetime

from drills.models import Drill
from drills.policy import DrillPolicy
from drills.recording import list_drills
from drills.standing import Standing, counts, standing_of
from registry.database import Connection
from registry.releases import find_release

# Half a year of weeks: as far as rows of successes and failures are counted.
NEWEST = 26


def read_standing(
    connection: Connection, workflow: str, environment: str, policy: DrillPolicy, at: datetime
) -> Standing | None:
    """The standing at a moment; None where nothing was ever live, so that there is nothing to roll back."""
    first = find_release(connection, workflow, environment, generation=1)
    if first is None:
        return None
    drills = _drills(connection, workflow, environment, policy)
    return standing_of(drills, first.released_at, policy, at)


def _drills(connection: Connection, workflow: str, environment: str, policy: DrillPolicy) -> list[Drill]:
    """The newest, and where none of them counts all there are."""
    newest = list_drills(connection, workflow, environment, NEWEST)
    if len(newest) < NEWEST or any(counts(drill, policy) for drill in newest):
        return newest
    return list_drills(connection, workflow, environment)
