"""A run as text for people: figures, pass rates by tag, and its cases."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from agent_deploy.cli.output import count, facts, moment, short, table
from agent_deploy.evals.reports.wording import answered, reason_of
from agent_deploy.evals.slices import slices_of
from agent_deploy.wording import milliseconds, percent, shown, usd

if TYPE_CHECKING:
    from agent_deploy.evals.cases import Case
    from agent_deploy.evals.results import Result
    from agent_deploy.evals.runs import Run
    from agent_deploy.operations.evals.show import ShownRun

_SHORT, _WHOLE = 120, 1_000_000


def show_text(found: ShownRun, *, whole: bool) -> str:
    """All of it; whole: of one case, whose values are not shortened."""
    width = _WHOLE if whole else _SHORT
    parts = [_heading(found.run), *([] if whole else [_by_tag(found)])]
    parts += [_case(case, found.results[case.id], width, flaky=case.id in found.flaky) for case in found.cases]
    if not found.cases:
        parts.append("every case passed in every repeat")
    return "\n\n".join(part for part in parts if part)


def _heading(run: Run) -> str:
    started = run.started
    low, high = run.interval
    each = count(started.cases, "case") + (f", each {started.repeats} times" if started.repeats > 1 else "")
    pairs = [
        ("pass rate", f"{percent(run.pass_rate)} of {run.total:,} ({percent(low)} to {percent(high)})"),
        ("failed", f"{run.failed:,}" if run.failed else ""),
        ("errored", f"{run.errored:,}" if run.errored else ""),
        ("cost", usd(run.cost_usd) + (f": no price for {', '.join(run.unpriced)}" if run.unpriced else "")),
        ("judges", usd(run.judge_cost_usd) if run.judge_cost_usd != 0 else ""),
        ("latency", f"p50 {milliseconds(run.p50_ms)}, p95 {milliseconds(run.p95_ms)}"),
        ("eval set", f"{started.set_path} {short(started.set_digest)}, {each}"),
        ("agent", started.agent),
        ("origin", started.origin if started.origin != "eval" else ""),
        ("tag", started.tag),
        ("finished", f"{moment(run.finished_at)} by {started.actor}"),
    ]
    return f"{started.id}: {started.workflow}@{started.version}\n{facts(pairs)}"


def _by_tag(found: ShownRun) -> str:
    rows = [[slice_.tag, f"{slice_.cases:,}", percent(slice_.pass_rate)] for slice_ in slices_of(found.outcomes)]
    return table(["BY TAG", "CASES", "PASSED"], rows) if rows else ""


def _case(case: Case, results: list[Result], width: int, *, flaky: bool) -> str:
    told = [*(["critical"] if case.critical else []), *(["flaky"] if flaky else [])]
    if case.tags:
        told.append(f"[{shown(', '.join(case.tags))}]")
    pairs = [("input", shown(case.input, width))]
    if case.expected is not None:
        pairs.append(("expected", shown(case.expected, width)))
    for result in results:
        pairs += [(result.status, shown(answered(result), width)), ("  why", shown(reason_of(result) or None, width))]
    kept = [(name, value) for name, value in pairs if (name, value) != ("  why", "-")]
    return f"{click.style(shown(case.id), bold=True)}  {'  '.join(told)}".rstrip() + f"\n{facts(kept)}"
