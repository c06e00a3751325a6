"""How an environment stands with its drills: read off the records, whether or not any drill ever ran. Pure.

Nobody writes down that a drill is overdue, for whoever should is what may be missing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

from drills.models import FAILED, Drill
from drills.policy import DrillPolicy

# A record from further ahead is of a clock that was wrong: it cannot say how long ago the drill was. Clocks of several
# hosts that are kept in step do not differ by more.
CLOCK_ERROR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Standing:
    """Of one workflow in one environment.

    last: the newest drill on record, whatever came of it. last_success: the newest that counts. since: when that ended,
    or, where none ever succeeded, when something was first live there: from then the time runs. overdue_from: when it
    is up; None where no drill is asked for. …_in_a_row: how many of the newest drills ended so; blocked ones neither
    break the first two nor add to them.
    """

    last: Drill | None
    last_success: Drill | None
    since: datetime
    overdue_from: datetime | None
    succeeded_in_a_row: int = 0
    failed_in_a_row: int = 0
    blocked_in_a_row: int = 0

    def overdue_since(self, at: datetime) -> datetime | None:
        """Since when a drill is overdue at that moment; None when it is not."""
        return self.overdue_from if self.overdue_from is not None and at >= self.overdue_from else None


def counts(drill: Drill, policy: DrillPolicy) -> bool:
    """Whether a drill shows that the environment can be rolled back; a rehearsal does where the policy says so."""
    return drill.outcome == "succeeded" and (drill.plan.mode == "live" or policy.count_rehearsal)


def standing_of(drills: Sequence[Drill], first_live_at: datetime, policy: DrillPolicy, at: datetime) -> Standing:
    """The standing at a moment. drills: newest first, back to the last that counts, or all of them."""
    good = [drill for drill in drills if counts(drill, policy)]
    timely = next((drill for drill in good if drill.ended_at <= at + CLOCK_ERROR), None)
    since = timely.ended_at if timely else first_live_at
    run = [drill for drill in drills if drill.outcome != "blocked"]
    return Standing(
        last=drills[0] if drills else None,
        last_success=timely,
        since=since,
        overdue_from=since + policy.overdue_after if policy.scheduled else None,
        succeeded_in_a_row=_first(run, lambda drill: drill.outcome == "succeeded"),
        failed_in_a_row=_first(run, lambda drill: drill.outcome in FAILED),
        blocked_in_a_row=_first(drills, lambda drill: drill.outcome == "blocked"),
    )


def _first(drills: Sequence[Drill], fits: Callable[[Drill], bool]) -> int:
    return sum(1 for _ in takewhile(fits, drills))
