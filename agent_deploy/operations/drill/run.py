"""drill run: roll an environment back on purpose, look that everybody follows, and put it back."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from datetime import timedelta
from importlib.metadata import version as installed
from typing import TYPE_CHECKING

from agent_deploy.config import Config
from agent_deploy.drill_policy import drill_policy
from agent_deploy.operations.drill.porting import drill_ports
from agent_deploy.operations.drill.recover import recover
from drills.course import Clock
from drills.models import Drill, DrillPlan, Mode
from drills.planning import Asked, plan_drill
from drills.policy import DrillPolicy
from drills.recording import new_drill_id
from drills.runner import run
from drills.stopping import Stopping
from registry.blobs import digest_of
from registry.manifest import canonical
from registry.registry import Registry

if TYPE_CHECKING:
    from agent_deploy.operations.drill.telling import Teller


def run_drill(
    registry: Registry,
    config: Config,
    workflow: str,
    environment: str,
    *,
    mode: Mode | None = None,
    target: str | None = None,
    hold_for: timedelta | None = None,
    actor: str,
    trigger: str = "operator",
    week: str = "",
    drill_id: str | None = None,
    policy: DrillPolicy | None = None,
    stopping: Stopping | None = None,
    teller: Teller | None = None,
    clock: Clock | None = None,
) -> Drill:
    """Carry a drill out, having brought dead ones to their end; the drill, which is on record.

    mode, target (a ref), hold_for: as the policy says where left out. week: the ISO week that it is for, if scheduled.
    policy: instead of the configuration's. stopping: whose signals end it early; it comes back all the same. teller:
    tells monitors and people of it and of the dead ones, once they are on record; None for nobody.
    Raises NotFound when nothing is live there or there is nothing to go back to, Refused for a target that was never
    live there, BadConfig, and Unavailable when it cannot even be planned: nothing is recorded or moved then.
    """
    clock = clock or Clock()
    policy = policy or drill_policy(config, workflow, environment)
    for dead in recover(registry, config, actor=actor, clock=clock):
        if teller:
            teller.ended(dead)
    plan = plan_for(
        registry, config, workflow, environment, mode=mode, target=target, hold_for=hold_for, actor=actor,
        trigger=trigger, week=week, drill_id=drill_id, policy=policy, clock=clock,
    )  # fmt: skip
    ports = drill_ports(registry, config, policy, workflow, environment, actor)
    began = teller.began if teller else lambda _plan: None
    drill = run(registry, ports, plan, policy, owner=new_owner(), clock=clock, stopping=stopping, began=began)
    if teller:
        teller.ended(drill)
    return drill


def plan_for(
    registry: Registry,
    config: Config,
    workflow: str,
    environment: str,
    *,
    mode: Mode | None = None,
    target: str | None = None,
    hold_for: timedelta | None = None,
    actor: str,
    trigger: str = "operator",
    week: str = "",
    drill_id: str | None = None,
    policy: DrillPolicy | None = None,
    clock: Clock | None = None,
    random_hex: Callable[[], str] = lambda: secrets.token_hex(5),
) -> DrillPlan:
    """What `run_drill` would do now; nothing is touched. Raises as that does."""
    clock = clock or Clock()
    policy = policy or drill_policy(config, workflow, environment)
    asked = Asked(
        drill_id or new_drill_id(random_hex()), actor, trigger, mode, target, hold_for, week,
        config_digest=_digest(config, workflow, environment), tool_version=installed("agent-deploy"),
    )  # fmt: skip
    with registry.database.read() as connection:
        return plan_drill(connection, policy, workflow, environment, asked, clock.now())


def new_owner() -> str:
    """Names a process in a lease: this machine, this process, this call."""
    return f"{os.uname().nodename}-{os.getpid()}-{secrets.token_hex(3)}"


def _digest(config: Config, workflow: str, environment: str) -> str:
    """`sha256:<hex>` of what the configuration says of these drills: the same rules, the same digest."""
    table = config.drill_table(workflow, environment) or {}
    return digest_of(canonical({key: _plain(value) for key, value in table.items()}))


def _plain(value: object) -> object:
    """As JSON has it: TOML knows times of day besides."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value if isinstance(value, str | int | float | bool) else str(value)
