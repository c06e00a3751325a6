"""`agent-deploy promote`."""

from __future__ import annotations

import click

from agent_deploy.cli.options import Settings, example, move_options, pass_settings


@click.command(
    "promote",
    epilog=example(
        "agent-deploy promote support-triage --version 42",
        "agent-deploy promote support-triage --version staging --env production --wait 30",
    ),
)
@click.argument("workflow", metavar="WORKFLOW")
@click.option(
    "--version", metavar="REF", required=True, help="42, 1.4.0, sha256:…, or an environment: what is live there."
)
@click.option("--override-gate", is_flag=True, help="Promote whatever the gate says; takes --reason, and is recorded.")
@click.option("--override-hold", is_flag=True, help="Promote a version that was rolled back from; lifts its hold.")
@move_options
@pass_settings
def command(
    settings: Settings, workflow: str, version: str, override_gate: bool, override_hold: bool,
    environment: str | None, reason: str, dry_run: bool, expect_generation: int | None, wait_s: float | None,
    actor: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Make a version live in an environment.

    Its blobs are verified first; then one transaction asks the gate and records the release, and the pointer is
    published to readers. Without evidence that the gate accepts, nothing moves.
    """
    from agent_deploy.actor import find_actor
    from agent_deploy.cli.gates import refusal_told
    from agent_deploy.cli.moves import finish
    from agent_deploy.cli.telling import told
    from agent_deploy.operations.promote import promote
    from agent_deploy.wiring import gate_policy, open_registry

    config = settings.config()
    environment = config.check_environment(environment or config.default_environment)
    registry = open_registry(config)
    policy = gate_policy(config, workflow, environment)
    with refusal_told(as_json):
        move = promote(
            registry, workflow, version, environment, actor=find_actor(actor), reason=reason, dry_run=dry_run,
            override_hold=override_hold, expect_generation=expect_generation, policy=policy,
            override_gate=override_gate, config=config,
        )  # fmt: skip
    expected = None
    if dry_run:
        from agent_deploy.operations.live_cost import expected_cost

        expected = expected_cost(registry, move.plan)
    with told(config, move):
        finish(registry, move, wait_s, as_json, expected)
