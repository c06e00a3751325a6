"""`agent-deploy export`."""

from __future__ import annotations

from pathlib import Path

import click

from agent_deploy.cli.options import Settings, example, json_option, pass_settings
from agent_deploy.cli.output import emit, facts


@click.command("export", epilog=example("agent-deploy export support-triage@42 --to ./support-triage-42"))
@click.argument("ref", metavar="REF")
@click.option(
    "--to", "folder", metavar="DIR", required=True, type=click.Path(path_type=Path), help="A new or empty folder."
)
@json_option
@pass_settings
def command(settings: Settings, ref: str, folder: Path, as_json: bool) -> None:
    """Write a version as an OCI image layout.

    The manifest's digest is the version's, so that standard tools can copy, sign and scan it.
    """
    from agent_deploy.operations.export import export

    version = export(settings.registry(), ref, folder)
    document = {
        "workflow": version.workflow,
        "version": version.number,
        "tag": version.tag,
        "digest": version.digest,
        "folder": str(folder),
    }
    pairs = [("digest", version.digest), ("copy", f"skopeo copy oci:{folder}:{version.tag} oci:ELSEWHERE")]
    emit(as_json, document, lambda: f"exported {version.ref} ({version.tag}) to {folder}\n{facts(pairs)}")
