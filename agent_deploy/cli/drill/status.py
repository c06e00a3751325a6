"""`agent-deploy drill status`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from agent_deploy.cli.exit_codes import DAMAGED, DRILL_FAILED
from agent_deploy.cli.options import Settings, example, json_option, pass_settings
from agent_deploy.cli.output import emit, moment, say, table, tell_error

if TYPE_CHECKING:
    from agent_deploy.operations.drill.status import DrillStatus
    from drills.models import Drill

_HEADINGS = ["WORKFLOW", "ENVIRONMENT", "MODE", "LAST SUCCESS", "LAST DRILL", "IN A ROW", "OVERDUE", "NEXT", "NOTES"]


@click.command(
    "status", epilog=example("agent-deploy drill status", "agent-deploy drill status support-triage --fail-if-overdue")
)
@click.argument("workflow", metavar="[WORKFLOW]", required=False)
@click.option("--env", "environment", metavar="ENV", help="One environment only; all if left out.")
@click.option("--fail-if-overdue", is_flag=True, help="Exit 8 when a drill is overdue anywhere.")
@json_option
@pass_settings
def command(
    settings: Settings, workflow: str | None, environment: str | None, fail_if_overdue: bool, as_json: bool
) -> None:
    """Show how environments stand with their drills.

    Overdue is told from the records alone: the time runs from the last drill that succeeded, or, before the first one,
    from when something went live. Where a record was edited nothing can be told; the others are shown, and it exits 7.
    """
    from agent_deploy.operations.drill.status import drill_status
    from agent_deploy.wiring import open_registry

    config = settings.config()
    found = drill_status(open_registry(config), config, workflow, environment)
    overdue, damaged = [one for one in found if one.overdue_since], [one for one in found if one.damage]
    emit(as_json, {"drills": [document(one) for one in found], "overdue": len(overdue)}, lambda: _text(found))
    for status in overdue:
        tell_error(overdue_words(status), "", f"agent-deploy drill run {status.workflow} --env {status.environment}")
    for status in damaged:
        _tell_damaged(status)
    if damaged or (overdue and fail_if_overdue):
        click.get_current_context().exit(DAMAGED if damaged else DRILL_FAILED)


def document(status: DrillStatus) -> dict[str, Any]:
    """One environment as JSON, as `status --json` shows it too."""
    standing, pause, running = status.standing, status.pause, status.running
    return {
        "workflow": status.workflow,
        "environment": status.environment,
        "mode": status.policy.mode,
        "scheduled": status.policy.scheduled,
        "last_success": _drill(standing.last_success),
        "last": _drill(standing.last),
        "succeeded_in_a_row": standing.succeeded_in_a_row,
        "failed_in_a_row": standing.failed_in_a_row,
        "blocked_in_a_row": standing.blocked_in_a_row,
        "overdue": status.overdue_since is not None,
        "overdue_from": _moment(standing.overdue_from),
        "next": {"at": _moment(status.next_at), "why": status.next_why} if status.next_why else None,
        "paused": {"by": pause.actor, "at": _moment(pause.at), "reason": pause.reason} if pause else None,
        "running": {"drill": running.drill, "phase": running.phase, "lease_until": _moment(running.lease_until)}
        if running
        else None,
        "damaged": status.damage.message if status.damage else "",
    }


def overdue_words(status: DrillStatus) -> str:
    """That a drill is overdue, since when, and what is known of the last one."""
    standing = status.standing
    assert standing.overdue_from is not None  # noqa: S101  (only of what is overdue)
    last = "none ever succeeded"
    if standing.last_success:
        last = f"the last success was {standing.last_success.plan.id}, {moment(standing.last_success.ended_at)}"
    since = moment(standing.overdue_from)
    return f"the drill of {status.workflow} in {status.environment} is overdue since {since}: {last}"


def _tell_damaged(status: DrillStatus) -> None:
    assert status.damage is not None  # noqa: S101  (only of what is damaged)
    place = f"{status.workflow} in {status.environment}"
    told = f"how {place} stands with its drills cannot be told: {status.damage.message}"
    tell_error(told, status.damage.unchanged, status.damage.next_command)


def _text(found: list[DrillStatus]) -> str:
    if not found:
        say("Something has to be live in an environment with a table [environments.<name>.drill].")
        return "no environment has a drill policy"
    return table(_HEADINGS, [_cells(status) for status in found])


def _cells(status: DrillStatus) -> list[str]:
    standing = status.standing
    last, success, none = standing.last, standing.last_success, "unknown" if status.damage else ""
    notes = [
        f"{status.running.drill} is in phase {status.running.phase}" if status.running else "",
        status.pause.words if status.pause else "",
        "" if status.policy.scheduled else "not scheduled",
        "a record was edited" if status.damage else "",
    ]
    return [
        status.workflow, status.environment, status.policy.mode,
        moment(success.ended_at) if success else none or "never",
        f"{last.outcome}, {moment(last.ended_at)}" if last else none or "none",
        _in_a_row(status), _overdue(status), _next(status), "; ".join(filter(None, notes)),
    ]  # fmt: skip


def _in_a_row(status: DrillStatus) -> str:
    standing = status.standing
    counts = (
        (standing.succeeded_in_a_row, "succeeded"), (standing.failed_in_a_row, "failed"),
        (standing.blocked_in_a_row, "blocked"),
    )  # fmt: skip
    return ", ".join(f"{number} {word}" for number, word in counts if number) or "-"


def _overdue(status: DrillStatus) -> str:
    if status.standing.overdue_from is None:
        return "-"
    when = moment(status.standing.overdue_from)
    return f"SINCE {when}" if status.overdue_since else f"from {when}"


def _next(status: DrillStatus) -> str:
    if status.next_at:
        return moment(status.next_at)
    return "-" if status.damage else status.next_why or "-"


def _drill(drill: Drill | None) -> dict[str, Any] | None:
    if drill is None:
        return None
    return {
        "drill": drill.plan.id, "outcome": drill.outcome, "mode": drill.plan.mode, "ended_at": _moment(drill.ended_at),
    }  # fmt: skip


def _moment(at: Any) -> str | None:
    from registry.times import to_text

    return None if at is None else to_text(at)
