"""`agent-deploy drill show`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from agent_deploy.cli.options import Settings, example, json_option, pass_settings
from agent_deploy.cli.output import emit, facts, moment, short

if TYPE_CHECKING:
    from agent_deploy.operations.drill.show import ShownDrill

_REPORTS = ("markdown", "html")


@click.command(
    "show",
    epilog=example(
        "agent-deploy drill show drill-3fa2c1d0e9",
        "agent-deploy drill show drill-3fa2c1d0e9 --report html --output drill.html",
    ),
)
@click.argument("drill", metavar="DRILL")
@click.option("--report", type=click.Choice(_REPORTS), help="A page for an auditor instead of text.")
@click.option("--output", metavar="FILE", help="Write the page there; - prints it, as does leaving it out.")
@json_option
@pass_settings
def command(settings: Settings, drill: str, report: str | None, output: str | None, as_json: bool) -> None:
    """Show one drill as it is on record.

    The first digits of its id will do. The record is held to its own hash first; `agent-deploy verify` holds it to the
    whole chain.
    """
    from agent_deploy.cli.evals.writing import write_or_print
    from agent_deploy.operations.drill.show import show

    if output and not report:
        raise click.UsageError("--output takes --report: what is written is the page.")
    if as_json and report and output in (None, "-"):
        raise click.UsageError("Of --report and --json, give one: each prints to stdout.")
    shown = show(settings.registry(), drill)
    if report:
        write_or_print(output or "-", _page(shown, report))
    if as_json or not report:
        emit(as_json, _document(shown), lambda: _text(shown))


def _page(shown: ShownDrill, form: str) -> str:
    from drills.report.html import html
    from drills.report.markdown import markdown
    from drills.report.page import page_of

    page = page_of(shown.drill, shown.record, shown.earlier)
    return html(page) if form == "html" else markdown(page)


def _document(shown: ShownDrill) -> dict[str, Any]:
    """The record's body as stored, and beside it the rest of the record: what its hash is computed over."""
    from registry.times import to_text

    record = shown.record
    return {
        **record.body,
        "evidence": {
            "workflow": record.workflow,
            "number": record.number,
            "kind": record.kind,
            "subject": record.subject,
            "version": record.version,
            "digest": record.digest,
            "environment": record.environment,
            "blobs": list(record.blobs),
            "actor": record.actor,
            "recorded_at": to_text(record.recorded_at),
            "previous_hash": record.previous_hash,
            "hash": record.hash,
        },
    }


def _text(shown: ShownDrill) -> str:
    from drills.report.wording import OUTCOMES, milliseconds, readers, side, span

    drill, plan = shown.drill, shown.drill.plan
    times, back = drill.time_to_rollback, drill.time_to_restore
    objective = "" if drill.objective_ms is None else f", objective {milliseconds(drill.objective_ms)}"
    failed = [check.name for check in (*drill.smoke, *drill.checks) if not check.ok]
    asked = len(drill.smoke) + len(drill.checks)
    pairs = [
        ("outcome", f"{drill.outcome}: {OUTCOMES[drill.outcome]}"),
        ("why", drill.error),
        ("where", f"{plan.workflow} in {plan.environment}, {plan.mode}"),
        ("from", side(plan.baseline)),
        ("to", f"{side(plan.target)}, {plan.why_target}"),
        ("rolled back", f"last reader {milliseconds(times.last)}, commit {milliseconds(times.commit)}{objective}"),
        ("restored", f"last reader {milliseconds(back.last)}, commit {milliseconds(back.commit)}"),
        ("readers", readers(drill.readers)),
        ("checks", f"{asked - len(failed)} of {asked} hold{'; not: ' + ', '.join(failed) if failed else ''}"),
        ("by", f"{plan.actor} ({plan.trigger})"),
        ("ended", moment(drill.ended_at)),
        ("record", f"evidence {shown.record.number}, {short(shown.record.hash)}"),
        ("page", f"agent-deploy drill show {plan.id} --report html --output {plan.id}.html"),
    ]
    took = [
        (phase.name.replace("_", " "), f"{phase.result}, {span(phase.ended_at - phase.started_at)}")
        for phase in drill.phases
    ]
    return f"{plan.id}\n{facts(pairs)}\nphases\n{facts(took)}"
