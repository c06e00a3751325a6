"""The composition root: from settings to the open registry that operations take."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from agent_deploy.config import Config
from registry.registry import Registry

if TYPE_CHECKING:
    from agent_deploy.gates.policy import Policy
    from registry.errors import Damaged


# Whoever waits for this command may be in an outage.
_TELL_WITHIN_S = 2.0


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def open_registry(config: Config, *, create: bool = False, say: Callable[[str], None] = _say) -> Registry:
    """The database and store that the settings name. `create` makes a missing SQLite file; else it raises NotFound.

    A drill whose every process died is brought to its end first, and `say` told of it: whichever command comes next
    does that. Nothing that goes wrong there stops the command.
    """
    from registry.database import Database
    from registry.stores import open_store

    registry = Registry(Database(config.database, create=create), open_store(config.store))
    _bring_drills_to_rest(registry, config, say)
    return registry


def _bring_drills_to_rest(registry: Registry, config: Config, say: Callable[[str], None]) -> None:
    """Costs one look at a table that is empty but for drills under way, and imports nothing while none is dead."""
    from registry.drilling import expired_leases
    from registry.times import now

    try:
        with registry.database.read() as connection:
            if not expired_leases(connection, now()):
                return
        from agent_deploy.actor import find_actor
        from agent_deploy.operations.drill.recover import recover
        from agent_deploy.operations.drill.telling import Teller

        teller = Teller(registry, config, within_s=_TELL_WITHIN_S)
        for drill in recover(registry, config, actor=find_actor(None), stuck=lambda error: _say_stuck(say, error)):
            say(f"{drill.plan.id} {drill.outcome}: {drill.error}")
            teller.ended(drill)
        for failure in teller.failures:
            say(f"could not tell {failure}")
    except Exception as error:  # noqa: BLE001 - a rollback in an outage must not wait for a drill to be tidied up
        say(f"a dead drill could not be brought to its end yet: {' '.join(str(error).split())}")


def _say_stuck(say: Callable[[str], None], error: Damaged) -> None:
    say(f"{error.message}\n  {error.unchanged}\n  next: {error.next_command}")


def gate_policy(config: Config, workflow: str, environment: str) -> Policy | None:
    """The gate that the settings put before this environment; None where they say that none is required."""
    table = config.gate_table(workflow, environment)
    if table.get("required") is False:  # the commonest case needs none of the rest
        return None
    from agent_deploy.gates.policy import policy_from

    where = f"{config.file or 'agent-deploy.toml'}: the gate of {workflow} in {environment}"
    policy = policy_from(table, where)
    if policy.cost_from:
        _check_named(config, policy.cost_from.name, f"{where}.cost_from")
    return _told_what_counts(policy, config, workflow, environment) if policy.required else None


def _check_named(config: Config, environment: str, where: str) -> None:
    """Raises BadConfig naming the key, for an environment that the file, naming some, does not."""
    from agent_deploy.errors import BadConfig

    try:
        config.check_environment(environment)
    except BadConfig as error:
        raise BadConfig(
            f"{where}: {error.message}", unchanged=error.unchanged, next_command=error.next_command
        ) from error


def _told_what_counts(policy: Policy, config: Config, workflow: str, environment: str) -> Policy:
    """The gate with a word from the environment's drill policy: whether its rehearsals count as drills."""
    if policy.max_drill_age is None:
        return policy
    from dataclasses import replace

    from agent_deploy.drill_policy import drill_policy

    rehearsal = drill_policy(config, workflow, environment).count_rehearsal
    return replace(policy, max_drill_age=replace(policy.max_drill_age, rehearsal=rehearsal))
