"""Whose the head of a drill's place is: the one question that decides what may be touched. Pure."""

from __future__ import annotations

from typing import Literal

from drills.models import DrillPlan
from registry.models import Release

# baseline: nothing was rolled back yet. own: the drill's rollback is live. restored: the drill's restore is.
# other: somebody's decision came in between, and it stands.
Whose = Literal["baseline", "own", "restored", "other"]


def whose(head: Release | None, plan: DrillPlan) -> Whose:
    """Where a drill with this plan stands by the head of its place.

    A rollback is the drill's own when it follows on the baseline and carries the plan's deadline, to the microsecond.
    """
    before = plan.baseline.generation
    if before is None:  # of a rehearsal that had not made its shadow ready: it has moved nothing yet
        return "baseline"
    if head is None:
        return "other"
    live = (head.generation, head.version)
    if live == (before, plan.baseline.version):
        return "baseline"
    if live == (before + 1, plan.target.version) and head.revert_at == plan.deadline:
        return "own"
    if live == (before + 2, plan.baseline.version) and head.kind == "restore":
        return "restored"
    return "other"


def told(head: Release | None) -> str:
    """A head in words, for the record of a drill that yielded to it."""
    if head is None:
        return "nothing is live there any more"
    return f"generation {head.generation} is a {head.kind} to version {head.version} by {head.actor}"
