"""`agent-deploy drill resume`."""

from __future__ import annotations

import click

from agent_deploy.cli.options import (
    Settings,
    actor_option,
    env_option,
    example,
    json_option,
    pass_settings,
    reason_option,
)
from agent_deploy.cli.output import emit, moment


@click.command("resume", epilog=example("agent-deploy drill resume support-triage"))
@click.argument("workflow", metavar="WORKFLOW")
@env_option
@reason_option
@actor_option
@json_option
@pass_settings
def command(
    settings: Settings, workflow: str, environment: str | None, reason: str, actor: str | None, as_json: bool
) -> None:
    """Let drills come again after a pause."""
    from agent_deploy.actor import find_actor
    from agent_deploy.operations.drill.pause import resume
    from agent_deploy.wiring import open_registry

    config = settings.config()
    environment = config.check_environment(environment or config.default_environment)
    ended = resume(open_registry(config), workflow, environment, actor=find_actor(actor), reason=reason)
    document = {"workflow": workflow, "environment": environment, "paused": False, "changed": ended is not None}

    def text() -> str:
        if ended is None:
            return f"drills of {workflow} in {environment} are not paused; nothing was recorded"
        return f"resumed drills of {workflow} in {environment}, paused by {ended.actor} since {moment(ended.at)}"

    emit(as_json, document, text)
