"""restore: the end of a drill, when an environment goes back to what was live before it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from agent_deploy.operations.move import Move, make
from registry.catalog import version_numbered
from registry.errors import Refused
from registry.models import Release
from registry.moves import Plan
from registry.registry import Registry
from registry.times import now


def restore(
    registry: Registry, head: Release, *, actor: str, reason: str = "", clock: Callable[[], datetime] = now
) -> Move:
    """Put back the version that the drill which made `head` went back from; only while that is still the head.

    Raises Refused when no drill made it, Conflict when the head has moved, Damaged or Unavailable: nothing moved then.
    """
    if head.revert_to is None:
        raise Refused(
            f"generation {head.generation} of {head.workflow} in {head.environment} is no drill's: nothing to restore",
            unchanged="Nothing was moved.",
        )
    with registry.database.read() as connection:
        baseline = version_numbered(connection, head.workflow, head.revert_to)
    plan = Plan("restore", head.environment, head, baseline)
    return make(registry, plan, actor=actor, reason=reason, dry_run=False, clock=clock)
