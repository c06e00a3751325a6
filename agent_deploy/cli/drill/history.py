"""`agent-deploy drill history`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from agent_deploy.cli.options import Settings, example, json_option, pass_settings
from agent_deploy.cli.output import emit, moment, table

if TYPE_CHECKING:
    from drills.models import Drill

_HEADINGS = [
    "DRILL", "ENVIRONMENT", "MODE", "OUTCOME", "FROM", "TO", "ROLLED BACK IN", "READERS", "ENDED", "BY", "WHY",
]  # fmt: skip


@click.command("history", epilog=example("agent-deploy drill history support-triage --env production --limit 5"))
@click.argument("workflow", metavar="WORKFLOW")
@click.option("--env", "environment", metavar="ENV", help="One environment only; all if left out.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, metavar="N", help="How many.")
@json_option
@pass_settings
def command(settings: Settings, workflow: str, environment: str | None, limit: int, as_json: bool) -> None:
    """List a workflow's drills, newest first."""
    from agent_deploy.operations.drill.history import history
    from drills.models import drill_document

    drills = history(settings.registry(), workflow, environment, limit)
    document = {"workflow": workflow, "drills": [drill_document(drill) for drill in drills]}
    emit(as_json, document, lambda: _text(workflow, environment, drills))


def _text(workflow: str, environment: str | None, drills: list[Drill]) -> str:
    if not drills:
        where = f" --env {environment}" if environment else ""
        return f"no drill of {workflow} is on record yet\n  next: agent-deploy drill run {workflow}{where} --dry-run"
    return table(_HEADINGS, [_cells(drill) for drill in drills])


def _cells(drill: Drill) -> list[str]:
    from drills.report.wording import milliseconds, readers

    plan = drill.plan
    return [
        plan.id, plan.environment, plan.mode, drill.outcome, str(plan.baseline.version), str(plan.target.version),
        milliseconds(drill.time_to_rollback.last or drill.time_to_rollback.commit), readers(drill.readers),
        moment(drill.ended_at), plan.actor, drill.error,
    ]  # fmt: skip
