"""When a scheduled drill is due: from the policy, the week's claim, the records and the moment. Pure.

A week that passed without its drill is not made up for, for two drills at once show no more than one: the next week has
its own, and until then it is overdue (`drills.standing`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from drills.models import Drill, Outcome
from drills.policy import DrillPolicy
from drills.standing import CLOCK_ERROR, counts
from drills.windows import jitter_of, slots_of, starts_at, week_after, week_of
from registry.drilling import CLAIMED, COMPLETED, DrillWeek

# due: now. waiting: at a later moment, of this week or the next. running: claimed by a scheduler. done: this week had
# its drill. behind: the clock stands before what is on record, so that no week can be told. off: none is asked for.
# damaged: what is on record was edited.
State = Literal["due", "waiting", "running", "done", "behind", "off", "damaged"]
_LONGEST_BACKOFF = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Decision:
    """How a workflow stands in an environment at a moment. week: the ISO week then. at: the next moment at which it may
    be due; None for now and where no moment is known. why: in words.
    """

    state: State
    week: str
    at: datetime | None
    why: str


@dataclass(frozen=True, slots=True)
class Scene:
    """What is on record of a workflow in an environment. released_at: of its head. weeks: claims from this week on.

    drilled: weeks that had their drill by the records, whoever started it (`drilled_week`).
    """

    workflow: str
    environment: str
    released_at: datetime
    weeks: Sequence[DrillWeek] = ()
    drilled: Collection[str] = ()


def decide(scene: Scene, policy: DrillPolicy, at: datetime) -> Decision:
    """Whether its drill is due at that moment."""
    week = week_of(at, policy.window.timezone)
    if not policy.scheduled:
        return Decision("off", week, None, "no drills are scheduled here")
    had = {row.week: row for row in scene.weeks}
    newest = max([week, *had, *scene.drilled])
    if newest > week or scene.released_at > at + CLOCK_ERROR:
        what = f"a drill of {newest}" if newest > week else f"the release of {scene.released_at:%Y-%m-%d %H:%M}Z"
        return Decision("behind", week, None, f"the clock stands before {what}, which is on record")
    row = had.get(week)
    if week in scene.drilled or (row and row.state == COMPLETED):
        return Decision("done", week, _next_week(scene, policy, week, at), f"{week} had its drill")
    if row and row.state == CLAIMED and row.not_before and at < row.not_before:
        return Decision("running", week, row.not_before, f"{row.drill} is at work")
    return _in_week(scene, policy, week, at, row)


def drilled_week(drill: Drill, policy: DrillPolicy) -> str:
    """The ISO week whose drill this was, by whom it was started whatever; empty for one that was none."""
    if drill.outcome != "succeeded" or not (drill.plan.mode == policy.mode or counts(drill, policy)):
        return ""
    return drill.plan.week or week_of(drill.plan.planned_at, policy.window.timezone)


def drilled_weeks(drills: Sequence[Drill], policy: DrillPolicy) -> frozenset[str]:
    """Those of several drills."""
    return frozenset(filter(None, (drilled_week(drill, policy) for drill in drills)))


def retry_at(policy: DrillPolicy, outcome: Outcome, attempts: int, week: str, at: datetime) -> datetime:
    """When a week whose drill ended so at that moment may have another.

    attempts: made so far; each doubles the wait, up to a day. An environment that could not be restored waits for a
    person, and so for the next week.
    """
    if outcome == "restore_failed":
        return starts_at(week_after(week), policy.window.timezone)
    longest = max(_LONGEST_BACKOFF, policy.retry_backoff)
    return at + min(longest, policy.retry_backoff * (1 << min(attempts - 1, 16)))


def _in_week(scene: Scene, policy: DrillPolicy, week: str, at: datetime, row: DrillWeek | None) -> Decision:
    not_before = row.not_before if row else None
    moment = _from(scene, policy, week, at, not_before)
    if moment is None:
        return Decision("waiting", week, _next_week(scene, policy, week, at), f"the window of {week} is over")
    if moment <= at:
        again = f", attempt {row.attempts + 1}" if row else ""
        return Decision("due", week, None, f"the drill of {week} is due{again}")
    retry = row is not None and moment == not_before
    return Decision("waiting", week, moment, f"{row.drill} is tried again" if row and retry else "the window opens")


def _next_week(scene: Scene, policy: DrillPolicy, week: str, at: datetime) -> datetime | None:
    return _from(scene, policy, week_after(week), at, None)


def _from(scene: Scene, policy: DrillPolicy, week: str, at: datetime, not_before: datetime | None) -> datetime | None:
    """The first moment, now or later, at which a drill may begin in that week; None when there is none left."""
    for slot in slots_of(policy.window, week):
        most = min(policy.jitter, (slot.closes - slot.opens) / 2)
        opens = slot.opens + jitter_of(scene.workflow, scene.environment, week, most)
        moment = max(opens, at, not_before or opens)
        if moment < slot.closes:
            return moment
    return None
