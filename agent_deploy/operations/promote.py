"""promote: an environment goes to a version."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from agent_deploy.operations.move import Move, make
from registry.errors import Refused
from registry.moves import Plan, check_expected
from registry.refs import parse_ref
from registry.registry import Registry
from registry.releases import find_head, find_live, is_on_hold
from registry.times import now


def promote(
    registry: Registry,
    workflow: str,
    version: str,
    environment: str,
    *,
    actor: str,
    reason: str = "",
    dry_run: bool = False,
    override_hold: bool = False,
    expect_generation: int | None = None,
    clock: Callable[[], datetime] = now,
) -> Move:
    """Make a version live; a stated no-op when it is already.

    version: a ref, with or without the workflow. Raises NotFound, Refused (on hold), Conflict (the head moved),
    Damaged (the version is not whole): nothing moved then.
    """
    plan = _plan(registry, workflow, version, environment, override_hold, expect_generation)
    return make(registry, plan, actor=actor, reason=reason, dry_run=dry_run, clock=clock)


def _plan(
    registry: Registry, workflow: str, version: str, environment: str, override_hold: bool, expected: int | None
) -> Plan:
    ref = parse_ref(version, workflow)
    with registry.database.read() as connection:
        target = find_live(connection, ref)
        head = find_head(connection, workflow, environment)
        on_hold = is_on_hold(connection, workflow, environment, target.number)
    check_expected(head, workflow, environment, expected)
    live_already = head is not None and head.version == target.number
    if on_hold and not override_hold and not live_already:
        raise Refused(
            f"{target.ref} is on hold in {environment}: it was rolled back from",
            unchanged="Nothing was moved.",
            next_command=(
                f"agent-deploy promote {workflow} --version {target.number} --env {environment} --override-hold"
            ),
        )
    return Plan("promote", environment, head, target, on_hold=on_hold, override_hold=on_hold and override_hold)
