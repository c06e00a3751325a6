"""What a drill is handed: the very functions that the command line calls, so that it rehearses the operator's path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from agent_deploy.config import Config
from agent_deploy.operations.move import Move, make
from agent_deploy.operations.restore import restore
from agent_deploy.operations.rollback import rollback
from drills.models import Check, DrillPlan, PhaseName, Side
from drills.policy import CheckSpec, DrillPolicy, SmokeSpec
from drills.ports import Moved, Ports
from registry.catalog import version_numbered
from registry.errors import Conflict
from registry.models import Release
from registry.moves import Admit, Plan, finish_deliveries
from registry.registry import Registry
from registry.releases import find_head, last_with_version
from registry.times import now, to_text

_LOCAL_POLL_S, _REMOTE_POLL_S = 0.2, 1.0
_HEARTBEAT_S = 10.0


def drill_ports(
    registry: Registry, config: Config, policy: DrillPolicy, workflow: str, environment: str, actor: str
) -> Ports:
    """The ports of a drill there. actor: in whose name the baseline is put back."""
    hands = _Hands(registry, config, policy, workflow, environment, actor)
    return Ports(
        roll_back=hands.roll_back,
        restore=hands.restore,
        deliver=hands.deliver,
        smoke=hands.smoke,
        check=hands.check,
        facts=hands.facts,
        cost=hands.cost,
        ready_shadow=hands.ready_shadow,
        frozen=hands.frozen,
        paused=hands.paused,
        own_reader=hands.own_reader,
    )


@dataclass(frozen=True, slots=True)
class _Hands:
    """See `drills.ports` for what each promises. What is heavy is imported where it is needed."""

    registry: Registry
    config: Config
    policy: DrillPolicy
    workflow: str
    environment: str
    actor: str

    def roll_back(self, plan: DrillPlan, admit: Admit) -> Moved:
        move = rollback(
            self.registry, plan.workflow, plan.place, actor=plan.actor, to_version=str(plan.target.version),
            reason=f"{plan.id}, until {to_text(plan.deadline)} at the latest",
            expect_generation=plan.baseline.generation, revert_to=plan.baseline.version, revert_at=plan.deadline,
            admit=admit,
        )  # fmt: skip
        return _moved(move)

    def restore(self, plan: DrillPlan, head: Release, reason: str) -> Moved:
        return _moved(restore(self.registry, head, actor=self.actor or plan.actor, reason=reason))

    def deliver(self, workflow: str, environment: str) -> str:
        return finish_deliveries(self.registry, workflow, now()).get(environment, "")

    def smoke(self, plan: DrillPlan, spec: SmokeSpec, side: Side, phase: PhaseName) -> Sequence[Check]:
        from agent_deploy.operations.drill.smoke import ask_smoke

        return ask_smoke(self.registry, self.config, plan, spec, side, phase)

    def check(self, spec: CheckSpec, plan: DrillPlan, phase: PhaseName) -> Check:
        from agent_deploy.operations.drill.asking import ask_check

        return ask_check(spec, plan, phase, _folder(self.config))

    def facts(self, plan: DrillPlan, phase: PhaseName, since: datetime) -> Sequence[Check]:
        from agent_deploy.operations.drill.facts import ask_facts

        return ask_facts(self.registry, self.config, self.policy, plan, phase, since)

    def cost(self, plan: DrillPlan, since: datetime, until: datetime) -> Mapping[str, Any]:
        from agent_deploy.operations.drill.facts import measure_cost

        return measure_cost(self.registry, self.config, plan, since, until)

    def ready_shadow(self, plan: DrillPlan) -> int:
        for version in (plan.target.version, plan.baseline.version):
            _make_live(self.registry, plan, version)
        with self.registry.database.read() as connection:
            head = find_head(connection, plan.workflow, plan.place)
        if head is None or head.version != plan.baseline.version:
            raise Conflict(f"somebody else is at work in {plan.place}, which is for rehearsals alone")
        return head.generation

    def frozen(self, at: datetime) -> str:
        table = self.config.gate_table(self.workflow, self.environment)
        if not table.get("freeze"):
            return ""
        from agent_deploy.gates.freeze import frozen_until
        from agent_deploy.gates.policy import policy_from

        where = f"{self.config.file or 'agent-deploy.toml'}: the gate of {self.workflow} in {self.environment}"
        found = frozen_until(policy_from(table, where).freeze, at)
        if found is None:
            return ""
        window, until = found
        return f"releases are frozen until {to_text(until)}" + (f": {window.reason}" if window.reason else "")

    def paused(self) -> str:
        from drills.pausing import is_paused

        with self.registry.database.read() as connection:
            return is_paused(connection, self.workflow, self.environment)

    @contextmanager
    def own_reader(self, plan: DrillPlan) -> Iterator[object]:
        from agent_deploy.client import Client

        poll_s = _LOCAL_POLL_S if self.registry.store.parallel <= 1 else _REMOTE_POLL_S
        client = Client(
            self.registry.store, environment=plan.place, cache=False, poll_interval=poll_s, heartbeat=_HEARTBEAT_S,
            instance=plan.id,
        )  # fmt: skip
        with client:
            client.bundle(plan.workflow)
            yield client


def _moved(move: Move) -> Moved:
    if move.release is None:  # only a dry run makes none
        raise RuntimeError("a drill's move made no release")
    committed_ms = move.elapsed_ms if move.committed_ms is None else move.committed_ms
    return Moved(move.release, committed_ms, move.not_delivered)


def _folder(config: Config) -> Path:
    return config.file.parent if config.file else config.state.parent


def _make_live(registry: Registry, plan: DrillPlan, version: int) -> None:
    """In the shadow alone, and the target only where it never was: what was live once can be rolled back to."""
    with registry.database.read() as connection:
        head = find_head(connection, plan.workflow, plan.place)
        was_live = last_with_version(connection, plan.workflow, plan.place, version) is not None
        target = version_numbered(connection, plan.workflow, version)
    if was_live and version == plan.target.version:
        return
    ready = Plan("promote", plan.place, head, target)
    make(registry, ready, actor=plan.actor, reason=f"shadow of {plan.environment}", dry_run=False, clock=now)
