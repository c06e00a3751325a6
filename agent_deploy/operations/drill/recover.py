"""Drills whose every process died, brought to their end: by whatever command comes next."""

from __future__ import annotations

from agent_deploy.config import Config
from drills.course import Clock
from drills.models import Drill
from registry.drilling import expired_leases
from registry.registry import Registry


def recover(registry: Registry, config: Config, *, actor: str, clock: Clock | None = None) -> list[Drill]:
    """Finish what is dead; what came of it. Nothing dead costs one look at a small table and no further import.

    Raises Unavailable when the database is away.
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
    return bring_to_rest(registry, ports, owner=new_owner(), actor=actor, clock=clock)
