"""approve: somebody other than the registrar says that a version may go to an environment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from agent_deploy.gates.approvals import add_approval, list_approvals
from registry.errors import Refused
from registry.models import Evidence, Version
from registry.refs import parse_ref
from registry.registry import Registry
from registry.releases import find_live
from registry.times import now


@dataclass(frozen=True, slots=True)
class Approved:
    """The approval on record, whether this call made it, and everybody who has approved, in order."""

    version: Version
    environment: str
    approval: Evidence
    created: bool
    approvers: tuple[str, ...]


def approve(
    registry: Registry,
    workflow: str,
    version: str,
    environment: str,
    *,
    actor: str,
    reason: str = "",
    clock: Callable[[], datetime] = now,
) -> Approved:
    """Record that `actor` approves a version for an environment; approving twice changes nothing.

    Raises NotFound, and Refused for the version's own registrar: nobody approves what they registered themselves.
    """
    with registry.database.read() as connection:
        target = find_live(connection, parse_ref(version, workflow))
    if target.actor == actor:
        raise Refused(
            f"{target.ref} was registered by {actor}, and nobody approves their own registration",
            unchanged="Nothing was recorded.",
            next_command=f"agent-deploy approve {workflow} --version {target.number} --env {environment}   "
            "# by somebody else",
        )
    approval, created = add_approval(registry, target, environment, actor=actor, reason=reason, at=clock())
    with registry.database.read() as connection:
        approvers = tuple(record.actor for record in list_approvals(connection, target, environment))
    return Approved(target, environment, approval, created, approvers)
