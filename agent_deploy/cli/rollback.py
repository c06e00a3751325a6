"""`agent-deploy rollback`."""

from __future__ import annotations

import click

from agent_deploy.cli.options import Settings, example, move_options, pass_settings


@click.command(
    "rollback",
    epilog=example(
        "agent-deploy rollback support-triage",
        'agent-deploy rollback support-triage --to-version 42 --reason "misroutes refunds"',
    ),
)
@click.argument("workflow", metavar="WORKFLOW")
@click.option("--to-version", metavar="REF", help="42, 1.4.0 or sha256:…; the one live before, if left out.")
@click.option("--force", is_flag=True, help="Go to a version that was never live there.")
@move_options
@pass_settings
def command(
    settings: Settings, workflow: str, to_version: str | None, force: bool, environment: str | None, reason: str,
    dry_run: bool, expect_generation: int | None, wait_s: float | None, actor: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Go back to a version that was live before.

    Without --to-version: the last version live before the current one that is not on hold. The version left goes on
    hold. Nothing is waited for but database and store.
    """
    from agent_deploy.actor import find_actor
    from agent_deploy.cli.moves import finish
    from agent_deploy.cli.telling import told
    from agent_deploy.operations.rollback import rollback
    from agent_deploy.wiring import open_registry

    config = settings.config()
    registry = open_registry(config)
    move = rollback(
        registry, workflow, environment or config.default_environment, actor=find_actor(actor), to_version=to_version,
        reason=reason, dry_run=dry_run, force=force, expect_generation=expect_generation,
    )  # fmt: skip
    with told(config, move):
        finish(registry, move, wait_s, as_json)
