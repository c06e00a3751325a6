"""What is told: one message an event, in words and as JSON. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from drills.models import FAILED, Drill
from registry.models import Release
from registry.times import to_text

Event = Literal["failed", "blocked_twice", "overdue", "succeeded", "promote", "rollback"]


@dataclass(frozen=True, slots=True)
class Message:
    """id: the same for the same event, whoever tells it and how often, so that a receiver can drop what it has had.

    title: one line. text: more lines, with the command to type next. details: of the event, JSON values.
    """

    event: Event
    id: str
    workflow: str
    environment: str
    title: str
    text: str
    at: datetime
    details: Mapping[str, Any] = field(default_factory=dict)

    def encoded(self) -> bytes:
        """The body of a webhook: one JSON object, UTF-8."""
        document = {
            "event": self.event,
            "id": self.id,
            "workflow": self.workflow,
            "environment": self.environment,
            "title": self.title,
            "text": self.text,
            "at": to_text(self.at),
            self.event if self.event in ("promote", "rollback", "overdue") else "drill": dict(self.details),
        }
        return json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")


def of_drill(drill: Drill, blocked_in_a_row: int) -> Message | None:
    """What is to be told of a drill that has ended; None for the first that is blocked, and all after the second."""
    plan = drill.plan
    event = _event(drill, blocked_in_a_row)
    if event is None:
        return None
    where = f"{plan.workflow} in {plan.environment}"
    title = {
        "failed": f"rollback drill of {where}: {drill.outcome}",
        "blocked_twice": f"rollback drill of {where} was blocked twice running",
        "succeeded": f"rollback drill of {where} succeeded",
    }[event]
    if drill.outcome == "restore_failed":
        title = f"RESTORE FAILED: {plan.place} of {plan.workflow} is not back at version {plan.baseline.version}"
    lines = [
        drill.error,
        f"{plan.mode}, version {plan.baseline.version} to {plan.target.version}, {plan.trigger}, by {plan.actor}",
        f"agent-deploy drill show {plan.id}",
    ]
    details = {
        "drill": plan.id,
        "outcome": drill.outcome,
        "mode": plan.mode,
        "baseline": plan.baseline.version,
        "target": plan.target.version,
        "trigger": plan.trigger,
        "actor": plan.actor,
        "error": drill.error,
        "time_to_rollback_ms": drill.time_to_rollback.last,
        "late": list(drill.readers.late) if drill.readers else [],
    }
    text = "\n".join(filter(None, lines))
    return Message(event, f"{event}-{plan.id}", plan.workflow, plan.environment, title, text, drill.ended_at, details)


def _event(drill: Drill, blocked_in_a_row: int) -> Event | None:
    if drill.outcome in FAILED:
        return "failed"
    if drill.outcome == "succeeded":
        return "succeeded"
    return "blocked_twice" if blocked_in_a_row == 2 else None


def of_overdue(workflow: str, environment: str, since: datetime, last_success: Drill | None, at: datetime) -> Message:
    """That no drill succeeded in time. Its id is that of the period, which begins when it became overdue."""
    last = "No drill ever succeeded there."
    if last_success:
        last = f"The last that did was {last_success.plan.id}, at {to_text(last_success.ended_at)}."
    title = f"rollback drill of {workflow} in {environment} is overdue since {since:%Y-%m-%d %H:%M}Z"
    text = f"{last}\nagent-deploy drill run {workflow} --env {environment}"
    details = {"since": to_text(since), "last_success": last_success.plan.id if last_success else None}
    id_ = f"overdue-{workflow}-{environment}-{since.timestamp():.0f}"
    return Message("overdue", id_, workflow, environment, title, text, at, details)


def of_release(release: Release) -> Message | None:
    """That somebody promoted or rolled back; None for a restore, and for the rollback of a drill."""
    if release.kind == "restore" or release.revert_to is not None:
        return None
    done = "promoted to" if release.kind == "promote" else "rolled back to"
    title = f"{release.workflow} in {release.environment} was {done} version {release.version} ({release.tag})"
    was = f", from version {release.previous_version}" if release.previous_version else ""
    lines = [f"generation {release.generation}, by {release.actor}{was}", release.reason]
    details = {
        "generation": release.generation,
        "version": release.version,
        "tag": release.tag,
        "digest": release.digest,
        "previous_version": release.previous_version,
        "actor": release.actor,
        "reason": release.reason,
    }
    id_ = f"{release.kind}-{release.workflow}-{release.environment}-{release.generation}"
    text = "\n".join(filter(None, lines))
    return Message(
        release.kind, id_, release.workflow, release.environment, title, text, release.released_at, details
    )  # fmt: skip
