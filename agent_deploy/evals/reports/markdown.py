"""A run, or what changed between two, as Markdown: for a pull-request comment or a job summary."""

from __future__ import annotations

from collections.abc import Sequence

from agent_deploy import wording
from agent_deploy.evals.cases import Case, EvalSet
from agent_deploy.evals.comparing import WORDS, CaseChange, Comparison, Diff, Kind, Results, verdict_of
from agent_deploy.evals.outcomes import Outcomes
from agent_deploy.evals.reports.github import code, fitting, folded, table
from agent_deploy.evals.reports.wording import answered, reason_of, statuses, telling, usd_each
from agent_deploy.evals.results import Result
from agent_deploy.evals.runs import Run
from agent_deploy.evals.slices import Slice, SliceChange, slices_of
from agent_deploy.wording import milliseconds, p_value, percent, shown, usd

_CELL = 160
_OPEN: tuple[Kind, ...] = ("pass_to_fail", "to_errored")


def diff_report(diff: Diff) -> str:
    """What changed, worst first, in at most 60,000 letters; how many rows that cut is said where they are missing."""
    return fitting(lambda rows: _diff_report(diff, rows))


def run_report(run: Run, eval_set: EvalSet, outcomes: Outcomes, results: Results) -> str:
    """One run: its figures, the cases that did not pass, pass rates by tag; in at most 60,000 letters."""
    return fitting(lambda rows: _run_report(run, eval_set, outcomes, results, rows))


def _diff_report(diff: Diff, rows: int) -> str:
    before, after = diff.before.started, diff.after.started
    parts = [
        f"### {after.workflow}: {_headline(diff.comparison)}",
        _figures(diff),
        *_notes(diff),
        *(_changes(diff, kind, rows) for kind in WORDS),
        _slices(diff.comparison.moved_slices, rows),
        _foot(f"{before.id} → {after.id}", f"agent-deploy evals diff {before.id} {after.id} --json"),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _headline(comparison: Comparison) -> str:
    counts = [(len(comparison.of_kind(kind)), WORDS[kind]) for kind in WORDS if kind != "output_changed"]
    told = ", ".join(f"{count:,} {words}" for count, words in counts if count)
    return f"{told or 'no verdict changed'}, of {comparison.compared:,} cases"


def _figures(diff: Diff) -> str:
    old, new = diff.before, diff.after
    was, now = diff.comparison.before, diff.comparison.after
    points = 100 * (now.pass_rate - was.pass_rate)
    latency = (old.p95_ms, new.p95_ms)
    costs = (usd_each(old), usd_each(new))
    rows = [
        ("pass rate", percent(was.pass_rate), percent(now.pass_rate), f"{points:+.1f} points"),
        ("passed", f"{was.passed:,} of {was.total:,}", f"{now.passed:,} of {now.total:,}", ""),
        ("errored", f"{was.errored:,}", f"{now.errored:,}", ""),
        ("cost a question", *map(usd, costs), wording.change(*costs)),
        ("latency p95", *map(milliseconds, latency), wording.change(*latency)),
    ]
    return table(("", *(f"{run.started.workflow}@{run.started.version}" for run in (old, new)), "change"), rows)


def _notes(diff: Diff) -> list[str]:
    comparison = diff.comparison
    notes = []
    if comparison.got_worse:
        notes.append(
            f"**Got worse**: {comparison.lost:,} cases pass less often, {comparison.gained:,} more often "
            f"({p_value(comparison.p)}, exact McNemar)."
        )
    if not diff.same_set:
        notes.append(
            f"The runs are on different eval sets: {len(comparison.only_before):,} cases only before, "
            f"{len(comparison.only_after):,} only after, {len(comparison.edited):,} edited; none of these is compared."
        )
    return notes


def _changes(diff: Diff, kind: Kind, rows: int) -> str:
    changes = diff.comparison.of_kind(kind)
    if not changes:
        return ""
    cells = [_change(diff, found) for found in changes[:rows]]
    return folded(WORDS[kind], ("case", "before", "after", "why"), cells, len(changes), is_open=kind in _OPEN)


def _change(diff: Diff, found: CaseChange) -> tuple[str, ...]:
    before, after = telling(diff.results_before[found.case]), telling(diff.results_after[found.case])
    return (
        _name(diff.cases[found.case], flaky=found.flaky),
        f"{statuses(found.before)}: {_output(before)}",
        f"{statuses(found.after)}: {_output(after)}",
        _why(after),
    )


def _slices(slices: Sequence[SliceChange], rows: int) -> str:
    if not slices:
        return ""
    cells = [_slice_change(found) for found in slices[:rows]]
    return folded("tags that moved", ("tag", "cases", "before", "after", "got worse (Holm)"), cells, len(slices))


def _slice_change(found: SliceChange) -> tuple[str, ...]:
    worse = " **worse**" if found.got_worse else ""
    rates = (percent(found.before), percent(found.after))
    return (code(shown(found.tag)), f"{found.cases:,}", *rates, p_value(found.p) + worse)


def _run_report(run: Run, eval_set: EvalSet, outcomes: Outcomes, results: Results, rows: int) -> str:
    started = run.started
    parts = [
        f"### {started.workflow}@{started.version}: {percent(run.pass_rate)} passed",
        _totals(run),
        _not_passed(eval_set, outcomes, results, rows),
        _rates(slices_of(outcomes), rows),
        _foot(started.id, f"agent-deploy evals show {started.id} --json"),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _totals(run: Run) -> str:
    low, high = run.interval
    cells = (
        f"{run.passed:,} of {run.total:,}", f"{run.failed:,}", f"{run.errored:,}", f"{percent(low)} to {percent(high)}",
        usd(run.cost_usd), milliseconds(run.p95_ms),
    )  # fmt: skip
    return table(("passed", "failed", "errored", "95 % interval", "cost", "latency p95"), [cells])


def _not_passed(eval_set: EvalSet, outcomes: Outcomes, results: Results, rows: int) -> str:
    letters = dict(zip(outcomes.cases, outcomes.status, strict=True))
    cases = [case for case in eval_set.cases if set(letters[case.id]) != {"P"}]
    if not cases:
        return ""
    cells = [_case(case, letters[case.id], telling(results[case.id])) for case in cases[:rows]]
    return folded("not passed", ("case", "", "expected", "output", "why"), cells, len(cases), is_open=True)


def _case(case: Case, letters: str, worst: Result) -> tuple[str, ...]:
    name = _name(case, flaky=verdict_of(letters) == "flaky")
    return name, statuses(letters), code(shown(case.expected, _CELL)), _output(worst), _why(worst)


def _rates(slices: Sequence[Slice], rows: int) -> str:
    if not slices:
        return ""
    ordered = sorted(slices, key=lambda found: (found.pass_rate, found.tag))[:rows]
    cells = [(code(shown(found.tag)), f"{found.cases:,}", percent(found.pass_rate)) for found in ordered]
    return folded("by tag", ("tag", "cases", "passed"), cells, len(slices))


def _name(case: Case, *, flaky: bool) -> str:
    marks = " **critical**" * case.critical + " **flaky**" * flaky
    return f"{code(shown(case.id))}{marks}<br>{code(shown(case.input, _CELL))}"


def _output(result: Result) -> str:
    return code(shown(answered(result), _CELL))


def _why(result: Result) -> str:
    reason = reason_of(result)
    return code(shown(reason, _CELL)) if reason else ""


def _foot(runs: str, command: str) -> str:
    return f"<sub>{runs}; whole outputs: <code>{command}</code></sub>"
