"""Gathers the facts of a verdict from the registry, within whatever transaction the caller has open."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from agent_deploy.evals.outcomes import Outcomes
from agent_deploy.evals.recording import newest_runs, newest_that_counts, read_outcomes, set_on_record
from agent_deploy.evals.runs import FINISHED, STARTED, Run
from agent_deploy.gates.approvals import list_approvals
from agent_deploy.gates.facts import Approval, Baseline, Candidate, Evidence, Facts, LastDrill, Missing, Stay
from agent_deploy.gates.policy import RequiredDrill
from registry.catalog import version_numbered
from registry.database import Connection
from registry.evidence import list_evidence
from registry.models import Release, Version
from registry.registry import Registry
from registry.releases import list_releases, versions_live_in

JUDGE_CALIBRATION = "judge-calibration"
_ALL = 1_000_000

OutcomesOf = Callable[[Run], Outcomes]


def outcomes_reader(registry: Registry) -> OutcomesOf:
    """Reads the outcomes of runs and remembers them: what was read before a transaction is not read within it again."""
    seen: dict[str, Outcomes] = {}

    def read(run: Run) -> Outcomes:
        if run.outcomes not in seen:
            seen[run.outcomes] = read_outcomes(registry, run)
        return seen[run.outcomes]

    return read


def gather(
    connection: Connection,
    outcomes_of: OutcomesOf,
    target: Version,
    environment: str,
    head: Release | None,
    *,
    required_environment: str | None,
    required_drill: RequiredDrill | None = None,
    at: datetime,
) -> Facts:
    """The facts about promoting `target` to `environment`, where `head` is live. Raises Damaged for a run not whole.

    required_environment: where the policy wants it to have been live before; None where it does not. required_drill:
    what it asks of drills; None where nothing, and then none is looked for.
    """
    workflow = target.workflow
    on_record = set_on_record(connection, workflow)
    set_digest = on_record.set_digest if on_record else None

    def newest(digest: str) -> Evidence | None:
        run = newest_that_counts(connection, workflow, digest, set_digest) if set_digest else None
        return Evidence(run, outcomes_of(run)) if run else None

    baseline, evidence = baseline_of(connection, head), newest(target.digest)
    return Facts(
        candidate=Candidate(workflow, target.number, target.digest, target.actor),
        environment=environment,
        now=at,
        set_digest=set_digest,
        evidence=evidence,
        missing=None if evidence else _missing(connection, target, set_digest),
        baseline=baseline,
        baseline_evidence=newest(baseline.digest) if baseline else None,
        stay=_stay(connection, target, required_environment, at) if required_environment else None,
        approvals=tuple(Approval(a.actor, a.recorded_at) for a in list_approvals(connection, target, environment)),
        agreements=_agreements(connection, workflow),
        drill=_drill(connection, workflow, environment, required_drill, at) if required_drill else None,
        could_roll_back=len(versions_live_in(connection, workflow, environment)) > 1 if required_drill else False,
    )


def baseline_of(connection: Connection, head: Release | None) -> Baseline | None:
    """What a candidate is compared with: what is live, or comes back when the drill that is under way ends; None where
    nothing is.
    """
    if head is None:
        return None
    if head.revert_to is None:
        return Baseline(head.version, head.digest)
    back = version_numbered(connection, head.workflow, head.revert_to)
    return Baseline(back.number, back.digest)


def _missing(connection: Connection, target: Version, set_digest: str | None) -> Missing:
    """Why a version has no finished run on the set on record."""
    if set_digest is None:
        return Missing("no_set")
    started = list_evidence(connection, target.workflow, kind=STARTED, digest=target.digest)
    here = (record for record in started if record.body["set_digest"] == set_digest and record.body["on_record"])
    finished_here = {run.started.id for run in newest_runs(connection, target.workflow, target.digest, set_digest)}
    running = [record.subject for record in here if record.subject not in finished_here]
    if running:
        return Missing("running", running[0])
    finished = list_evidence(connection, target.workflow, kind=FINISHED, digest=target.digest, limit=1)
    if finished:
        return Missing("other_set", finished[0].subject)
    others = list_evidence(connection, target.workflow, kind=FINISHED, limit=1)
    return Missing("other_digest", others[0].subject) if others else Missing("no_run")


def _stay(connection: Connection, target: Version, environment: str, at: datetime) -> Stay | None:
    """When the version was live there, and for how long in all; None when it never was."""
    stretches: list[tuple[datetime, datetime]] = []
    until = at
    for release in list_releases(connection, target.workflow, environment, _ALL):  # newest first
        if release.digest == target.digest:
            stretches.append((release.released_at, until))
        until = release.released_at
    if not stretches:
        return None
    lasted = sum((end - start for start, end in stretches), timedelta())
    return Stay(stretches[-1][0], stretches[0][1], lasted)


def _drill(
    connection: Connection, workflow: str, environment: str, required: RequiredDrill, at: datetime
) -> LastDrill | None:
    from drills.looking import read_standing
    from drills.policy import DrillPolicy

    policy = DrillPolicy(count_rehearsal=required.rehearsal)
    standing = read_standing(connection, workflow, environment, policy, at)
    if standing is None or standing.last_success is None:
        return None
    return LastDrill(standing.last_success.plan.id, standing.last_success.ended_at)


def _agreements(connection: Connection, workflow: str) -> dict[str, float]:
    """Each calibrated rubric's agreement with human labels, by its newest calibration."""
    records = list_evidence(connection, workflow, kind=JUDGE_CALIBRATION)
    return {record.body["judge"]: record.body["agreement"] for record in reversed(records)}
