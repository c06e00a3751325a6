"""How environments stand with their drills, beside what is live there: for `agent-deploy status`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from agent_deploy.cli.output import moment

if TYPE_CHECKING:
    from agent_deploy.config import Config
    from agent_deploy.operations.drill.status import DrillStatus
    from registry.models import Release
    from registry.registry import Registry

Drills = dict[tuple[str, str], "DrillStatus"]


def drills_of(registry: Registry, config: Config, heads: Iterable[Release]) -> Drills:
    """By workflow and environment, where the settings have a drill policy; without one, this costs no import."""
    there = [head for head in heads if config.drill_table(head.workflow, head.environment) is not None]
    if not there:
        return {}
    from agent_deploy.operations.drill.status import status_of
    from registry.times import now

    at = now()
    with registry.database.read() as connection:
        found = [status_of(connection, config, head, at) for head in there]
    return {(one.workflow, one.environment): one for one in found if one}


def line(status: DrillStatus) -> str:
    """`support-triage in production: last drill that counts 2026-11-24 10:12:03Z`, and what else there is to know."""
    if status.damage:
        edited = f"a record of its drills was edited: {status.damage.next_command}"
        return f"{status.workflow} in {status.environment}: {edited}"
    success = status.standing.last_success
    parts = [f"last drill that counts {moment(success.ended_at)}" if success else "no drill succeeded yet"]
    if status.overdue_since:
        parts.append(f"OVERDUE since {moment(status.overdue_since)}")
    if status.running:
        parts.append(f"{status.running.drill} is in phase {status.running.phase}")
    if status.pause:
        parts.append(status.pause.words)
    if not status.policy.scheduled:
        parts.append("not scheduled")
    return f"{status.workflow} in {status.environment}: {', '.join(parts)}"
