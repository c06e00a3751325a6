"""drill status: how every environment with a drill policy stands with its drills; nothing but looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from agent_deploy.config import Config
from agent_deploy.drill_policy import drill_policy
from agent_deploy.operations.drill.due import look
from drills.looking import read_standing
from drills.pausing import Pause, find_pause
from drills.planning import shadow_of
from drills.policy import DrillPolicy
from drills.schedule import Decision
from drills.standing import Standing
from registry.catalog import check_workflow_exists
from registry.database import Connection
from registry.drilling import DrillLease, find_lease
from registry.errors import Damaged
from registry.models import Release
from registry.registry import Registry
from registry.releases import find_heads
from registry.times import now

if TYPE_CHECKING:
    from agent_deploy.telemetry.serving.drill_figures import Drilled


@dataclass(frozen=True, slots=True)
class DrillStatus:
    """One environment of one workflow. at: the moment that it was looked at. running: the drill under way, if any.

    next_at: when `drill tick` may run the next one; None for now, and where that cannot be said. next_why: in words.
    damage: what was edited on record; there is no standing to be told then, and no pause.
    """

    workflow: str
    environment: str
    at: datetime
    policy: DrillPolicy
    standing: Standing
    pause: Pause | None
    running: DrillLease | None
    next_at: datetime | None = None
    next_why: str = ""
    damage: Damaged | None = None

    @property
    def overdue_since(self) -> datetime | None:
        """Since when a drill is overdue; None when it is not."""
        return self.standing.overdue_since(self.at)


def drill_status(
    registry: Registry,
    config: Config,
    workflow: str | None = None,
    environment: str | None = None,
    *,
    clock: Callable[[], datetime] = now,
) -> list[DrillStatus]:
    """Every environment in which something is live and for which the settings have a drill policy, sorted.

    A record that was edited is the trouble of its own environment. Raises NotFound for a workflow that there is not,
    and BadConfig.
    """
    at = clock()
    with registry.database.read() as connection:
        if workflow:
            check_workflow_exists(connection, workflow)
        heads = with_policy(config, find_heads(connection, workflow, environment))
        found = [one for head in heads if (one := status_of(connection, config, head, at))]
    decisions = {(one.workflow, one.environment): one.decision for one in look(registry, config, at)} if found else {}
    return [_with_next(one, decisions.get((one.workflow, one.environment))) for one in found]


def _with_next(status: DrillStatus, decision: Decision | None) -> DrillStatus:
    return replace(status, next_at=decision.at, next_why=decision.why) if decision else status


def drilled(registry: Registry, config: Config, *, clock: Callable[[], datetime] = now) -> list[Drilled]:
    """The same for the figures of `serve`, less what cannot be told."""
    from agent_deploy.telemetry.serving.drill_figures import Drilled

    found = drill_status(registry, config, clock=clock)
    return [Drilled(one.workflow, one.environment, one.standing, one.at) for one in found if not one.damage]


def with_policy(config: Config, heads: list[Release]) -> list[Release]:
    """Those in environments for which the settings have a drill policy."""
    return [head for head in heads if config.drill_table(head.workflow, head.environment) is not None]


def status_of(connection: Connection, config: Config, head: Release, at: datetime) -> DrillStatus | None:
    """How the environment of this head stands; None when its log was cut off at the start."""
    place = (head.workflow, head.environment)
    policy, running = drill_policy(config, *place), _running(connection, *place)
    try:
        standing = read_standing(connection, *place, policy, at)
        if standing is None:
            return None
        return DrillStatus(*place, at, policy, standing, find_pause(connection, *place), running)
    except Damaged as error:
        return DrillStatus(*place, at, policy, Standing(None, None, at, None), None, running, damage=error)


def _running(connection: Connection, workflow: str, environment: str) -> DrillLease | None:
    live = find_lease(connection, workflow, environment)
    return live or find_lease(connection, workflow, shadow_of(environment))
