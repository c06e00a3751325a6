"""evals diff: which cases changed from one run to another."""

from __future__ import annotations

from agent_deploy.evals.cases import Case
from agent_deploy.evals.comparing import Diff, Side, compare, disagreeing
from agent_deploy.evals.recording import is_run_id, newest_runs, read_outcomes, read_result_documents, read_set
from agent_deploy.evals.runs import FINISHED, Run, run_of
from agent_deploy.evals.stored import StoredResults
from agent_deploy.operations.collecting import uncollected
from agent_deploy.operations.evals.show import finished_run
from agent_deploy.operations.show import find
from registry.database import Connection
from registry.errors import NotFound
from registry.evidence import list_evidence
from registry.models import Version
from registry.registry import Registry

_MOST_OTHER_RUNS = 3


def diff(registry: Registry, before: str, after: str, environment: str | None = None) -> Diff:
    """Compare two runs. Of a ref, its newest finished run is taken, on the newest eval set that both have runs on.

    environment: only runs made for it, where a ref is given. A version against itself: its newest run and the one
    before. Sets that differ are compared over the cases that both hold alike. Raises NotFound when there is no such
    run, Damaged when one is not whole.
    """
    old, new = _choose(_runs(registry, before, environment), _runs(registry, after, environment))
    with uncollected():
        sides = [_side(registry, run) for run in (old, new)]
        cases, edited = _cases(registry, old, new)
        comparison = compare(sides[0], sides[1], edited)
    return Diff(old, new, comparison, sides[0].results, sides[1].results, cases)


def _runs(registry: Registry, text: str, environment: str | None) -> list[Run]:
    """The runs that may be meant, newest first, those on the workflow's own set before others."""
    if is_run_id(text):
        return [finished_run(registry, text)]
    version = find(registry, text)
    with registry.database.read() as connection:
        found = list_evidence(
            connection, version.workflow, kind=FINISHED, digest=version.digest, environment=environment
        )
    runs = [run_of(evidence) for evidence in found]
    if not runs:
        raise _no_run(version, environment)
    return sorted(runs, key=lambda run: not run.started.on_record)


def _no_run(version: Version, environment: str | None) -> NotFound:
    where, option = (f" for {environment}", f" --env {environment}") if environment else ("", "")
    return NotFound(
        f"{version.ref} has no finished run{where}", next_command=f"agent-deploy eval {version.ref}{option}"
    )


def _choose(old: list[Run], new: list[Run]) -> tuple[Run, Run]:
    for candidate in new:
        for baseline in old:
            same_set = baseline.started.set_digest == candidate.started.set_digest
            if same_set and (baseline != candidate or len(old) == len(new) == 1):
                return baseline, candidate
    return old[0], new[0]


def _side(registry: Registry, run: Run) -> Side:
    outcomes = read_outcomes(registry, run)
    with registry.database.read() as connection:
        others = _other_runs(connection, run)
    flaky = disagreeing([outcomes, *(read_outcomes(registry, other) for other in others)])
    return Side(outcomes, StoredResults(read_result_documents(registry, run)), flaky)


def _other_runs(connection: Connection, run: Run) -> list[Run]:
    """The newest other runs of this version on this set: what they say otherwise is flaky."""
    started = run.started
    runs = newest_runs(connection, started.workflow, started.digest, started.set_digest)
    same = [other for other in runs if other != run and not _rescored(other) and not _rescored(run)]
    return same[:_MOST_OTHER_RUNS]


def _rescored(run: Run) -> bool:
    """Its answers are another run's; where it says otherwise, it was the scorers that changed."""
    return run.started.origin.startswith("rescore:")


def _cases(registry: Registry, old: Run, new: Run) -> tuple[dict[str, Case], frozenset[str]]:
    """The cases of both sets by id, and those that read otherwise in the two."""
    later = {case.id: case for case in read_set(registry, new.started).cases}
    if old.started.set_digest == new.started.set_digest:
        return later, frozenset()
    earlier = {case.id: case for case in read_set(registry, old.started).cases}
    edited = frozenset(id_ for id_, case in earlier.items() if id_ in later and not _alike(case, later[id_]))
    return {**earlier, **later}, edited


def _alike(old: Case, new: Case) -> bool:
    """Whether an answer to the one is an answer to the other, judged by the same."""
    return (old.input, old.expected, old.scorers) == (new.input, new.expected, new.scorers)
