"""`agent-deploy approve`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
from agent_deploy.cli.output import emit, facts, moment, short

if TYPE_CHECKING:
    from agent_deploy.operations.approve import Approved


@click.command(
    "approve",
    epilog=example(
        'agent-deploy approve support-triage --version 42 --env production --reason "read the changed cases"'
    ),
)
@click.argument("workflow", metavar="WORKFLOW")
@click.option("--version", metavar="REF", required=True, help="42, 1.4.0, sha256:…, or an environment.")
@env_option
@reason_option
@actor_option
@json_option
@pass_settings
def command(
    settings: Settings, workflow: str, version: str, environment: str | None, reason: str, actor: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Put on record that you approve a version for an environment.

    A gate with require_approvals counts each person once, and never the one who registered the version.
    """
    from agent_deploy.actor import find_actor
    from agent_deploy.operations.approve import approve

    config = settings.config()
    environment = config.check_environment(environment or config.default_environment)
    done = approve(settings.registry(), workflow, version, environment, actor=find_actor(actor), reason=reason)
    emit(as_json, _document(done), lambda: _text(done))


def _document(done: Approved) -> dict[str, Any]:
    from registry.times import to_text

    return {
        "workflow": done.version.workflow,
        "version": done.version.number,
        "digest": done.version.digest,
        "environment": done.environment,
        "created": done.created,
        "actor": done.approval.actor,
        "approved_at": to_text(done.approval.recorded_at),
        "reason": done.approval.body["reason"],
        "approvers": list(done.approvers),
    }


def _text(done: Approved) -> str:
    version, by = done.version, done.approval.actor
    if not done.created:
        at = moment(done.approval.recorded_at)
        return f"{by} approved {version.ref} for {done.environment} already, at {at}; nothing new was recorded"
    pairs = [
        ("digest", short(version.digest)),
        ("approved by", ", ".join(done.approvers)),
        ("next", f"agent-deploy gate {version.workflow} --version {version.number} --env {done.environment}"),
    ]
    return f"approved {version.ref} ({version.tag}) for {done.environment}\n{facts(pairs)}"
