"""Drills whose every process died, brought to their end: by whatever command comes next."""

from __future__ import annotations

from collections.abc import Callable

from agent_deploy.config import Config
from agent_deploy.log import event
from drills.course import Clock
from drills.models import Drill
from registry.drilling import expired_leases
from registry.errors import Damaged
from registry.registry import Registry


def _log(error: Damaged) -> None:
    event("a dead drill is stuck", error=error.message)


def recover(
    registry: Registry,
    config: Config,
    *,
    actor: str,
    stuck: Callable[[Damaged], None] = _log,
    clock: Clock | None = None,
) -> list[Drill]:
    """Finish what is dead; what came of it. Nothing dead costs one look at a small table and no further import.

    stuck: told of each that nobody can finish, with the command that gives it up. Raises Unavailable when the database
    is away.
    """
    clock = clock or Clock()
    with registry.database.read() as connection:
        dead = expired_leases(connection, clock.now())
    if not dead:
        return []
    from agent_deploy.operations.drill.porting import drill_ports
    from agent_deploy.operations.drill.run import new_owner
    from drills.policy import DrillPolicy
    from drills.recovery import recover as bring_to_rest

    ports = drill_ports(registry, config, DrillPolicy(), "", "", actor)
    return bring_to_rest(registry, ports, owner=new_owner(), actor=actor, stuck=stuck, clock=clock)
