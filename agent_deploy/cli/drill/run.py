"""`agent-deploy drill run`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from agent_deploy.cli.exit_codes import DRILL_FAILED
from agent_deploy.cli.options import Settings, actor_option, env_option, example, json_option, pass_settings
from agent_deploy.cli.output import emit, facts, moment, short, tell_error

if TYPE_CHECKING:
    from datetime import timedelta

    from drills.models import Drill, DrillPlan, Mode, Phase, Side, Times

_SAID = {
    "succeeded": "the rollback works",
    "failed_verify": "the rollback did not do what it has to do",
    "failed_guard": "a check tripped while the target was live, and the baseline was put back at once",
    "failed_objective": "the rollback works, but too slowly",
    "precheck_failed": "a real rollback would have failed; nothing was moved",
    "blocked": "not now; nothing was moved",
    "interrupted": "it did not come to its end by itself",
    "restore_failed": "THE BASELINE IS NOT BACK",
}


@click.command(
    "run",
    epilog=example(
        "agent-deploy drill run support-triage --mode rehearsal",
        "agent-deploy drill run support-triage --env production --hold-for 5m",
    ),
)
@click.argument("workflow", metavar="WORKFLOW")
@env_option
@click.option(
    "--mode", type=click.Choice(["live", "rehearsal"]), help="Move the environment itself, or a shadow of it."
)
@click.option("--target", metavar="REF", help="Where to go back to; the last known good version if left out.")
@click.option("--hold-for", metavar="SPAN", help="How long the target stays live: 60s, 5m.")
@click.option("--dry-run", is_flag=True, help="Print the plan; touch nothing.")
@actor_option
@json_option
@pass_settings
def command(
    settings: Settings, workflow: str, environment: str | None, mode: Mode | None, target: str | None,
    hold_for: str | None, dry_run: bool, actor: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Roll back on purpose, see who follows, and put everything back.

    Exit 0 when the rollback works, and when a drill is not to be made now (blocked); 8 otherwise. Ctrl-C ends it early;
    the baseline is put back all the same.
    """
    from agent_deploy.actor import find_actor
    from agent_deploy.durations import duration_of
    from agent_deploy.operations.drill.run import plan_for, run_drill
    from agent_deploy.operations.drill.telling import Teller
    from agent_deploy.wiring import open_registry
    from drills.models import drill_document, plan_document
    from drills.stopping import Stopping

    config = settings.config()
    registry, place = open_registry(config), environment or config.default_environment
    span = duration_of(hold_for, "--hold-for") if hold_for is not None else None
    who = find_actor(actor)
    if dry_run:
        plan = plan_for(registry, config, workflow, place, mode=mode, target=target, hold_for=span, actor=who)
        return emit(as_json, {**plan_document(plan), "dry_run": True}, lambda: _plan_text(plan))
    teller = Teller(registry, config)
    drill = run_drill(
        registry, config, workflow, place, mode=mode, target=target, hold_for=span, actor=who, stopping=Stopping(),
        teller=teller,
    )  # fmt: skip
    not_told = [{"channel": one.channel, "why": one.why} for one in teller.failures]
    emit(as_json, {**drill_document(drill), "not_told": not_told}, lambda: _text(drill))
    for failure in teller.failures:
        tell_error(f"could not tell {failure}", "", "")
    if not drill.exit_ok:
        _tell(drill)
        click.get_current_context().exit(DRILL_FAILED)
    return None


def _plan_text(plan: DrillPlan) -> str:
    heading = f"would drill {plan.workflow} in {plan.environment} ({plan.mode}); nothing was touched"
    return f"{click.style(heading, bold=True)}\n{facts(_of_plan(plan))}"


def _of_plan(plan: DrillPlan) -> list[tuple[str, str]]:
    return [
        ("baseline", f"{_side(plan.baseline)}, live now"),
        ("target", f"{_side(plan.target)}: {plan.why_target}"),
        ("moves", plan.place if plan.shadow else ""),
        ("hold for", _span(plan.hold_for)),
        ("reverts by", moment(plan.deadline)),
    ]


def _text(drill: Drill) -> str:
    plan = drill.plan
    heading = f"{plan.id} {drill.outcome}: {_SAID[drill.outcome]}"
    pairs = [
        ("drill", f"{plan.workflow} in {plan.environment} ({plan.mode})"),
        *_of_plan(plan)[:3],
        ("why", drill.error),
        *((phase.name.replace("_", " "), _phase(phase)) for phase in drill.phases),
        ("to rollback", _times(drill.time_to_rollback, drill.objective_ms)),
        ("to restore", _times(drill.time_to_restore, None)),
        ("readers", _readers(drill)),
        ("checks", _checks(drill)),
        ("show", f"agent-deploy drill show {plan.id}"),
    ]
    return f"{click.style(heading, bold=True)}\n{facts(pairs)}"


def _phase(phase: Phase) -> str:
    took = (phase.ended_at - phase.started_at).total_seconds()
    return phase.result if phase.result == "skipped" else f"{phase.result} in {took:.1f} s"


def _side(side: Side) -> str:
    return f"version {side.version} ({side.tag}, {short(side.digest)})"


def _span(length: timedelta) -> str:
    return f"{length.total_seconds():g} s"


def _times(times: Times, objective_ms: float | None) -> str:
    """Empty where nothing was moved."""
    if times.commit is None:
        return ""
    named = (("commit", times.commit), ("first", times.first), ("median", times.p50), ("last", times.last))
    told = ", ".join(f"{name} {value:,.0f} ms" for name, value in named if value is not None)
    return told + (f" (at most {objective_ms:,.0f} ms)" if objective_ms is not None else "")


def _readers(drill: Drill) -> str:
    seen = drill.readers
    if seen is None or drill.time_to_rollback.commit is None:
        return ""
    late = f"; late: {', '.join(seen.late)}" if seen.late else ""
    return f"{seen.current} of {seen.expected} followed{late}"


def _checks(drill: Drill) -> str:
    asked = [*drill.checks, *drill.smoke]
    failed = [check.name for check in asked if not check.ok]
    return f"{len(asked) - len(failed)} of {len(asked)} hold" + (f"; not: {', '.join(failed)}" if failed else "")


def _tell(drill: Drill) -> None:
    """What is wrong, on stderr; nothing is louder than a baseline that is not back."""
    plan = drill.plan
    if drill.outcome == "restore_failed":
        put_back = f"agent-deploy rollback {plan.workflow} --to-version {plan.baseline.version} --env {plan.place}"
        told = f"RESTORE FAILED: {plan.place} is not back at version {plan.baseline.version}: {drill.error}"
        readers = f"Readers that saw the drill go back by themselves at {moment(plan.deadline)}; new ones do as well."
        return tell_error(told, readers, put_back)
    return tell_error(f"drill {drill.outcome}: {drill.error}", "", f"agent-deploy drill show {plan.id}")
