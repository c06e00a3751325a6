"""`agent-deploy drill tick`."""

from __future__ import annotations

import gc
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from agent_deploy.cli.exit_codes import DAMAGED, DRILL_FAILED
from agent_deploy.cli.options import Settings, actor_option, example, json_option, pass_settings
from agent_deploy.cli.output import count, emit, moment, tell_error

if TYPE_CHECKING:
    from agent_deploy.operations.drill.due import Look
    from agent_deploy.operations.drill.tick import Ran, Tick
    from drills.models import Drill


@click.command("tick", epilog=example("agent-deploy drill tick", "agent-deploy drill schedule --print cron"))
@actor_option
@json_option
@pass_settings
def command(settings: Settings, actor: str | None, as_json: bool) -> None:
    """Run the drills that are due, and recover those that died.

    For a scheduler, hourly. Harmless to repeat and to run anywhere: at most one drill a workflow, environment and ISO
    week completes. One that was blocked or failed is tried again, later within its window. Exit 0 when nothing was due
    or all went well, 8 when a drill failed, else 7 when a record was edited, so that nobody can tell what is due there.
    """
    gc.disable()  # what is imported stays: looking it through again and again takes a tenth of an idle tick
    from agent_deploy.actor import find_actor
    from agent_deploy.operations.drill.tick import scheduled_tick
    from agent_deploy.wiring import open_registry
    from drills.stopping import Stopping

    config, stopping = settings.config(), Stopping()
    registry = open_registry(config)
    gc.freeze()
    gc.enable()
    done = scheduled_tick(
        registry, config, actor=find_actor(actor), stop=lambda: bool(stopping.asked), stopping=stopping
    )
    emit(as_json, document(done) if as_json else {}, lambda: text(done))
    tell(done)
    if done.failed or done.damaged:
        click.get_current_context().exit(DRILL_FAILED if done.failed else DAMAGED)


def document(tick: Tick) -> dict[str, Any]:
    """A tick as JSON."""
    return {
        "at": _moment(tick.at),
        "recovered": [_recovered(drill) for drill in tick.recovered],
        "ran": [_ran(one) for one in tick.ran],
        "overdue": [_overdue(one) for one in tick.overdue],
        "damaged": [_damaged(one) for one in tick.damaged],
        "places": [_place(one) for one in tick.looks],
        "not_told": [{"channel": one.channel, "why": one.why} for one in tick.not_told],
    }


def text(tick: Tick) -> str:
    """A line for every drill that was run or recovered; without one, when the next is due."""
    lines = [f"recovered {drill.plan.id}: {_where(drill.plan)}, {drill.outcome}" for drill in tick.recovered]
    lines += [f"{one.drill} {one.outcome}: {_where(one)}, {one.week}{_again(one)}" for one in tick.ran]
    return "\n".join(lines) or _nothing(tick)


def tell(tick: Tick) -> None:
    """What is wrong, on stderr."""
    for one in tick.ran:
        if one.failed:
            tell_error(
                f"{one.drill} {one.outcome}: {_where(one)}: {one.error}", "", f"agent-deploy drill show {one.drill}"
            )
    for drill in tick.recovered:
        told = f"{drill.plan.id} {drill.outcome}: {_where(drill.plan)}: {drill.error}"
        tell_error(told, "", f"agent-deploy drill show {drill.plan.id}")
    for look in tick.overdue:
        assert look.overdue_since is not None  # noqa: S101  (that is what `overdue` is)
        told = f"the drill of {_where(look)} is overdue since {moment(look.overdue_since)}"
        tell_error(told, "", f"agent-deploy drill status {look.workflow} --env {look.environment}")
    for look in tick.damaged:
        assert look.damage is not None  # noqa: S101  (that is what `damaged` is)
        told = f"no drill of {_where(look)} can be planned: {look.damage.message}"
        tell_error(told, look.damage.unchanged, look.damage.next_command)
    for failure in tick.not_told:
        tell_error(f"could not tell {failure}", "", "")


def _where(of: Any) -> str:
    return f"{of.workflow} in {of.environment}"


def _again(ran: Ran) -> str:
    return f"; again from {moment(ran.retry_at)}" if ran.retry_at else ""


def _nothing(tick: Tick) -> str:
    if not tick.looks:
        return "no drills are scheduled: give an environment a [environments.ENV.drill] table"
    coming = sorted(((one.decision.at, one) for one in tick.looks if one.decision.at), key=lambda pair: pair[0])
    behind = [one for one in tick.looks if one.decision.state in ("behind", "damaged")]
    line = f"nothing is due in {count(len(tick.looks), 'place')}"
    if behind:
        return f"{line}; {_where(behind[0])}: {behind[0].decision.why}"
    return f"{line}; next {_where(coming[0][1])}, {moment(coming[0][0])}" if coming else line


def _recovered(drill: Drill) -> dict[str, Any]:
    plan = drill.plan
    return {
        "drill": plan.id,
        "workflow": plan.workflow,
        "environment": plan.environment,
        "outcome": drill.outcome,
        "error": drill.error,
    }


def _ran(ran: Ran) -> dict[str, Any]:
    return {
        "drill": ran.drill,
        "workflow": ran.workflow,
        "environment": ran.environment,
        "week": ran.week,
        "outcome": ran.outcome,
        "error": ran.error,
        "retry_at": _moment(ran.retry_at),
    }


def _overdue(look: Look) -> dict[str, Any]:
    last = look.last_success
    return {
        "workflow": look.workflow,
        "environment": look.environment,
        "since": _moment(look.overdue_since),
        "last_success": {"drill": last.plan.id, "ended_at": _moment(last.ended_at)} if last else None,
    }


def _damaged(look: Look) -> dict[str, Any]:
    return {
        "workflow": look.workflow,
        "environment": look.environment,
        "why": look.decision.why,
        "next_command": look.damage.next_command if look.damage else "",
    }


def _place(look: Look) -> dict[str, Any]:
    decision = look.decision
    return {
        "workflow": look.workflow,
        "environment": look.environment,
        "state": decision.state,
        "week": decision.week,
        "next_at": _moment(decision.at),
        "why": decision.why,
    }


def _moment(at: datetime | None) -> str | None:
    from registry.times import to_text

    return None if at is None else to_text(at)
