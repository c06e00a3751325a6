"""What changed between two runs as text for people."""

from __future__ import annotations

import click

from agent_deploy.cli.output import count, facts, short, table
from agent_deploy.evals.comparing import WORDS, CaseChange, Diff, Kind
from agent_deploy.evals.reports.wording import answered, reason_of, statuses, telling, usd_each
from agent_deploy.evals.runs import Run
from agent_deploy.wording import change, milliseconds, p_value, percent, shown, usd

_COLOURS: dict[Kind, str] = {
    "pass_to_fail": "red",
    "to_errored": "red",
    "fail_to_pass": "green",
    "from_errored": "green",
    "flaky": "yellow",
    "output_changed": "cyan",
}


def diff_text(found: Diff, limit: int) -> str:
    """Both runs, their figures, the changed cases (so many of each kind), and pass rates by tag."""
    parts = [_heading(found), *(_changes(found, kind, limit) for kind in WORDS), _slices(found)]
    return "\n\n".join(part for part in parts if part)


def _heading(found: Diff) -> str:
    comparison, old, new = found.comparison, found.before, found.after
    was, now = comparison.before, comparison.after
    costs = (usd_each(old), usd_each(new))
    pairs = [
        ("eval set", _sets(found)),
        ("compared", f"{count(comparison.compared, 'case')}, {comparison.unchanged:,} unchanged"),
        ("pass rate", f"{percent(was.pass_rate)} → {percent(now.pass_rate)}"),
        ("errored", f"{was.errored:,} → {now.errored:,}" if was.errored or now.errored else ""),
        ("cost each", _moved(usd(costs[0]), usd(costs[1]), change(*costs))),
        ("p95", _moved(milliseconds(old.p95_ms), milliseconds(new.p95_ms), change(old.p95_ms, new.p95_ms))),
        ("worse?", _worse(found)),
    ]
    return f"{_name(old)} → {_name(new)}\n{facts(pairs)}"


def _name(run: Run) -> str:
    return f"{run.started.workflow}@{run.started.version} ({run.started.id})"


def _moved(before: str, after: str, change: str) -> str:
    return f"{before} → {after}" + (f" ({change})" if change else "")


def _sets(found: Diff) -> str:
    old, new = found.before.started, found.after.started
    if found.same_set:
        return f"{new.set_path} {short(new.set_digest)}"
    comparison = found.comparison
    return (
        f"{short(old.set_digest)} and {short(new.set_digest)} differ: {len(comparison.only_before):,} only before, "
        f"{len(comparison.only_after):,} only after, {len(comparison.edited):,} edited; these are not compared"
    )


def _worse(found: Diff) -> str:
    comparison = found.comparison
    if not comparison.lost and not comparison.gained:
        return ""
    moved = f"{comparison.lost:,} lost, {comparison.gained:,} gained, {p_value(comparison.p)}"
    return f"yes: {moved}" if comparison.got_worse else f"not more than by chance: {moved}"


def _changes(found: Diff, kind: Kind, limit: int) -> str:
    changes = found.comparison.of_kind(kind)
    if not changes:
        return ""
    title = click.style(f"{WORDS[kind]}: {len(changes):,}", fg=_COLOURS[kind], bold=True)
    shown_ = [_change(found, one) for one in changes[:limit]]
    more = [f"… and {len(changes) - limit:,} more: --limit, or --json for all"] if len(changes) > limit else []
    return "\n".join([title, *shown_, *more])


def _change(found: Diff, one: CaseChange) -> str:
    before, after = telling(found.results_before[one.case]), telling(found.results_after[one.case])
    case = found.cases[one.case]
    told = [mark for mark, there in (("critical", one.critical), ("flaky", one.flaky)) if there]
    if one.tags:
        told.append(f"[{shown(', '.join(one.tags))}]")
    pairs = [
        ("  input", shown(case.input)),
        ("  expected", "" if case.expected is None else shown(case.expected)),
        ("  before", f"{statuses(one.before)}: {shown(answered(before))}"),
        ("  after", f"{statuses(one.after)}: {shown(answered(after))}"),
        ("  why", shown(reason_of(after)) if reason_of(after) else ""),
    ]
    return f"  {click.style(shown(one.case), bold=True)}  {'  '.join(told)}".rstrip() + f"\n{facts(pairs)}"


def _slices(found: Diff) -> str:
    rows = [
        [
            slice_.tag, f"{slice_.cases:,}", percent(slice_.before), percent(slice_.after),
            p_value(slice_.p) + (" worse" if slice_.got_worse else ""),
        ]
        for slice_ in found.comparison.moved_slices
    ]  # fmt: skip
    return table(["TAG", "CASES", "BEFORE", "AFTER", "GOT WORSE (HOLM)"], rows) if rows else ""
