"""`agent-deploy evals history`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from agent_deploy.cli.options import Settings, example, json_option, pass_settings
from agent_deploy.cli.output import emit, moment, short, table

if TYPE_CHECKING:
    from agent_deploy.evals.runs import Run, RunStarted

_HEADINGS = [
    "RUN", "VERSION", "ORIGIN", "EVAL SET", "CASES", "PASSED", "ERRORED", "COST", "P95", "STARTED", "BY", "TAG",
]  # fmt: skip


@click.command("history", epilog=example("agent-deploy evals history support-triage --limit 5"))
@click.argument("workflow", metavar="WORKFLOW")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, metavar="N", help="How many.")
@json_option
@pass_settings
def command(settings: Settings, workflow: str, limit: int, as_json: bool) -> None:
    """List a workflow's runs, newest first.

    A run that is not complete is running, here or elsewhere, or was stopped; the command that goes on is below it.
    """
    from agent_deploy.operations.evals.history import history

    runs = history(settings.registry(), workflow, limit)
    emit(as_json, {"workflow": workflow, "runs": [_document(run) for run in runs]}, lambda: _text(workflow, runs))


def _document(run: Run | RunStarted) -> dict[str, Any]:
    from agent_deploy.evals.reports.document import run_document, started_document
    from agent_deploy.evals.runs import Run

    if isinstance(run, Run):
        return {**run_document(run), "finished": True, "resume": ""}
    return {**started_document(run), "finished": False, "resume": _resume(run)}


def _text(workflow: str, runs: list[Run | RunStarted]) -> str:
    from agent_deploy.evals.runs import Run

    if not runs:
        return f"no run of {workflow} is on record yet\n  next: agent-deploy eval {workflow}@1"
    open_ = [run for run in runs if not isinstance(run, Run)]
    lines = [f"{run.id} is running, or was stopped{_next(run)}" for run in open_]
    return "\n".join([table(_HEADINGS, [_cells(run) for run in runs]), *lines])


def _next(run: RunStarted) -> str:
    command = _resume(run)
    return f"; to go on: {command}" if command else ""


def _resume(run: RunStarted) -> str:
    """Empty for what asked nobody: a rescoring or an import goes on record whole, or not at all."""
    return f"agent-deploy eval --resume {run.id}" if run.origin in ("eval", "calibrate") else ""


def _cells(run: Run | RunStarted) -> list[str]:
    from agent_deploy.evals.runs import Run

    started = run.started if isinstance(run, Run) else run
    each = f"{started.cases:,}" if started.repeats == 1 else f"{started.cases:,} × {started.repeats}"
    return [
        started.id, str(started.version), started.origin, short(started.set_digest), each,
        *(_figures(run) if isinstance(run, Run) else ("-", "-", "-", "-")), moment(started.started_at), started.actor,
        started.tag,
    ]  # fmt: skip


def _figures(run: Run) -> tuple[str, str, str, str]:
    from agent_deploy.wording import milliseconds, percent, usd

    return percent(run.pass_rate), f"{run.errored:,}", usd(run.cost_usd), milliseconds(run.p95_ms)
