"""Evidence on record in one call, as `eval` would leave it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from agent_deploy.evals.cases import Case, EvalSet
from agent_deploy.evals.outcomes import outcomes_of
from agent_deploy.evals.recording import pack_results, record_finished, record_started
from agent_deploy.evals.results import Result, Status
from agent_deploy.evals.runs import Run, RunStarted
from registry.blobs import digest_of
from registry.models import Version
from registry.registry import Registry

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
_STATUS: dict[str, Status] = {"P": "passed", "F": "failed", "E": "errored"}


def cases_of(count: int, **more: Any) -> EvalSet:
    """A set of cases `c0000`, `c0001`…; more: fields of every one of them."""
    cases = (Case(f"c{number:04}", f"input {number}", f"output {number}", **more) for number in range(count))
    return EvalSet("evals/support-triage.yaml", tuple(cases))


def add_run(
    registry: Registry,
    version: Version,
    status: str | Mapping[str, str] = "P" * 60,
    *,
    eval_set: EvalSet | None = None,
    cost_usd: float | None = 0.001,
    latency_ms: float = 100.0,
    at: datetime = NOON,
    finished: bool = True,
    **more: Any,
) -> RunStarted:
    """Put a run on record; what is known of its start.

    status: a letter a case (P, F, E), or by case one a repeat. finished=False leaves it running. more: fields of
    RunStarted.
    """
    by_case = status if isinstance(status, Mapping) else {f"c{n:04}": letter for n, letter in enumerate(status)}
    chosen = eval_set or cases_of(len(by_case))
    repeats = len(next(iter(by_case.values())))
    started = _started(version, chosen, repeats, at, more)
    record_started(registry, version, started, chosen)
    if finished:
        price = None if cost_usd is None else Decimal(str(cost_usd))
        results = [
            Result(case, repeat, _STATUS[letter], latency_ms=latency_ms, cost_usd=price)
            for case, letters in by_case.items()
            for repeat, letter in enumerate(letters)
        ]
        _finish(registry, version, started, chosen, results)
    return started


def _started(version: Version, chosen: EvalSet, repeats: int, at: datetime, more: Mapping[str, Any]) -> RunStarted:
    unique = hashlib.sha256(f"{version.digest} {chosen.digest} {at} {repeats}".encode()).hexdigest()
    known: dict[str, Any] = {
        "id": f"run-{unique[:10]}", "workflow": version.workflow, "version": version.number, "digest": version.digest,
        "environment": "", "set_path": chosen.path, "set_digest": chosen.digest, "cases": len(chosen.cases),
        "repeats": repeats, "agent": "triage.agent:answer", "origin": "eval", "tag": version.tag, "actor": "ci",
        "started_at": at,
    }  # fmt: skip
    return RunStarted(**{**known, **more})


def _finish(registry: Registry, version: Version, started: RunStarted, chosen: EvalSet, results: list[Result]) -> None:
    by_place = {(result.case, result.repeat): result for result in results}
    outcomes = outcomes_of(chosen.cases, by_place, started.repeats).encoded()
    packed = pack_results(results)
    counts = [sum(result.status == status for result in results) for status in _STATUS.values()]
    costs = [result.cost_usd for result in results]
    run = Run(
        started=started, finished_at=started.started_at + timedelta(minutes=1),
        passed=counts[0], failed=counts[1], errored=counts[2], interval=(0.0, 1.0),
        cost_usd=None if None in costs else sum((cost for cost in costs if cost), Decimal(0)), judge_cost_usd=None,
        unpriced=("openai/unheard-of",) if None in costs else (), usage=None, p50_ms=100.0, p95_ms=100.0,
        outcomes=digest_of(outcomes), results=digest_of(packed), resumed=0, prices="test",
    )  # fmt: skip
    record_finished(registry, version, run, outcomes, packed)
