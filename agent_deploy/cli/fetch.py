"""`agent-deploy fetch`."""

from __future__ import annotations

from pathlib import Path

import click

from agent_deploy.cli.options import Settings, example, json_option, pass_settings
from agent_deploy.cli.output import count, emit


@click.command("fetch", epilog=example("agent-deploy fetch support-triage@production ./live"))
@click.argument("ref", metavar="REF")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@json_option
@pass_settings
def command(settings: Settings, ref: str, folder: Path, as_json: bool) -> None:
    """Write a version's files to a folder, verified.

    The folder must be new or empty. Registering it gives the same digest.
    """
    from agent_deploy.operations.fetch import fetch

    version, files = fetch(settings.registry(), ref, folder)
    document = {
        "workflow": version.workflow,
        "version": version.number,
        "tag": version.tag,
        "digest": version.digest,
        "folder": str(folder),
        "files": files,
    }
    emit(as_json, document, lambda: f"wrote {version.ref} ({version.tag}) to {folder}: {count(len(files), 'file')}")
