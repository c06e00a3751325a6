"""What a team wants of its drills, as frozen values. Read from `agent-deploy.toml` by `agent_deploy.drill_policy`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import time, timedelta
from typing import Literal

from drills.models import Mode

CheckPhase = Literal["blocking", "outcome"]


@dataclass(frozen=True, slots=True)
class CheckSpec:
    """A check of the team's own: a command that exits with 0, or a URL that answers with 2xx; one of the two is given.

    phase: `blocking`, asked once before anything is touched, or `outcome`, asked before, throughout and after.
    """

    name: str
    command: tuple[str, ...] = ()
    url: str = ""
    phase: CheckPhase = "outcome"
    timeout: timedelta = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class SmokeSpec:
    """Which cases the target has to answer. cases: the path of an eval set; empty for the workflow's own.

    tag: those with it; empty for the critical ones, or where none is critical for the first. most: how many at most.
    within: for all of them together.
    """

    cases: str = ""
    tag: str = ""
    most: int = 3
    within: timedelta = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Window:
    """When scheduled drills may run, by the clocks of a time zone. days: 0 is Monday."""

    days: tuple[int, ...] = (1, 2, 3)
    start: time = time(10)
    end: time = time(16)
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Notify:
    """Who is told what. secret_env: the variable with the key that signs webhooks; slack: that with the address of an
    incoming webhook. on: what is told; empty for none.
    """

    webhook: str = ""
    secret_env: str = ""
    slack: str = ""
    email: tuple[str, ...] = ()
    on: tuple[str, ...] = ("failed", "blocked_twice", "overdue")


@dataclass(frozen=True, slots=True)
class DrillPolicy:
    """The rules in force for one workflow in one environment.

    scheduled: whether `drill tick` runs its drills. readers: the least live readers; None for one in live mode and none
    in a rehearsal, which brings its own. soak: what was promoted more recently is left alone. smoke: None for none.
    max_error_rate: a share; max_latency_increase: of the 95th percentile over the baseline's, a share. guard_every:
    between two rounds of checks while the target is live. restore_within: how long beyond the deadline a restore that
    does not succeed is tried again. count_rehearsal: whether a rehearsal counts as the week's drill.
    """

    scheduled: bool = False
    mode: Mode = "live"
    hold_for: timedelta = timedelta(seconds=60)
    max_time_to_rollback: timedelta = timedelta(seconds=10)
    readers: int | None = None
    soak: timedelta = timedelta(hours=1)
    smoke: SmokeSpec | None = field(default_factory=SmokeSpec)
    checks: tuple[CheckSpec, ...] = ()
    max_error_rate: float | None = None
    max_latency_increase: float | None = None
    guard_every: timedelta = timedelta(seconds=5)
    restore_within: timedelta = timedelta(minutes=2)
    window: Window = field(default_factory=Window)
    jitter: timedelta = timedelta(minutes=30)
    retry_backoff: timedelta = timedelta(hours=2)
    overdue_after: timedelta = timedelta(days=8)
    count_rehearsal: bool = False
    heartbeat_url: str = ""
    notify: Notify = field(default_factory=Notify)

    def least_readers(self, mode: Mode) -> int:
        """How many live readers there have to be."""
        return (1 if mode == "live" else 0) if self.readers is None else self.readers

    @property
    def late_after(self) -> timedelta:
        """How long a reader that has not followed is waited for: three times the objective."""
        return 3 * self.max_time_to_rollback

    def checks_of(self, phase: CheckPhase) -> tuple[CheckSpec, ...]:
        """The checks of one phase."""
        return tuple(check for check in self.checks if check.phase == phase)
