"""Drills on record: evidence written, found, and read back as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from drills.errors import Blocked, LeaseLost
from drills.models import (
    RECORDED,
    STARTED,
    Check,
    Drill,
    DrillPlan,
    Phase,
    ReadersSeen,
    Side,
    Times,
    drill_document,
    plan_document,
)
from registry.catalog import lock_workflow, version_numbered
from registry.database import Connection, Database
from registry.drilling import CLAIMED, DrillLease, drop_lease, find_lease, find_week, renew_lease, take_lease
from registry.errors import Damaged
from registry.evidence import add_evidence, find_subjects, list_evidence
from registry.failpoints import reached
from registry.models import Evidence
from registry.times import from_text

# What reading a document raises that nobody of ours wrote so.
UNREADABLE = (KeyError, TypeError, ValueError, AttributeError)


def new_drill_id(random_hex: str) -> str:
    """`drill-` and ten hex digits."""
    return f"drill-{random_hex[:10]}"


def record_intent(database: Database, lease: DrillLease, plan: DrillPlan) -> DrillLease | None:
    """Take the place's lease and put on record that the drill begins, in one transaction, before anything moves.

    None when that is done, else the lease that is in the way, expired or not; nothing is recorded then. Raises Blocked
    when the plan is for a week that another drill has claimed since.
    """
    with database.write() as connection:
        lock_workflow(connection, plan.workflow)
        _check_claim(connection, plan)
        there = take_lease(connection, lease)
        if there is None:
            _add(connection, plan, STARTED, plan_document(plan), plan.planned_at)
            reached("drill.appended")
    return there


def record_drill(database: Database, drill: Drill, owner: str | None) -> None:
    """Put on record what came of a drill, and give its lease back, in one transaction; a drill has one record.

    After `restore_failed` the lease is left behind as one that ran out, so that whoever comes next tries again.
    owner: who holds the lease; None when the drill never took one. Raises LeaseLost when another process has it;
    nothing is recorded then.
    """
    plan = drill.plan
    with database.write() as connection:
        lock_workflow(connection, plan.workflow)
        if owner is not None:
            _give_back(connection, drill, owner)
        if not is_recorded(connection, plan):
            _add(connection, plan, RECORDED, drill_document(drill), drill.ended_at)
        reached("drill.recording")
    reached("drill.recorded")


def is_recorded(connection: Connection, plan: DrillPlan) -> bool:
    """Whether it is on record what came of this drill."""
    return bool(list_evidence(connection, plan.workflow, kind=RECORDED, subject=plan.id, limit=1))


def _give_back(connection: Connection, drill: Drill, owner: str) -> None:
    plan = drill.plan
    lease = find_lease(connection, plan.workflow, plan.place)
    if lease is None or (lease.drill, lease.owner) != (plan.id, owner):
        raise LeaseLost(f"{plan.id} was taken over by another process")
    if drill.outcome == "restore_failed":
        renew_lease(connection, replace(lease, phase=drill.outcome, lease_until=drill.ended_at))
    else:
        drop_lease(connection, plan.id, owner)


def list_drills(
    connection: Connection,
    workflow: str,
    environment: str | None = None,
    limit: int | None = None,
    *,
    before: int | None = None,
) -> list[Drill]:
    """The drills on record, newest first, of one environment where given. One under way is not among them.

    before: the number of the evidence that they all precede. Raises Damaged when one of the records was edited.
    """
    found = list_evidence(
        connection, workflow, kind=RECORDED, environment=environment, before=before, limit=limit
    )  # fmt: skip
    return [recorded(evidence) for evidence in found]


def find_drills(connection: Connection, id_: str, workflow: str | None = None) -> list[Evidence]:
    """The records of the drill with this id, or of those whose ids start so; three at most."""
    return find_subjects(connection, RECORDED, id_, workflow)


def recorded(evidence: Evidence) -> Drill:
    """The drill that a record holds. Raises Damaged when it holds none."""
    try:
        return drill_of(evidence.body)
    except UNREADABLE as error:
        told = f"it is no record of a drill ({type(error).__name__}: {error})"
        raise Damaged(
            f"evidence {evidence.number} of {evidence.workflow} was edited: {told}",
            next_command=f"agent-deploy verify {evidence.workflow}",
        ) from error


def plan_of(document: Mapping[str, Any]) -> DrillPlan:
    """The plan that `plan_document` or `drill_document` wrote; raises one of UNREADABLE for anything else."""
    return DrillPlan(
        id=document["drill"],
        workflow=document["workflow"],
        environment=document["environment"],
        mode=document["mode"],
        baseline=Side(**document["baseline"]),
        target=Side(**document["target"]),
        hold_for=timedelta(seconds=document["hold_for_s"]),
        deadline=from_text(document["deadline"]),
        planned_at=from_text(document["planned_at"]),
        actor=document["actor"],
        trigger=document["trigger"],
        why_target=document["why_target"],
        shadow=document["shadow"],
        week=document["week"],
        config_digest=document["config_digest"],
        tool_version=document["tool_version"],
    )


def drill_of(document: Mapping[str, Any]) -> Drill:
    """The drill that `drill_document` wrote; raises one of UNREADABLE for anything else."""
    readers = document["readers"]
    return Drill(
        plan=plan_of(document),
        outcome=document["outcome"],
        phases=tuple(map(_phase, document["phases"])),
        ended_at=from_text(document["ended_at"]),
        error=document["error"],
        time_to_rollback=Times(**document["time_to_rollback_ms"]),
        time_to_restore=Times(**document["time_to_restore_ms"]),
        readers=ReadersSeen(readers["expected"], readers["current"], tuple(readers["late"])) if readers else None,
        checks=tuple(Check(**check) for check in document["checks"]),
        smoke=tuple(Check(**check) for check in document["smoke"]),
        cost=document["cost_delta"],
        objective_ms=document["objective_ms"],
    )


def with_generations(plan: DrillPlan, baseline: int | None, target: int | None) -> DrillPlan:
    """The plan with the generations that its two sides turned out to have."""
    plan = replace(plan, baseline=replace(plan.baseline, generation=baseline))
    return replace(plan, target=replace(plan.target, generation=target))


def _check_claim(connection: Connection, plan: DrillPlan) -> None:
    """A scheduler that slept through its claim wakes up to this: a week has one drill, however many schedulers."""
    if not plan.week:
        return
    claim = find_week(connection, plan.workflow, plan.environment, plan.week)
    if claim is None or claim.drill != plan.id or claim.state != CLAIMED:
        raise Blocked(f"{plan.week} is another drill's: {claim.drill if claim else 'nobody claimed it'}")


def _phase(document: Mapping[str, Any]) -> Phase:
    started, ended = from_text(document["started_at"]), from_text(document["ended_at"])
    return Phase(document["phase"], started, ended, document["result"], document.get("detail", {}))


def _add(connection: Connection, plan: DrillPlan, kind: str, body: Mapping[str, Any], at: Any) -> None:
    target = version_numbered(connection, plan.workflow, plan.target.version)
    add_evidence(
        connection, target, kind=kind, subject=plan.id, body=body, actor=plan.actor, at=at,
        environment=plan.environment,
    )  # fmt: skip
