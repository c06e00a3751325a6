"""What a drill is going to do, decided by what is on record. Nothing is touched here."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from drills.models import RECORDED, DrillPlan, Mode, Side
from drills.policy import DrillPolicy
from registry.catalog import version_numbered
from registry.database import Connection
from registry.errors import NotFound, Refused
from registry.evidence import list_evidence
from registry.models import Release, Version
from registry.refs import parse_ref
from registry.releases import (
    find_head,
    find_live,
    find_previous_version,
    find_release,
    is_on_hold,
    last_with_version,
    nothing_live,
    versions_live_in,
)

EVERY = 4  # of so many drills one goes further back
SHADOW = "-drill"
_LONGEST_NAME = 63
# What the drill may take beyond what it is told to: reading, deciding, writing, a slow store.
ALLOWANCE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Asked:
    """What whoever starts a drill says. None: as the policy says.

    id: the drill's. trigger: `operator` or `schedule`. target: a ref. week: the ISO week that it is for, if any.
    """

    id: str
    actor: str
    trigger: str = "operator"
    mode: Mode | None = None
    target: str | None = None
    hold_for: timedelta | None = None
    week: str = ""
    config_digest: str = ""
    tool_version: str = ""


def plan_drill(
    connection: Connection, policy: DrillPolicy, workflow: str, environment: str, asked: Asked, at: datetime
) -> DrillPlan:
    """The plan. Raises NotFound when nothing is live there, Refused when there is no version to go back to."""
    head = find_head(connection, workflow, environment)
    if head is None:
        raise nothing_live(connection, workflow, environment)
    if head.revert_to is not None:  # another drill is under way, which is going to block this one
        head = find_release(connection, workflow, environment, head.generation - 1) or head
    target, why = _target(connection, head, asked)
    mode = asked.mode or policy.mode
    plan = DrillPlan(
        id=asked.id,
        workflow=workflow,
        environment=environment,
        mode=mode,
        baseline=Side(head.version, head.tag, head.digest, head.generation if mode == "live" else None),
        target=Side(target.number, target.tag, target.digest),
        hold_for=policy.hold_for if asked.hold_for is None else asked.hold_for,
        deadline=at,
        planned_at=at,
        actor=asked.actor,
        trigger=asked.trigger,
        why_target=why,
        shadow=shadow_of(environment) if mode == "rehearsal" else "",
        week=asked.week,
        config_digest=asked.config_digest,
        tool_version=asked.tool_version,
    )
    return with_deadline(plan, policy, at)


def with_deadline(plan: DrillPlan, policy: DrillPolicy, at: datetime) -> DrillPlan:
    """The plan as it is when it begins now: readers go back by themselves once everything had its time and more."""
    checks = max((check.timeout for check in policy.checks_of("outcome")), default=timedelta())
    smoke = policy.smoke.within if policy.smoke else timedelta()
    return replace(plan, deadline=at + policy.late_after + smoke + plan.hold_for + 2 * checks + ALLOWANCE)


def shadow_of(environment: str) -> str:
    """The environment that a rehearsal moves in place of this one."""
    return environment[: _LONGEST_NAME - len(SHADOW)] + SHADOW


def _target(connection: Connection, head: Release, asked: Asked) -> tuple[Version, str]:
    """The version to go back to, and why that one."""
    if asked.target is not None:
        return _named(connection, head, asked.target), "as asked for"
    usual = find_previous_version(connection, head)
    if _goes_further(connection, head):
        older = _retained(connection, head, usual)
        if older:
            number = random.Random(asked.id).choice(older)
            return version_numbered(connection, head.workflow, number), f"every {EVERY}th drill goes further back"
    if usual is None:
        raise _nothing_before(head)
    return version_numbered(connection, head.workflow, usual), "the last known good one before the baseline"


def _named(connection: Connection, head: Release, ref: str) -> Version:
    target = find_live(connection, parse_ref(ref, head.workflow))
    if target.number == head.version:
        raise Refused(
            f"{target.ref} is what is live in {head.environment}: a drill has to go back to another version",
            unchanged="Nothing was moved.",
            next_command=f"agent-deploy history {head.workflow} --env {head.environment}",
        )
    if last_with_version(connection, head.workflow, head.environment, target.number) is None:
        raise Refused(
            f"{target.ref} was never live in {head.environment}, so going to it is no rollback",
            unchanged="Nothing was moved.",
            next_command=f"agent-deploy history {head.workflow} --env {head.environment}",
        )
    return target


def _goes_further(connection: Connection, head: Release) -> bool:
    """Whether this drill is the fourth, eighth, … that got beyond being blocked."""
    records = list_evidence(connection, head.workflow, kind=RECORDED, environment=head.environment)
    gone_through = [record for record in records if record.body["outcome"] != "blocked"]
    return (len(gone_through) + 1) % EVERY == 0


def _retained(connection: Connection, head: Release, usual: int | None) -> list[int]:
    """What was live there, save the usual target, what is live now and what is on hold."""
    were_live = versions_live_in(connection, head.workflow, head.environment)
    others = [number for number in were_live if number not in (head.version, usual)]
    return [n for n in others if not is_on_hold(connection, head.workflow, head.environment, n)]


def _nothing_before(head: Release) -> NotFound:
    return NotFound(
        f"{head.workflow}@{head.version} is live in {head.environment} and there is no version to go back to: "
        "a real rollback would have nowhere to go either",
        unchanged="Nothing was moved.",
        next_command=f"agent-deploy history {head.workflow} --env {head.environment}",
    )
