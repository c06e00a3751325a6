"""evals import: the results of another tool become a run of a version."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from agent_deploy.config import Config
from agent_deploy.evals.cases import Case, EvalSet
from agent_deploy.evals.importing import Format, read_results_file
from agent_deploy.evals.importing.arranging import Imported
from agent_deploy.evals.recording import new_run_id, record_finished, record_started
from agent_deploy.evals.running.summary import summarise
from agent_deploy.evals.runs import Run, RunStarted
from agent_deploy.operations.evaluating import find_cases
from agent_deploy.operations.show import find
from registry.errors import BadInput
from registry.models import Version
from registry.registry import Registry
from registry.times import now


def import_(
    registry: Registry,
    config: Config,
    path: Path,
    ref: str,
    *,
    actor: str,
    environment: str = "",
    format_: Format | None = None,
    column: int | None = None,
    cases: str | None = None,
    clock: Callable[[], datetime] = now,
    random_hex: Callable[[], str] = lambda: secrets.token_hex(5),
) -> Run:
    """Put on record what a file says of a version, every case and repeat of it.

    Without `cases` the run is on a set made of the file's own cases, and counts for no gate. With it, the file has to
    have just the cases of that set; the run is then on that set, and counts if it is the workflow's own.
    Raises BadInput naming file and place: nothing is recorded then.
    """
    version = find(registry, ref)
    imported = read_results_file(path, format_, column)
    eval_set, on_record = EvalSet(str(path), imported.cases), False
    if cases is not None:
        eval_set, on_record = _own_set(config, version, imported, path, cases)
    source = f"import:{imported.tool}"
    started = RunStarted(
        id=new_run_id(random_hex()), workflow=version.workflow, version=version.number, digest=version.digest,
        environment=environment, set_path=eval_set.path, set_digest=eval_set.digest, cases=len(eval_set.cases),
        repeats=imported.repeats, agent=source, origin=source, tag="", actor=actor, started_at=clock(),
        on_record=on_record,
    )  # fmt: skip
    results = {(result.case, result.repeat): result for result in imported.results}
    summary = summarise(started, eval_set, results, finished_at=clock())
    record_started(registry, version, started, eval_set)
    record_finished(registry, version, summary.run, summary.outcomes, summary.results)
    return summary.run


def _own_set(config: Config, version: Version, imported: Imported, path: Path, cases: str) -> tuple[EvalSet, bool]:
    from agent_deploy.evals.reading import read_eval_set

    file, name, on_record = find_cases(config, version.workflow, cases)
    own = read_eval_set(file, name)
    _check_same(own, imported, path)
    return own, on_record


def _check_same(own: EvalSet, imported: Imported, path: Path) -> None:
    ours, theirs = ({case.id: case for case in cases} for cases in (own.cases, imported.cases))
    told = [
        ("lacks", [id_ for id_ in ours if id_ not in theirs]),
        ("has besides", [id_ for id_ in theirs if id_ not in ours]),
        ("asked otherwise", [id_ for id_ in ours if id_ in theirs and not _same_input(ours[id_], theirs[id_])]),
    ]
    faults = [f"{words} {_listed(ids)}" for words, ids in told if ids]
    if faults:
        raise BadInput(
            f"{path} does not hold just the cases of {own.path}: it {'; '.join(faults)}",
            unchanged="Nothing was imported.",
            next_command="the same without --cases: a run on the file's own cases, which no gate counts",
        )


def _same_input(ours: Case, theirs: Case) -> bool:
    """The same words, or the only variable that holds them. JUnit XML says nothing of inputs."""
    if theirs.input is None or ours.input == theirs.input:
        return True
    variables: Mapping[str, Any] = theirs.input if isinstance(theirs.input, dict) else {}
    return len(variables) == 1 and ours.input in variables.values()


def _listed(ids: list[str]) -> str:
    more = f" and {len(ids) - 3} more" if len(ids) > 3 else ""
    return ", ".join(map(repr, ids[:3])) + more
