"""How an evaluation is followed while it runs, and told when it is done."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent_deploy.cli.exit_codes import UNEXPECTED
from agent_deploy.cli.output import count, emit, facts, progress, say, short, tell_error

if TYPE_CHECKING:
    from agent_deploy.evals.results import Result
    from agent_deploy.evals.running.progress import Progress
    from agent_deploy.evals.runs import Run
    from agent_deploy.operations.eval_ import Evaluation
    from agent_deploy.operations.evaluating import Talk

UNDER_THE_RATE = 4
_MOST_CASES = 10


def talk() -> Talk:
    """Lines on stderr, and one line of progress on a terminal."""
    from agent_deploy.operations.evaluating import Talk

    return Talk(say, lambda found: progress(progress_line(found)))


@contextmanager
def progress_wiped() -> Iterator[None]:
    """Whatever ends within, no half line of progress is left on the terminal."""
    try:
        yield
    finally:
        progress("")


def progress_line(found: Progress) -> str:
    """`120/300  100 passed  18 failed  2 errored  $0.0312  1:20 left`."""
    from agent_deploy.wording import usd

    told = [f"{found.done}/{found.total}", f"{found.passed} passed", f"{found.failed} failed"]
    told.append(f"{found.errored} errored")
    if found.spent_usd:
        told.append(usd(found.spent_usd))
    if found.left_s is not None:
        told.append(f"{_clock(found.left_s)} left")
    return "  ".join(told)


def _clock(seconds: float) -> str:
    minutes, left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def finish(
    done: Evaluation, error_limit: float, fail_under: float | None, report: str | None, junit: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Print the run, write what was asked for, and end with the exit code that the run calls for."""
    run = done.run
    next_command = _next(done, error_limit)
    if report and not as_json:
        emit(False, {}, lambda: _markdown(done))
    else:
        emit(as_json, evaluation_document(done, next_command), lambda: _text(done, next_command))
    if junit:
        from agent_deploy.evals.reports.junit import junit_xml
        from agent_deploy.operations.writing import told_if_unwritten

        with told_if_unwritten(junit, f"{run.started.id} is on record all the same."):
            junit.write_bytes(junit_xml(run, done.eval_set, done.by_case()))
    if run.error_rate > error_limit:
        errors = f"{run.errored} of {run.total} ended in an error, more than {100 * error_limit:g} % of them"
        tell_error(errors, f"{run.started.id} is on record all the same.", next_command)
        click.get_current_context().exit(UNEXPECTED)
    if fail_under is not None and run.pass_rate < fail_under:
        rate = f"the pass rate {100 * run.pass_rate:.1f} % is under {100 * fail_under:g} %"
        tell_error(rate, "", f"agent-deploy evals show {run.started.id} --failed")
        click.get_current_context().exit(UNDER_THE_RATE)


def evaluation_document(done: Evaluation, next_command: str) -> dict[str, Any]:
    """The run as one JSON object; the baseline's, where it was evaluated too, under `baseline`."""
    from agent_deploy.evals.reports.document import run_document

    results = list(done.results.values())
    document = {
        **run_document(done.run),
        "cached": sum(result.cached for result in results),
        "spent_usd": f"{done.spent_usd:f}",
        "errors": [
            {"message": message, "count": len(cases), "cases": cases[:_MOST_CASES]}
            for message, cases in _errors(results)
        ],
        "notes": list(done.notes),
        "next": next_command,
    }
    if done.baseline:
        document["baseline"] = evaluation_document(done.baseline, "")
    return document


def _next(done: Evaluation, error_limit: float) -> str:
    """What to type now: the same once more where too much went wrong, the baseline's run where it is missing."""
    started = done.run.started
    asked = f"--env {started.environment}"
    if not started.on_record:
        asked += f" --cases {shlex.quote(started.set_path)} --agent {shlex.quote(started.agent)}"
    if done.run.error_rate > error_limit:
        return f"agent-deploy eval {done.version.ref} {asked}"
    if not started.on_record:
        return f"agent-deploy evals show {started.id}"
    if done.missing_baseline:
        return f"agent-deploy eval {done.missing_baseline.ref} {asked}   # the gate compares with it"
    return f"agent-deploy gate {started.workflow} --version {started.version} {asked}"


