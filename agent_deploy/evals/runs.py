"""A run on record: a version tried on an eval set. What the registry keeps of it as evidence, as frozen values.

A run is two records of evidence: `run-started` (which version, which set, how) and, once it is complete, `run`
(what came of it). A run that has only the first is running, or was interrupted and can be resumed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from agent_deploy.costs.usage import Usage
from registry.models import Evidence
from registry.times import from_text, to_text

STARTED = "run-started"
FINISHED = "run"


@dataclass(frozen=True, slots=True)
class RunStarted:
    """What is known of a run before its first case.

    id: `run-` and 10 hex digits. set_digest is also the blob that holds the set (`evals.cases.decode_set`).
    agent: as named, or `import:promptfoo` and the like. origin: `eval`, `calibrate`, `rescore:<run>` or
    `import:<format>`. tag: a label of the user's for this run.
    judges: the digest of each LLM judge's rubric, by scorer name. on_record: whether set and agent are those
    that the workflow's configuration names, so that the run counts for the gate.
    """

    id: str
    workflow: str
    version: int
    digest: str
    environment: str
    set_path: str
    set_digest: str
    cases: int
    repeats: int
    agent: str
    origin: str
    tag: str
    actor: str
    started_at: datetime
    judges: Mapping[str, str] = field(default_factory=dict)
    on_record: bool = True


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run. passed + failed + errored = total = cases × repeats: an error never leaves the denominator.

    pass_rate: passed / total. interval: Wilson's 95 % interval of it; by clustered standard errors with repeats or
    clusters. cost_usd: of the agent's calls, None when any of them has no price, or when nothing is known of the
    calls; unpriced: the models without a price. judge_cost_usd: of the scorers' own calls, kept apart.
    usage: None when the agent said nothing of tokens. latency p50_ms, p95_ms: None when every case errored.
    outcomes, results: blob digests (`evals.outcomes`; gzipped JSON lines of `results.result_document`).
    resumed: how many results were taken over from before an interruption. prices: version of the price data.
    """

    started: RunStarted
    finished_at: datetime
    passed: int
    failed: int
    errored: int
    interval: tuple[float, float]
    cost_usd: Decimal | None
    judge_cost_usd: Decimal | None
    unpriced: tuple[str, ...]
    usage: Usage | None
    p50_ms: float | None
    p95_ms: float | None
    outcomes: str
    results: str
    resumed: int
    prices: str

    @property
    def total(self) -> int:
        """Cases times repeats."""
        return self.passed + self.failed + self.errored

    @property
    def pass_rate(self) -> float:
        """Passed over total."""
        return self.passed / self.total

    @property
    def error_rate(self) -> float:
        """Errored over total."""
        return self.errored / self.total


def started_body(run: RunStarted) -> dict[str, Any]:
    """The body of a `run-started` record; id, workflow, version, digest, actor and moment are the record's own."""
    return {
        "set_path": run.set_path,
        "set_digest": run.set_digest,
        "cases": run.cases,
        "repeats": run.repeats,
        "agent": run.agent,
        "origin": run.origin,
        "tag": run.tag,
        "judges": dict(run.judges),
        "on_record": run.on_record,
    }


def finished_body(run: Run) -> dict[str, Any]:
    """The body of a `run` record. It repeats the start's, so that one record tells all."""
    return {
        **started_body(run.started),
        "started_at": to_text(run.started.started_at),
        "passed": run.passed,
        "failed": run.failed,
        "errored": run.errored,
        "interval": list(run.interval),
        "cost_usd": None if run.cost_usd is None else f"{run.cost_usd:f}",
        "judge_cost_usd": None if run.judge_cost_usd is None else f"{run.judge_cost_usd:f}",
        "unpriced": list(run.unpriced),
        "usage": {name: getattr(run.usage, name) for name in Usage.__slots__} if run.usage else None,
        "p50_ms": run.p50_ms,
        "p95_ms": run.p95_ms,
        "outcomes": run.outcomes,
        "results": run.results,
        "resumed": run.resumed,
        "prices": run.prices,
    }


def started_of(evidence: Evidence) -> RunStarted:
    """The run that a `run-started` or `run` record tells of."""
    body = evidence.body
    return RunStarted(
        id=evidence.subject,
        workflow=evidence.workflow,
        version=evidence.version,
        digest=evidence.digest,
        environment=evidence.environment,
        set_path=body["set_path"],
        set_digest=body["set_digest"],
        cases=body["cases"],
        repeats=body["repeats"],
        agent=body["agent"],
        origin=body["origin"],
        tag=body["tag"],
        actor=evidence.actor,
        started_at=from_text(body["started_at"]) if "started_at" in body else evidence.recorded_at,
        judges=body["judges"],
        on_record=body["on_record"],
    )


def run_of(evidence: Evidence) -> Run:
    """The finished run that a `run` record tells of."""
    body = evidence.body
    return Run(
        started=started_of(evidence),
        finished_at=evidence.recorded_at,
        passed=body["passed"],
        failed=body["failed"],
        errored=body["errored"],
        interval=(body["interval"][0], body["interval"][1]),
        cost_usd=_money(body["cost_usd"]),
        judge_cost_usd=_money(body["judge_cost_usd"]),
        unpriced=tuple(body["unpriced"]),
        usage=Usage(**body["usage"]) if body["usage"] else None,
        p50_ms=body["p50_ms"],
        p95_ms=body["p95_ms"],
        outcomes=body["outcomes"],
        results=body["results"],
        resumed=body["resumed"],
        prices=body["prices"],
    )


def _money(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
