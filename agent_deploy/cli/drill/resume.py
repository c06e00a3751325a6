"""`agent-deploy drill resume`."""

from __future__ import annotations

from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from agent_deploy.operations.drill.pause import Resumed


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
    """Let drills come again after a pause.

    Also behind a dead drill that nobody can finish. A dead drill is finished by whatever command comes next, from its
    lease or from its intent on record. Where neither can be read, that command says so; this one gives the drill up,
    and leaves what is live as it is.
    """
    from agent_deploy.actor import find_actor
    from agent_deploy.operations.drill.pause import resume
    from agent_deploy.wiring import open_registry

    config = settings.config()
    environment = config.check_environment(environment or config.default_environment)
    done = resume(open_registry(config), workflow, environment, actor=find_actor(actor), reason=reason)
    document = {
        "workflow": workflow,
        "environment": environment,
        "paused": False,
        "changed": bool(done.pause or done.dropped),
        "dropped": list(done.dropped),
    }
    emit(as_json, document, lambda: _text(done, workflow, environment))


def _text(done: Resumed, workflow: str, environment: str) -> str:
    place = f"{workflow} in {environment}"
    lines = [
        f"gave up {drill}; what it left is for you to judge: agent-deploy status {workflow}" for drill in done.dropped
    ]
    if done.pause:
        lines.append(f"resumed drills of {place}, paused by {done.pause.actor} since {moment(done.pause.at)}")
    return "\n".join(lines) or f"drills of {place} are not paused; nothing was recorded"
