"""Runs on record, each made in one call, from the letters of its results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from agent_deploy.costs.usage import ModelCall, Usage
from agent_deploy.evals.cases import Case, EvalSet
from agent_deploy.evals.recording import record_finished, record_started
from agent_deploy.evals.results import Result, Score, Status
from agent_deploy.evals.running.summary import summarise
from agent_deploy.evals.runs import Run, RunStarted
from registry.models import Version
from registry.registry import Registry

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
_STATUS: Mapping[str, Status] = {"P": "passed", "F": "failed", "E": "errored"}
_CALL = ModelCall("openai", "gpt-5-mini", Usage(input=100, output=10))


def cases_of(*ids: str, **changes: Any) -> EvalSet:
    """A set of cases that ask for their own id and expect it."""
    return EvalSet("set.yaml", tuple(Case(id_, f"say {id_}", expected=id_, **changes) for id_ in ids))


def result_of(case: str, repeat: int, letter: str, output: Any = None) -> Result:
    """A result that passed (P), failed (F) or errored (E). It answers its case's id, or `wrong`, or else `output`."""
    if letter == "E":
        return Result(case, repeat, "errored", error="503 from the model", error_kind="downstream_error", attempts=3)
    said = output if output is not None else case if letter == "P" else "wrong"
    reason = "" if letter == "P" else f"expected {case!r}, got {said!r}"
    score = Score("exact", letter == "P", float(letter == "P"), reason)
    return Result(
        case, repeat, _STATUS[letter], said, (score,), latency_ms=100.0 + repeat, calls=(_CALL,),
        cost_usd=Decimal("0.0001"),
    )  # fmt: skip


def results_of(letters: Mapping[str, str], outputs: Mapping[str, Any] | None = None) -> dict[str, list[Result]]:
    """Results by case, from one letter a repeat."""
    said = outputs or {}
    return {
        case: [result_of(case, repeat, letter, said.get(case)) for repeat, letter in enumerate(row)]
        for case, row in letters.items()
    }


def started_of(version: Version, eval_set: EvalSet, number: int, repeats: int = 1, **changes: Any) -> RunStarted:
    """The start of the run `run-000000000<number>`, a minute after the one before."""
    started = RunStarted(
        id=f"run-{number:010x}", workflow=version.workflow, version=version.number, digest=version.digest,
        environment="production", set_path=eval_set.path, set_digest=eval_set.digest, cases=len(eval_set.cases),
        repeats=repeats, agent="triage:answer", origin="eval", tag="", actor="ci",
        started_at=NOON + timedelta(minutes=number),
    )  # fmt: skip
    return replace(started, **changes)


def record_run(
    registry: Registry,
    version: Version,
    number: int,
    letters: Mapping[str, str],
    outputs: Mapping[str, Any] | None = None,
    eval_set: EvalSet | None = None,
    **changes: Any,
) -> Run:
    """A finished run on record: one letter a repeat, by case. changes: of its start."""
    eval_set = eval_set or cases_of(*letters)
    repeats = len(next(iter(letters.values())))
    started = started_of(version, eval_set, number, repeats, **changes)
    results = {(result.case, result.repeat): result for row in results_of(letters, outputs).values() for result in row}
    finished_at = started.started_at + timedelta(seconds=30)
    summary = summarise(started, eval_set, results, finished_at=finished_at, prices="genai-prices 0.2.3")
    record_started(registry, version, started, eval_set)
    record_finished(registry, version, summary.run, summary.outcomes, summary.results)
    return summary.run
