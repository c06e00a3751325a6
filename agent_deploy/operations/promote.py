"""promote: an environment goes to a version."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from agent_deploy.operations.move import Move, make
from registry.errors import BadInput, Refused
from registry.moves import Plan, check_expected
from registry.refs import parse_ref
from registry.registry import Registry
from registry.releases import find_head, find_live, is_on_hold
from registry.times import now

if TYPE_CHECKING:
    from agent_deploy.config import Config
    from agent_deploy.gates.policy import Policy
    from agent_deploy.operations.gate import Admission


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
    policy: Policy | None = None,
    override_gate: bool = False,
    config: Config | None = None,
    clock: Callable[[], datetime] = now,
) -> Move:
    """Make a version live; a stated no-op when it is already.

    version: a ref, with or without the workflow. policy: of the gate that has to let it through; None or one that is
    not required for no gate. override_gate: whatever the verdict, which is recorded all the same, with `reason`.
    config: where calls and prices are, for a policy that asks for their cost.
    Raises NotFound, Refused (on hold), GateRefused, Conflict (the head moved), Damaged (the version is not whole):
    nothing moved then.
    """
    if override_gate and not reason:
        raise BadInput(
            "--override-gate takes a --reason: it is recorded for ever, with your name",
            unchanged="Nothing was moved.",
            next_command=f"agent-deploy gate {workflow} --version {version} --env {environment}",
        )
    plan = _plan(registry, workflow, version, environment, override_hold, expect_generation)
    admission = _admission(registry, policy, plan, override_gate, config, clock)
    return make(registry, plan, actor=actor, reason=reason, dry_run=dry_run, clock=clock, admission=admission)


def _admission(
    registry: Registry, policy: Policy | None, plan: Plan, override: bool, config: Config | None,
    clock: Callable[[], datetime],
) -> Admission | None:  # fmt: skip
    if policy is None or not policy.required:
        return None
    from agent_deploy.operations.gate import Admission

    return Admission(registry, policy, plan.target, plan.environment, override, clock, config=config)


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
