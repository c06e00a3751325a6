"""`agent-deploy list`."""

from __future__ import annotations

import click

from agent_deploy.cli.options import Settings, example, json_option, pass_settings
from agent_deploy.cli.output import emit, moment, short, table


@click.command("list", epilog=example("agent-deploy list", "agent-deploy list support-triage"))
@click.argument("workflow", metavar="[WORKFLOW]", required=False)
@json_option
@pass_settings
def command(settings: Settings, workflow: str | None, as_json: bool) -> None:
    """List workflows, or one workflow's versions."""
    from agent_deploy.operations.list_ import list_newest, list_versions_of
    from registry.times import to_text

    registry = settings.registry()
    listed = list_versions_of(registry, workflow) if workflow else list_newest(registry)
    rows = [
        {
            "workflow": item.version.workflow,
            "version": item.version.number,
            "tag": item.version.tag,
            "digest": item.version.digest,
            "live_in": list(item.live_in),
            "registered_at": to_text(item.version.created_at),
            "actor": item.version.actor,
            "note": item.version.note,
        }
        for item in listed
    ]
    cells = [
        [
            item.version.workflow, str(item.version.number), item.version.tag, short(item.version.digest),
            ", ".join(item.live_in) or "-", moment(item.version.created_at), item.version.actor, item.version.note,
        ]
        for item in listed
    ]  # fmt: skip
    headings = ["WORKFLOW", "VERSION", "TAG", "DIGEST", "LIVE IN", "REGISTERED", "BY", "NOTE"]
    key = "versions" if workflow else "workflows"
    emit(as_json, {key: rows}, lambda: table(headings, cells) if cells else "no workflow is registered yet")
