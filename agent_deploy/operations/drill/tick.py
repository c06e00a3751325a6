"""drill tick: recover what died, run what is due, tell what is overdue. Harmless to repeat, by however many hosts."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol

from agent_deploy.config import Config
from agent_deploy.errors import ControlPlaneError
from agent_deploy.log import event
from agent_deploy.operations.drill.due import Look, look
from drills.claiming import claim, give_back, settle
from drills.models import Drill, Outcome
from drills.policy import DrillPolicy
from drills.recording import new_drill_id
from drills.stopping import Stopping
from registry.drilling import DrillWeek
from registry.errors import Conflict, Damaged, NotFound, Refused, RegistryError
from registry.registry import Registry
from registry.times import now

if TYPE_CHECKING:
    from agent_deploy.notifying.sending import NotTold

# What keeps a drill from beginning that is nobody's failure: there is no version to go back to, say.
_NOT_THE_MOMENT = (NotFound, Refused, Conflict)


class RunDrill(Protocol):
    """Carries out a drill, by the very function of `agent-deploy drill run`."""

    def __call__(self, workflow: str, environment: str, *, drill: str, week: str) -> Drill:
        """drill: the id that it is to have; week: what it is claimed for. The drill as it is on record."""
        ...


@dataclass(frozen=True, slots=True)
class Ran:
    """A drill that was due. outcome: `error` when it broke off without a record. retry_at: when the week may have
    another; None when it has had one, or nobody could say.
    """

    workflow: str
    environment: str
    week: str
    drill: str
    outcome: Outcome | Literal["error"]
    error: str = ""
    retry_at: datetime | None = None

    @property
    def failed(self) -> bool:
        """Whether a rollback cannot be counted on after it."""
        return self.outcome not in ("succeeded", "blocked")


@dataclass(frozen=True, slots=True)
class Tick:
    """What a tick did. recovered: drills whose processes had died. looks: how every scheduled place stood before.

    not_told: who could not be told of it, and why.
    """

    at: datetime
    recovered: tuple[Drill, ...] = ()
    looks: tuple[Look, ...] = ()
    ran: tuple[Ran, ...] = field(default=())
    not_told: tuple[NotTold, ...] = ()

    @property
    def overdue(self) -> list[Look]:
        """The places whose drill is overdue, and was not made up for by this tick."""
        made_up = {(ran.workflow, ran.environment) for ran in self.ran if ran.outcome == "succeeded"}
        return [
            one for one in self.looks if one.overdue_since and (one.workflow, one.environment) not in made_up
        ]  # fmt: skip

    @property
    def damaged(self) -> list[Look]:
        """The places of which nobody can tell when a drill is due, for a record was edited."""
        return [one for one in self.looks if one.damage]

    @property
    def failed(self) -> bool:
        """Whether a drill failed, or had to be recovered."""
        return bool(self.recovered) or any(ran.failed for ran in self.ran)


def tick(
    registry: Registry,
    config: Config,
    run: RunDrill,
    recover: Callable[[], Sequence[Drill]],
    *,
    stop: Callable[[], bool] = lambda: False,
    clock: Callable[[], datetime] = now,
    new_id: Callable[[], str] = lambda: new_drill_id(secrets.token_hex(5)),
) -> Tick:
    """One tick. At most one drill a workflow, environment and ISO week completes, whatever number of ticks run at once.

    stop: asked between drills; what is still due is left to the next tick, as it is after a drill was interrupted.
    A drill that cannot begin keeps no other from its turn, nor does a record that was edited. Raises Unavailable when
    the database is away.
    """
    recovered = tuple(recover())
    at = clock()
    looks = look(registry, config, at)
    ran: list[Ran] = []
    for due in (one for one in looks if one.decision.state == "due"):
        if stop() or (ran and ran[-1].outcome == "interrupted"):
            break
        done = _attempt(registry, due, run, clock, new_id())
        if done:
            event("drill", workflow=done.workflow, environment=done.environment, drill=done.drill, outcome=done.outcome)
            ran.append(done)
    return Tick(at, recovered, tuple(looks), tuple(ran))


def scheduled_tick(
    registry: Registry, config: Config, *, actor: str, stop: Callable[[], bool], stopping: Stopping
) -> Tick:
    """One tick with the drills of `agent-deploy drill run`, and those told whom the policies name.

    stopping: whose signals end a drill early.
    """
    from agent_deploy.operations.drill.recover import recover

    not_told: list[NotTold] = []

    def run(workflow: str, environment: str, *, drill: str, week: str) -> Drill:
        from agent_deploy.operations.drill.run import run_drill  # heavy, and seldom needed, as all that it tells with
        from agent_deploy.operations.drill.telling import Teller

        return run_drill(
            registry, config, workflow, environment, actor=actor, trigger="schedule", week=week, drill_id=drill,
            stopping=stopping, teller=Teller(registry, config, failures=not_told),
        )  # fmt: skip

    done = tick(registry, config, run, lambda: recover(registry, config, actor=actor), stop=stop)
    if done.recovered or done.overdue:
        _tell(registry, config, done, not_told)
    return replace(done, not_told=tuple(not_told))


def _tell(registry: Registry, config: Config, done: Tick, not_told: list[NotTold]) -> None:
    """Of the dead and the missing; `run_drill` tells of the others."""
    from agent_deploy.notifying.sending import NotTold
    from agent_deploy.operations.drill.telling import Teller

    teller = Teller(registry, config, failures=not_told)
    for dead in done.recovered:
        teller.ended(dead)
    for one in done.overdue:
        assert one.overdue_since is not None  # noqa: S101  (that is what `overdue` is)
        try:
            teller.overdue(one.workflow, one.environment, one.overdue_since, one.last_success)
        except Damaged as error:  # nobody can tell whether it was told before
            not_told.append(NotTold("nobody", error.message))


def _attempt(registry: Registry, due: Look, run: RunDrill, clock: Callable[[], datetime], drill: str) -> Ran | None:
    """The drill that is due, unless another scheduler was faster."""
    claimed = claim(registry.database, due.policy, due.workflow, due.environment, drill, clock())
    if claimed is None:
        return None
    try:
        done = run(due.workflow, due.environment, drill=drill, week=claimed.week)
        settled = settle(registry.database, due.policy, claimed, done)
    except (RegistryError, ControlPlaneError) as error:
        return _not_begun(registry, due.policy, claimed, error, clock)
    return Ran(
        due.workflow, due.environment, claimed.week, drill, settled.outcome, done.error, settled.retry_at
    )  # fmt: skip


def _not_begun(
    registry: Registry,
    policy: DrillPolicy,
    claimed: DrillWeek,
    error: RegistryError | ControlPlaneError,
    clock: Callable[[], datetime],
) -> Ran:
    """A drill without a record. A claim that cannot be given back runs out by itself."""
    outcome: Outcome | Literal["error"] = "blocked" if isinstance(error, _NOT_THE_MOMENT) else "error"
    try:
        again = give_back(registry.database, policy, claimed, clock())
    except RegistryError:
        again = None
    return Ran(claimed.workflow, claimed.environment, claimed.week, claimed.drill, outcome, error.message, again)
