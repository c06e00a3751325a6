"""`agent-deploy drill pause`."""

from __future__ import annotations

import click

from agent_deploy.cli.options import Settings, actor_option, env_option, example, json_option, pass_settings
from agent_deploy.cli.output import emit, facts, moment


@click.command("pause", epilog=example('agent-deploy drill pause support-triage --reason "launch week"'))
@click.argument("workflow", metavar="WORKFLOW")
@env_option
@click.option("--reason", metavar="TEXT", required=True, help="Why, for the record.")
@actor_option
@json_option
@pass_settings
def command(
    settings: Settings, workflow: str, environment: str | None, reason: str, actor: str | None, as_json: bool
) -> None:
    """Keep drills away from an environment until somebody resumes them.

    A drill under way goes on to its end. A paused drill becomes overdue like any other.
    """
    from agent_deploy.actor import find_actor
    from agent_deploy.operations.drill.pause import pause
    from agent_deploy.wiring import open_registry
    from registry.times import to_text

    config = settings.config()
    environment = config.check_environment(environment or config.default_environment)
    found, made = pause(open_registry(config), workflow, environment, actor=find_actor(actor), reason=reason)
    document = {
        "workflow": workflow, "environment": environment, "paused": True, "changed": made, "by": found.actor,
        "at": to_text(found.at), "reason": found.reason,
    }  # fmt: skip

    def text() -> str:
        if not made:
            return f"{found.actor} paused them already, at {moment(found.at)}: {found.reason}; nothing new was recorded"
        again = f"agent-deploy drill resume {workflow} --env {environment}"
        return f"paused drills of {workflow} in {environment}\n{facts([('by', found.actor), ('resume', again)])}"

    emit(as_json, document, text)
