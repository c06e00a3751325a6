"""gate: may this version go to that environment? The same answer that promote acts on, without moving anything."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from agent_deploy.gates.facts import CallCosts
from agent_deploy.gates.gathering import OutcomesOf, baseline_of, gather, outcomes_reader
from agent_deploy.gates.policy import Policy
from agent_deploy.gates.rules import decide
from agent_deploy.gates.verdict import Gate, gate_document
from agent_deploy.operations.call_costs import read_call_costs
from agent_deploy.operations.collecting import uncollected
from registry.database import Connection
from registry.errors import Refused
from registry.models import Release, Version
from registry.refs import parse_ref
from registry.registry import Registry
from registry.releases import find_head, find_live
from registry.times import now

if TYPE_CHECKING:
    from agent_deploy.config import Config


class GateRefused(Refused):
    """The gate's verdict is not passed. gate: the verdict, rule by rule."""

    def __init__(self, gate: Gate, target: Version, environment: str) -> None:
        says = "failed" if gate.verdict == "failed" else "is inconclusive"
        super().__init__(
            f"the gate of {environment} {says} for {target.ref}: {', '.join(_open_rules(gate))}",
            unchanged="Nothing was moved.",
            next_command=next_command(gate, target),
        )
        self.gate = gate


@dataclass(frozen=True, slots=True)
class Gated:
    """A verdict on a version for an environment; `gate` is None where the policy requires none."""

    target: Version
    environment: str
    gate: Gate | None


def gate(
    registry: Registry,
    policy: Policy | None,
    workflow: str,
    version: str,
    environment: str,
    *,
    config: Config | None = None,
    clock: Callable[[], datetime] = now,
) -> Gated:
    """The verdict on promoting a version now. config: where calls and prices are, for a policy that asks for their
    cost. Raises NotFound, and Damaged when evidence is not whole.
    """
    with registry.database.read() as connection:
        target = find_live(connection, parse_ref(version, workflow))
        if policy is None or not policy.required:
            return Gated(target, environment, None)
    admission = Admission(registry, policy, target, environment, override=True, clock=clock, config=config)
    admission.rehearse()
    return Gated(target, environment, admission.gate)


def judge(
    connection: Connection,
    outcomes_of: OutcomesOf,
    policy: Policy,
    target: Version,
    environment: str,
    head: Release | None,
    at: datetime,
    call_costs: CallCosts | None = None,
) -> Gate:
    """The verdict, by what is on record within the caller's transaction, and by the costs that were read before it."""
    required = policy.require_environment.name if policy.require_environment else None
    with uncollected():
        facts = gather(
            connection, outcomes_of, target, environment, head, required_environment=required,
            required_drill=policy.max_drill_age, at=at,
        )  # fmt: skip
        return decide(policy, replace(facts, call_costs=call_costs))


@dataclass(slots=True)
class Admission:
    """The gate's part in one promotion. gate: the verdict that was last come to. config: as in `gate`."""

    registry: Registry
    policy: Policy
    target: Version
    environment: str
    override: bool
    clock: Callable[[], datetime]
    gate: Gate | None = None
    config: Config | None = None
    _outcomes_of: OutcomesOf | None = None
    _call_costs: CallCosts | None = None

    def rehearse(self) -> None:
        """Come to a verdict before the transaction, so that within it everything large has been read already."""
        self._read_call_costs()
        with self.registry.database.read() as connection:
            self._decide(connection)

    def admit(self, connection: Connection) -> str | None:
        """Come to the verdict that counts, within the transaction that moves the head (`registry.moves.Admit`)."""
        gate = self._decide(connection)
        return json.dumps(gate_document(gate) | {"overridden": gate.verdict != "passed"}, ensure_ascii=False)

    def _decide(self, connection: Connection) -> Gate:
        if self._outcomes_of is None:
            self._outcomes_of = outcomes_reader(self.registry)
        head = find_head(connection, self.target.workflow, self.environment)
        at = self.clock()
        self.gate = judge(
            connection, self._outcomes_of, self.policy, self.target, self.environment, head, at, self._call_costs
        )
        if self.gate.verdict != "passed" and not self.override:
            raise GateRefused(self.gate, self.target, self.environment)
        return self.gate

    def _read_call_costs(self) -> None:
        """While no transaction is open: it takes long, and on SQLite a reader holds up whoever commits."""
        if self.policy.cost_from is None:
            return
        with self.registry.database.read() as connection:
            baseline = baseline_of(connection, find_head(connection, self.target.workflow, self.environment))
        self._call_costs = read_call_costs(
            self.registry, self.config, self.policy, self.target, baseline, self.clock()
        )  # fmt: skip


def next_command(gate: Gate, target: Version) -> str:
    """What to type next, by the first rule that did not pass and knows a remedy."""
    remedies = (rule.next_command for rule in gate.rules if rule.verdict != "passed")
    look = f"agent-deploy evals history {target.workflow}"
    return next((remedy for remedy in remedies if remedy), look)


def _open_rules(gate: Gate) -> list[str]:
    return [rule.rule.replace("_", " ") for rule in gate.rules if rule.verdict != "passed"]
