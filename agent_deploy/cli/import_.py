"""`agent-deploy import`."""

from __future__ import annotations

from pathlib import Path

import click

from agent_deploy.cli.options import Settings, actor_option, example, json_option, pass_settings
from agent_deploy.cli.output import emit


@click.command("import", epilog=example("agent-deploy import ./support-triage-42"))
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--tag", metavar="X.Y.Z", help="Another tag than the layout's, where that one is too low here.")
@actor_option
@json_option
@pass_settings
def command(settings: Settings, folder: Path, tag: str | None, actor: str | None, as_json: bool) -> None:
    """Register a version from an OCI image layout.

    Digest and tag are the layout's; the number is this registry's next.
    """
    from agent_deploy.actor import find_actor
    from agent_deploy.cli.register import document, next_command, text
    from agent_deploy.operations.import_ import import_

    done = import_(settings.registry(create=True), folder, actor=find_actor(actor), tag=tag)
    emit(as_json, document(done), lambda: text(done, next_command(settings.config(), done)))
