"""Telling of drills: to monitors and people, after the record, and never in its way."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from agent_deploy.config import Config
from agent_deploy.drill_policy import drill_policy
from agent_deploy.errors import ControlPlaneError
from agent_deploy.log import event
from agent_deploy.notifying.heartbeat import Phase, heartbeat
from agent_deploy.notifying.message import of_drill, of_overdue
from agent_deploy.notifying.notify import channels, notify
from agent_deploy.notifying.sending import LONGEST_S, NotTold
from drills.models import FAILED, Drill, DrillPlan
from drills.recording import list_drills
from registry.catalog import lock_workflow, version_numbered
from registry.errors import RegistryError
from registry.evidence import add_evidence, list_evidence
from registry.registry import Registry
from registry.releases import find_head
from registry.times import now, to_text

NOTIFIED = "notified"
_SOON_S = 5.0


@dataclass(slots=True)
class Teller:
    """Tells what the policies want told. failures: who could not be told, so far, for whoever prints the drill.

    within_s: how long a message, or a ping, may take.
    """

    registry: Registry
    config: Config
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    failures: list[NotTold] = field(default_factory=list)
    within_s: float = LONGEST_S

    def began(self, plan: DrillPlan) -> None:
        """A drill is about to move something: the monitor is pinged beside it, for nothing waits for a monitor."""
        url = drill_policy(self.config, plan.workflow, plan.environment).heartbeat_url
        beside = threading.Thread(target=lambda: self._failed(heartbeat(url, "start", within_s=_SOON_S)), daemon=True)
        try:
            beside.start()
        except RuntimeError as error:  # no thread to be had; the drill goes on
            self._failed([NotTold("heartbeat", str(error))])

    def ended(self, drill: Drill) -> None:
        """A drill is on record. One that was blocked is neither a success nor a failure to a monitor.

        Raises nothing: what keeps it from being told is one of the failures.
        """
        try:
            self._ended(drill)
        except (ControlPlaneError, RegistryError) as error:
            self._failed([NotTold("nobody", error.message)])

    def _ended(self, drill: Drill) -> None:
        plan = drill.plan
        policy = drill_policy(self.config, plan.workflow, plan.environment)
        if drill.outcome == "succeeded" or drill.outcome in FAILED:
            phase: Phase = "success" if drill.outcome == "succeeded" else "fail"
            self._failed(heartbeat(policy.heartbeat_url, phase, within_s=self.within_s))
        if channels(policy.notify):
            message = of_drill(drill, self._blocked_in_a_row(drill))
            if message:
                self._failed(notify(policy.notify, message, environ=self.environ, within_s=self.within_s))

    def overdue(
        self,
        workflow: str,
        environment: str,
        since: datetime,
        last_success: Drill | None,
        *,
        clock: Callable[[], datetime] = now,
    ) -> bool:
        """A drill is overdue since then: told once, and put on record where at least one channel took it.

        Whether it was told now. Where no channel took it, the next tick tries again. Raises Unavailable when the
        database is away.
        """
        policy = drill_policy(self.config, workflow, environment).notify
        if not channels(policy) or "overdue" not in policy.on or self._was_told(workflow, environment, since):
            return False
        at = clock()
        failed = notify(policy, of_overdue(workflow, environment, since, last_success, at), environ=self.environ)
        self._failed(failed)
        told = [name for name in channels(policy) if name not in {one.channel for one in failed}]
        if told:
            self._keep(workflow, environment, since, told, at)
        return bool(told)

    def _failed(self, failures: list[NotTold]) -> None:
        for failure in failures:
            event("not told", channel=failure.channel, why=failure.why)
        self.failures += failures

    def _blocked_in_a_row(self, drill: Drill) -> int:
        """How many of the newest drills of the same place, this one among them, were blocked; at most three count."""
        if drill.outcome != "blocked":
            return 0
        with self.registry.database.read() as connection:
            newest = list_drills(connection, drill.plan.workflow, drill.plan.environment, 3)
        return next((number for number, one in enumerate(newest) if one.outcome != "blocked"), len(newest))

    def _was_told(self, workflow: str, environment: str, since: datetime) -> bool:
        with self.registry.database.read() as connection:
            last = list_evidence(
                connection, workflow, kind=NOTIFIED, environment=environment, subject="overdue", limit=1
            )  # fmt: skip
        return bool(last) and last[0].body["since"] == to_text(since)

    def _keep(self, workflow: str, environment: str, since: datetime, told: list[str], at: datetime) -> None:
        with self.registry.database.write() as connection:
            lock_workflow(connection, workflow)
            head = find_head(connection, workflow, environment)
            if head is None:
                return
            add_evidence(
                connection, version_numbered(connection, workflow, head.version), kind=NOTIFIED, subject="overdue",
                body={"since": to_text(since), "channels": told}, actor="agent-deploy", at=at, environment=environment,
            )  # fmt: skip
