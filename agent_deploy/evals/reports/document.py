"""Runs, cases and comparisons as JSON. The keys are documented in docs/json.md and stay."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from agent_deploy.costs.usage import Usage
from agent_deploy.evals.cases import Case
from agent_deploy.evals.comparing import WORDS, CaseChange, Diff, Tally
from agent_deploy.evals.results import Result, result_document
from agent_deploy.evals.runs import Run, RunStarted
from agent_deploy.evals.slices import Slice, SliceChange
from registry.times import to_text


def started_document(run: RunStarted) -> dict[str, Any]:
    """What is known of a run before its first case."""
    return {
        "run": run.id,
        "workflow": run.workflow,
        "version": run.version,
        "digest": run.digest,
        "environment": run.environment,
        "agent": run.agent,
        "origin": run.origin,
        "tag": run.tag,
        "actor": run.actor,
        "started_at": to_text(run.started_at),
        "repeats": run.repeats,
        "eval_set": {"path": run.set_path, "digest": run.set_digest, "cases": run.cases, "on_record": run.on_record},
    }


def run_document(run: Run) -> dict[str, Any]:
    """A finished run, without its cases."""
    return {
        **started_document(run.started),
        "finished_at": to_text(run.finished_at),
        "cases": {"total": run.total, "passed": run.passed, "failed": run.failed, "errored": run.errored},
        "pass_rate": run.pass_rate,
        "interval": list(run.interval),
        "cost_usd": _money(run.cost_usd),
        "judge_cost_usd": _money(run.judge_cost_usd),
        "unpriced": list(run.unpriced),
        "prices": run.prices,
        "tokens": {name: getattr(run.usage, name) for name in Usage.__slots__} if run.usage else None,
        "latency_ms": {"p50": run.p50_ms, "p95": run.p95_ms},
        "resumed": run.resumed,
    }


def case_document(case: Case, results: Sequence[Result], *, flaky: bool) -> dict[str, Any]:
    """A case and what came of it, a result a repeat; outputs whole."""
    return {
        "case": case.id,
        "input": case.input,
        "expected": case.expected,
        "tags": list(case.tags),
        "critical": case.critical,
        "flaky": flaky,
        "results": [_result(result) for result in results],
    }


def slices_document(slices: Sequence[Slice]) -> list[dict[str, Any]]:
    """Pass rates by tag."""
    return [{"tag": found.tag, "cases": found.cases, "pass_rate": found.pass_rate} for found in slices]


def diff_document(diff: Diff) -> dict[str, Any]:
    """What changed from one run to another, with both outputs whole."""
    comparison = diff.comparison
    return {
        "before": run_document(diff.before),
        "after": run_document(diff.after),
        "same_set": diff.same_set,
        "compared": comparison.compared,
        "unchanged": comparison.unchanged,
        "counts": {kind: len(comparison.of_kind(kind)) for kind in WORDS},
        "only_before": list(comparison.only_before),
        "only_after": list(comparison.only_after),
        "edited": list(comparison.edited),
        "cases": {"before": _tally(comparison.before), "after": _tally(comparison.after)},
        "worse": {"lost": comparison.lost, "gained": comparison.gained, "p": comparison.p},
        "slices": [_slice_change(found) for found in comparison.slices],
        "changes": [_change(change, diff) for change in comparison.changes],
    }


def _change(change: CaseChange, diff: Diff) -> dict[str, Any]:
    case = diff.cases[change.case]
    return {
        "case": change.case,
        "kind": change.kind,
        "flaky": change.flaky,
        "critical": change.critical,
        "tags": list(change.tags),
        "input": case.input,
        "expected": case.expected,
        "before": [_result(result) for result in diff.results_before[change.case]],
        "after": [_result(result) for result in diff.results_after[change.case]],
    }


def _result(result: Result) -> dict[str, Any]:
    document = result_document(result)
    del document["case"]
    return {**document, "output": result.output}


def _tally(tally: Tally) -> dict[str, Any]:
    return {"total": tally.total, "passed": tally.passed, "failed": tally.failed, "errored": tally.errored}


def _slice_change(found: SliceChange) -> dict[str, Any]:
    return {
        "tag": found.tag,
        "cases": found.cases,
        "before": found.before,
        "after": found.after,
        "lost": found.lost,
        "gained": found.gained,
        "p": found.p,
    }


def _money(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"