def _text(done: Evaluation, next_command: str) -> str:
    run = done.run
    heading = click.style(f"{done.version.ref} ({done.version.tag}): {run.passed} of {run.total} passed", bold=True)
    parts = [f"{heading}\n{facts([*_pairs(done), ('next', next_command)])}"]
    results = sorted(done.results.values(), key=lambda result: (result.case, result.repeat))
    parts += [_failed(results), _errored(results)]
    text = "\n\n".join(part for part in parts if part)
    return f"{_text(done.baseline, '')}\n\n{text}" if done.baseline else text


def _pairs(done: Evaluation) -> list[tuple[str, str]]:
    from agent_deploy.wording import milliseconds, percent

    run = done.run
    low, high = run.interval
    latency = f"p50 {milliseconds(run.p50_ms)}, p95 {milliseconds(run.p95_ms)}" if run.p50_ms is not None else ""
    each = f"{count(run.started.cases, 'case')} × {run.started.repeats}" if run.started.repeats > 1 else ""
    return [
        ("run", run.started.id),
        ("pass rate", f"{percent(run.pass_rate)} ({100 * low:.1f} to {percent(high)})"),
        ("failed", f"{run.failed}"),
        ("errored", f"{run.errored}"),
        ("asked", each),
        ("cost", _cost(done)),
        ("tokens", _tokens(run)),
        ("latency", latency),
        ("eval set", f"{run.started.set_path} {short(run.started.set_digest)}"),
        ("resumed", f"{count(run.resumed, 'result')} taken over" if run.resumed else ""),
    ]


def _cost(done: Evaluation) -> str:
    from agent_deploy.wording import usd

    run = done.run
    if run.cost_usd is not None:
        told = usd(run.cost_usd)
    elif run.unpriced:
        told = f"unknown: no price for {', '.join(run.unpriced)}"
    else:
        told = "unknown: the agent says nothing of its model calls"
    cached = sum(result.cached for result in done.results.values())
    judge = run.judge_cost_usd
    return "".join(
        (
            told,
            f", judges {usd(judge)}" if judge is None or judge else "",
            f" ({count(cached, 'answer')} kept from before, not paid again)" if cached else "",
        )
    )


def _tokens(run: Run) -> str:
    usage = run.usage
    if usage is None:
        return ""
    told = f"{usage.input:,} in, {usage.output:,} out"
    further = {"read from cache": usage.cache_read, "written to cache": usage.cache_write, "reasoning": usage.reasoning}
    return told + "".join(f", {number:,} {name}" for name, number in further.items() if number)


def _failed(results: Sequence[Result]) -> str:
    from agent_deploy.evals.reports.wording import reason_of
    from agent_deploy.wording import shown

    reasons: dict[str, str] = {}
    for result in results:
        if result.status == "failed":
            reasons.setdefault(result.case, shown(reason_of(result), 100))
    return _listed("failed", list(reasons.items()))


def _errored(results: Sequence[Result]) -> str:
    from agent_deploy.wording import shown

    lines = []
    for message, cases in _errors(results):
        more = f" and {len(cases) - 1} more" if len(cases) > 1 else ""
        lines.append((f"{len(cases)} ×", f"{shown(message, 100)} ({cases[0]}{more})"))
    return _listed("errored", lines)


def _listed(heading: str, lines: Sequence[tuple[str, str]]) -> str:
    if not lines:
        return ""
    rest = len(lines) - _MOST_CASES
    more = f"\n  … and {rest} more" if rest > 0 else ""
    return f"{heading}\n{facts(lines[:_MOST_CASES])}{more}"


def _errors(results: Sequence[Result]) -> list[tuple[str, list[str]]]:
    """Every error message, the commonest first, with the cases that it befell."""
    counts = Counter(result.error for result in results if result.status == "errored")
    cases: dict[str, list[str]] = {message: [] for message, _ in counts.most_common()}
    for result in results:
        if result.status == "errored":
            cases[result.error].append(result.case)
    return list(cases.items())


def _markdown(done: Evaluation) -> str:
    from agent_deploy.evals.outcomes import outcomes_of
    from agent_deploy.evals.reports.markdown import run_report

    outcomes = outcomes_of(done.eval_set.cases, done.results, done.run.started.repeats)
    return run_report(done.run, done.eval_set, outcomes, done.by_case())
