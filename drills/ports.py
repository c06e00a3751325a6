"""What a drill reaches for beyond the registry. Filled in by `agent_deploy.operations.drill.porting`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from drills.models import Check, DrillPlan, PhaseName, Side
from drills.policy import CheckSpec, SmokeSpec
from registry.models import Release
from registry.moves import Admit


@dataclass(frozen=True, slots=True)
class Moved:
    """A move made on the operator's own path. committed_ms: milliseconds from the call until it was on record.

    not_delivered: why its pointer is not out, empty when it is.
    """

    release: Release
    committed_ms: float
    not_delivered: str = ""


class RollBack(Protocol):
    """Goes back to the plan's target, by the very function of `agent-deploy rollback`."""

    def __call__(self, plan: DrillPlan, admit: Admit) -> Moved:
        """admit: asked within the transaction. Raises Conflict when the head is not the plan's baseline any more."""
        ...


class Restore(Protocol):
    """Puts the baseline back in place of `head`, the drill's own rollback."""

    def __call__(self, plan: DrillPlan, head: Release, reason: str) -> Moved:
        """Raises Conflict when it is not the head any more."""
        ...


class Deliver(Protocol):
    """Publishes what is recorded of a workflow and not delivered."""

    def __call__(self, workflow: str, environment: str) -> str:
        """Why the head of this environment is not out; empty when it is."""
        ...


class AskSmoke(Protocol):
    """Asks the smoke cases of one version, on the models of today."""

    def __call__(self, plan: DrillPlan, spec: SmokeSpec, side: Side, phase: PhaseName) -> Sequence[Check]:
        """In phase `verify` through a client that reads the place as an application does, and that has to be served
        `side` at its generation; before, straight from the store. Empty when there is no case to ask.
        """
        ...


class AskCheck(Protocol):
    """Asks one check of the team's own. Raises nothing: whatever goes wrong is a check that does not hold."""

    def __call__(self, spec: CheckSpec, plan: DrillPlan, phase: PhaseName) -> Check:
        """One look."""
        ...


class AskFacts(Protocol):
    """What the facts say of error rate and latency of the version that is live: a Check for each rule that is set."""

    def __call__(self, plan: DrillPlan, phase: PhaseName, since: datetime) -> Sequence[Check]:
        """since: when it went live. Checks without enough data hold, and say so."""
        ...


class Cost(Protocol):
    """What is known of what each of the two versions costs, as JSON."""

    def __call__(self, plan: DrillPlan, since: datetime, until: datetime) -> Mapping[str, Any]:
        """since, until: when the target was live."""
        ...


class ReadyShadow(Protocol):
    """Makes the baseline live in the rehearsal's shadow environment, the target having been live there before."""

    def __call__(self, plan: DrillPlan) -> int:
        """The generation at which the baseline is live there."""
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """All of them.

    frozen: why nothing may be released now, empty when it may. paused: who paused drills and why, empty when nobody
    did. own_reader: a reader that follows the plan's place while the drill lasts; for a rehearsal.
    """

    roll_back: RollBack
    restore: Restore
    deliver: Deliver
    smoke: AskSmoke
    check: AskCheck
    facts: AskFacts
    cost: Cost
    ready_shadow: ReadyShadow
    frozen: Callable[[datetime], str]
    paused: Callable[[], str]
    own_reader: Callable[[DrillPlan], AbstractContextManager[object]]
