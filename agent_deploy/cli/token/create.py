"""`agent-deploy token create`."""

from __future__ import annotations

from datetime import timedelta

import click

from agent_deploy.cli.options import Settings, actor_option, example, json_option, pass_settings
from agent_deploy.cli.output import emit, moment, say
from agent_deploy.cli.token.showing import document


@click.command(
    "create",
    epilog=example(
        "agent-deploy token create --scope ingest --name support-desk --expires 90d",
        'export OTEL_EXPORTER_OTLP_HEADERS="Authorization=Bearer%20$(agent-deploy token create --scope ingest)"',
    ),
)
@click.option(
    "--scope", type=click.Choice(["ingest", "metrics"]), required=True,
    help="ingest: send traces. metrics: read /metrics where it is not on loopback.",
)  # fmt: skip
@click.option("--name", metavar="NAME", default="", help="Whose it is, to know it by.")
@click.option("--expires", metavar="SPAN", help="Good for so long: 90d, 24h. Else until it is revoked.")
@actor_option
@json_option
@pass_settings
def command(settings: Settings, scope: str, name: str, expires: str | None, actor: str | None, as_json: bool) -> None:
    """Make a bearer token, and show it once.

    It alone goes to stdout. Only its SHA-256 is stored: it cannot be shown again.
    """
    from agent_deploy.actor import find_actor
    from agent_deploy.operations.token.create import create

    expires_in = _span(expires)
    token, written = create(
        settings.registry(create=True), scope, actor=find_actor(actor), name=name, expires_in=expires_in
    )
    if not as_json:
        until = f"until {moment(token.expires_at)}" if token.expires_at else "until it is revoked"
        say(f"{token.id}, for {scope}, good {until}. Keep it now: it is not shown again.")
    emit(as_json, {**document(token), "token": written}, lambda: written)


def _span(expires: str | None) -> timedelta | None:
    if expires is None:
        return None
    from agent_deploy.durations import duration_of

    return duration_of(expires, "--expires")
