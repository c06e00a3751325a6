"""`agent-deploy deliver`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from agent_deploy.cli.exit_codes import NOT_DELIVERED
from agent_deploy.cli.options import Settings, example, json_option, pass_settings
from agent_deploy.cli.output import emit, tell_error

if TYPE_CHECKING:
    from registry.models import Release


@click.command("deliver", epilog=example("agent-deploy deliver", "agent-deploy deliver --all   # mends a pointer"))
@click.option("--all", "every", is_flag=True, help="Publish every head again, delivered or not.")
@json_option
@pass_settings
def command(settings: Settings, every: bool, as_json: bool) -> None:
    """Publish releases that are recorded but not delivered.

    Harmless to repeat: a store that points to the head, or to a later one, is left as it is.
    """
    from agent_deploy.operations.deliver import deliver

    done = deliver(settings.registry(), every=every)
    document = {
        "delivered": [_release(release) for release in done.published],
        "failed": [{**_release(release), "error": why} for release, why in done.failed],
    }
    lines = [f"delivered {_words(release)}" for release in done.published]
    nothing = "nothing was delivered" if done.failed else "nothing was left to deliver"
    emit(as_json, document, lambda: "\n".join(lines) or nothing)
    for release, why in done.failed:
        tell_error(f"{_words(release)} is not delivered: {why}", "It stays recorded.", "agent-deploy doctor")
    if done.failed:
        click.get_current_context().exit(NOT_DELIVERED)


def _release(release: Release) -> dict[str, Any]:
    return {
        "workflow": release.workflow,
        "environment": release.environment,
        "generation": release.generation,
        "version": release.version,
    }


def _words(release: Release) -> str:
    return f"{release.workflow}@{release.version} to {release.environment}, generation {release.generation}"
