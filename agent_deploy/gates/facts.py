"""What the rules decide on: everything that is known when a verdict is asked for. Frozen values, no I/O.

Gathered from the registry by `gates.gathering`; whoever promotes gathers inside the transaction that moves the head.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from agent_deploy.costs.compare import CostDelta
from agent_deploy.evals.outcomes import Outcomes
from agent_deploy.evals.runs import Run

# Why there is no run to go by: no eval set is on record; there is no run at all, only of other versions, only on
# another set, or only one that is not finished.
Why = Literal["no_set", "no_run", "other_digest", "other_set", "running"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """The version that is to be promoted. registrar: who registered it."""

    workflow: str
    version: int
    digest: str
    registrar: str

    @property
    def ref(self) -> str:
        """`support-triage@42`."""
        return f"{self.workflow}@{self.version}"


@dataclass(frozen=True, slots=True)
class Baseline:
    """The version that is live in the environment now; during a drill, the one that comes back at its end."""

    version: int
    digest: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """A finished run and its outcomes by case."""

    run: Run
    outcomes: Outcomes


@dataclass(frozen=True, slots=True)
class Missing:
    """Why there is no evidence, and the run that comes nearest to some; empty where there is none."""

    why: Why
    run: str = ""


@dataclass(frozen=True, slots=True)
class Stay:
    """When a version was first and last live in an environment, and how long in all; last is now while it is live."""

    first_at: datetime
    last_at: datetime
    lasted: timedelta


@dataclass(frozen=True, slots=True)
class Approval:
    """Someone approved this version for this environment."""

    actor: str
    at: datetime


@dataclass(frozen=True, slots=True)
class LastDrill:
    """The environment's newest drill that succeeded, of those that count."""

    id: str
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class CallCosts:
    """What calls of [since, until) in one environment cost: the candidate's against those of what is live.

    prices: which were gone by. delta: None where the facts cannot be read; unread: why.
    """

    environment: str
    since: datetime
    until: datetime
    delta: CostDelta | None
    prices: str = ""
    unread: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """All of them. evidence: the candidate's newest finished run on the set on record; missing: why it is None.

    set_digest: of the eval set on record, None when the workflow has none. baseline: None when nothing is live;
    baseline_evidence: its newest finished run on the same set. stay: the candidate's in the environment that the policy
    requires, None when it was never live there. agreements: with people's labels, by the digest of a judge's rubric.
    drill: None when none is asked for, or none succeeded; could_roll_back: whether more than one version was live yet.
    call_costs: None where the policy does not ask for any, or there are no two versions to compare.
    """

    candidate: Candidate
    environment: str
    now: datetime
    set_digest: str | None
    evidence: Evidence | None = None
    missing: Missing | None = None
    baseline: Baseline | None = None
    baseline_evidence: Evidence | None = None
    stay: Stay | None = None
    approvals: tuple[Approval, ...] = ()
    agreements: Mapping[str, float] = field(default_factory=dict)
    drill: LastDrill | None = None
    could_roll_back: bool = False
    call_costs: CallCosts | None = None

    @property
    def usable(self) -> Evidence | None:
        """The evidence, if it is of this very digest and on the very set on record."""
        return self._bound(self.evidence, self.candidate.digest)

    @property
    def usable_baseline(self) -> Evidence | None:
        """The same of what is live."""
        return self._bound(self.baseline_evidence, self.baseline.digest) if self.baseline else None

    @property
    def usable_call_costs(self) -> CallCosts | None:
        """The costs of calls, if they are of this very candidate and of what is live."""
        found, old = self.call_costs, self.baseline
        if found is None or old is None or found.delta is None:
            return found
        return (
            found
            if (found.delta.from_version, found.delta.to_version) == (old.version, self.candidate.version)
            else None
        )

    @property
    def live_ref(self) -> str:
        """`support-triage@41`, what is live now; empty when nothing is."""
        return f"{self.candidate.workflow}@{self.baseline.version}" if self.baseline else ""

    def _bound(self, evidence: Evidence | None, digest: str) -> Evidence | None:
        if evidence is None or evidence.run.started.digest != digest:
            return None
        return evidence if evidence.run.started.set_digest == self.set_digest else None
