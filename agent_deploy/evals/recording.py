"""Runs on record: written as evidence of the registry, found by id, and their blobs read back, checked."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from typing import Any

from agent_deploy.evals.cases import EvalSet, decode_set
from agent_deploy.evals.outcomes import Outcomes, decode_outcomes
from agent_deploy.evals.results import Result, result_document, result_of
from agent_deploy.evals.runs import FINISHED, STARTED, Run, RunStarted, finished_body, run_of, started_body, started_of
from registry.blobs import ensure_blob, get_blob, put_blob
from registry.catalog import lock_workflow
from registry.database import Connection
from registry.errors import BadInput, Damaged, Missing, NotFound
from registry.evidence import add_evidence, find_subjects, list_evidence
from registry.models import Version
from registry.registry import Registry

_ID_LETTERS = 14  # `run-` and ten hex digits


def record_started(registry: Registry, version: Version, run: RunStarted, eval_set: EvalSet) -> None:
    """Put on record that a run begins. The set is stored with it, so that it can be read when the file has changed.

    Raises Unavailable when database or store is away; nothing is recorded then.
    """
    data = eval_set.encoded()
    put_blob(registry.store, data)
    with registry.database.write() as connection:
        lock_workflow(connection, run.workflow)
        add_evidence(
            connection, version, kind=STARTED, subject=run.id, body=started_body(run), actor=run.actor,
            at=run.started_at, environment=run.environment, blobs=(run.set_digest,),
        )  # fmt: skip
        ensure_blob(registry.store, data)


def record_finished(registry: Registry, version: Version, run: Run, outcomes: bytes, results: bytes) -> None:
    """Put on record what came of a run. outcomes, results: the bytes of the blobs that it names.

    Raises BadInput when it is finished already (another `--resume` was faster).
    """
    started = run.started
    for data in (outcomes, results):
        put_blob(registry.store, data)
    with registry.database.write() as connection:
        lock_workflow(connection, started.workflow)
        if list_evidence(connection, started.workflow, kind=FINISHED, subject=started.id, limit=1):
            raise BadInput(f"{started.id} is complete already", next_command=f"agent-deploy evals show {started.id}")
        add_evidence(
            connection, version, kind=FINISHED, subject=started.id, body=finished_body(run), actor=started.actor,
            at=run.finished_at, environment=started.environment,
            blobs=(started.set_digest, run.outcomes, run.results),
        )  # fmt: skip
        for data in (outcomes, results):
            ensure_blob(registry.store, data)


def pack_results(results: Iterable[Result]) -> bytes:
    """The results blob: gzipped JSON lines, ordered by case and repeat; the same results give the same bytes."""
    ordered = sorted(results, key=lambda result: (result.case, result.repeat))
    lines = (json.dumps(result_document(r), ensure_ascii=False, separators=(",", ":")) for r in ordered)
    return gzip.compress("".join(f"{line}\n" for line in lines).encode(), compresslevel=1, mtime=0)


def read_results(registry: Registry, run: Run) -> Iterator[Result]:
    """The results of a finished run, by case and repeat. Raises Damaged when the blob is missing or not whole."""
    try:
        yield from map(result_of, read_result_documents(registry, run))
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable(run, error) from error


def read_result_documents(registry: Registry, run: Run) -> list[dict[str, Any]]:
    """The same as JSON, as `results.result_document` wrote it: for those who look at few of many. Raises Damaged."""
    data = _blob(registry, run, run.results)
    try:
        lines = gzip.decompress(data).splitlines()
        documents: list[dict[str, Any]] = json.loads(b"[%s]" % b",".join(lines))  # at once: a third of the time
    except (OSError, EOFError, ValueError) as error:
        raise _unreadable(run, error) from error
    return documents


def read_outcomes(registry: Registry, run: Run) -> Outcomes:
    """The columns of a finished run. Raises Damaged when the blob is missing or not whole."""
    return decode_outcomes(_blob(registry, run, run.outcomes))


def read_set(registry: Registry, run: RunStarted) -> EvalSet:
    """The eval set as it was when the run began. Raises Damaged when the blob is missing or not whole."""
    return decode_set(_blob_of(registry, run, run.set_digest), run.set_path)


def list_runs(connection: Connection, workflow: str, limit: int | None = None) -> list[Run | RunStarted]:
    """A workflow's runs, newest start first; one that is not complete is a RunStarted."""
    finished = {found.subject: run_of(found) for found in list_evidence(connection, workflow, kind=FINISHED)}
    started = list_evidence(connection, workflow, kind=STARTED, limit=limit)
    return [finished.get(found.subject) or started_of(found) for found in started]


def find_run(connection: Connection, id_: str, workflow: str | None = None) -> Run | RunStarted:
    """The run with this id, or the one whose id starts so; a RunStarted while it is not complete. Raises NotFound."""
    found = find_subjects(connection, STARTED, id_, workflow) if id_.startswith("run-") else []
    if len(found) > 1:
        raise BadInput(f"{id_!r} fits more than one run ({found[0].subject} and {found[1].subject}): give more of it")
    if not found:
        raise NotFound(f"there is no run {id_!r}", next_command="agent-deploy evals history WORKFLOW")
    finished = list_evidence(connection, found[0].workflow, kind=FINISHED, subject=found[0].subject, limit=1)
    return run_of(finished[0]) if finished else started_of(found[0])


def is_run_id(text: str) -> bool:
    """Whether the text means a run (`run-3fa2…`), and not a version."""
    return text.startswith("run-") and "@" not in text


def newest_runs(connection: Connection, workflow: str, digest: str, set_digest: str) -> list[Run]:
    """The finished runs of a version on an eval set, newest first."""
    found = list_evidence(connection, workflow, kind=FINISHED, digest=digest)
    return [run for run in map(run_of, found) if run.started.set_digest == set_digest]


def newest_that_counts(connection: Connection, workflow: str, digest: str, set_digest: str) -> Run | None:
    """The run that evidence goes by: the newest of those, but for what was tried with another agent than its own."""
    runs = newest_runs(connection, workflow, digest, set_digest)
    return next((run for run in runs if run.started.on_record), None)


def set_on_record(connection: Connection, workflow: str) -> RunStarted | None:
    """The newest run on the workflow's own eval set, whose set is the one that evidence has to be on; None without."""
    for found in list_evidence(connection, workflow, kind=STARTED):
        if found.body["on_record"]:
            return started_of(found)
    return None


def new_run_id(random_hex: str) -> str:
    """`run-` and ten hex digits."""
    return f"run-{random_hex}"[:_ID_LETTERS]


def _unreadable(run: Run, error: Exception) -> Damaged:
    return Damaged(f"the results of {run.started.id} cannot be read: {error}")


def _blob(registry: Registry, run: Run, digest: str) -> bytes:
    return _blob_of(registry, run.started, digest)


def _blob_of(registry: Registry, run: RunStarted, digest: str) -> bytes:
    try:
        return get_blob(registry.store, digest)
    except Missing as error:
        raise Damaged(
            f"evidence of {run.id} is missing: {error.message}", next_command=f"agent-deploy verify {run.workflow}"
        ) from error
