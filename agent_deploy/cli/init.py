"""`agent-deploy init`."""

from __future__ import annotations

from pathlib import Path

import click

from agent_deploy.cli.options import Settings, example, json_option, pass_settings
from agent_deploy.cli.output import emit


@click.command("init", epilog=example("agent-deploy init", "agent-deploy register support-triage"))
@json_option
@pass_settings
def command(settings: Settings, as_json: bool) -> None:
    """Write a commented agent-deploy.toml and an example workflow.

    Nothing is overwritten. With --store s3://… before the command's name, the endpoint is first proved to honour
    conditional writes, and refused if it does not.
    """
    from agent_deploy.operations.init import init

    written = init(Path(), database=settings.database, store=settings.store)
    emit(as_json, {"written": written}, lambda: "\n".join([*(f"wrote {path}" for path in written), "", _NEXT]))


_NEXT = "next: agent-deploy register support-triage"
