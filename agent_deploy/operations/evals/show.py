"""evals show: one run, and what came of each of its cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agent_deploy.evals.cases import Case, EvalSet
from agent_deploy.evals.comparing import disagreeing
from agent_deploy.evals.outcomes import Outcomes
from agent_deploy.evals.recording import find_run, read_outcomes, read_result_documents, read_set
from agent_deploy.evals.runs import Run
from agent_deploy.evals.stored import StoredResults
from registry.errors import NotFound
from registry.registry import Registry


@dataclass(frozen=True, slots=True)
class ShownRun:
    """A finished run with its set as it was. results: by case, in the order of repeats. cases: those asked for.

    flaky: cases whose repeats both passed and failed.
    """

    run: Run
    eval_set: EvalSet
    outcomes: Outcomes
    results: StoredResults
    cases: tuple[Case, ...]
    flaky: frozenset[str]


def finished_run(registry: Registry, id_: str) -> Run:
    """The run with this id, or the start of it. Raises NotFound, also while it is not complete."""
    with registry.database.read() as connection:
        found = find_run(connection, id_)
    if isinstance(found, Run):
        return found
    resumable = found.origin == "eval"  # a rescoring or an import asked nobody: it is done anew
    raise NotFound(
        f"{found.id} has no results yet: it is running, or was stopped",
        next_command=f"agent-deploy eval --resume {found.id}" if resumable else "",
    )


def show(registry: Registry, id_: str, *, failed: bool = False, case: str | None = None) -> ShownRun:
    """A run. failed: of its cases, only those that did not pass in every repeat. case: only the one of this id.

    Raises NotFound, or Damaged when a blob of it is missing or not whole.
    """
    run = finished_run(registry, id_)
    eval_set, outcomes = read_set(registry, run.started), read_outcomes(registry, run)
    letters = dict(zip(outcomes.cases, outcomes.status, strict=True))
    if case is not None and case not in letters:
        raise _no_case(case, run, letters)
    wanted = tuple(
        found
        for found in eval_set.cases
        if (case is None or found.id == case) and not (failed and set(letters[found.id]) == {"P"})
    )
    return ShownRun(
        run, eval_set, outcomes, StoredResults(read_result_documents(registry, run)), wanted, disagreeing([outcomes])
    )


def _no_case(case: str, run: Run, known: Mapping[str, str]) -> NotFound:
    from registry.names import nearest

    id_ = run.started.id
    return NotFound(f"{id_} has no case {case!r}{nearest(case, known)}", next_command=f"agent-deploy evals show {id_}")
