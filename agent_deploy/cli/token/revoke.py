"""`agent-deploy token revoke`."""

from __future__ import annotations

import click

from agent_deploy.cli.options import Settings, actor_option, example, json_option, pass_settings
from agent_deploy.cli.output import emit, moment
from agent_deploy.cli.token.showing import document


@click.command("revoke", epilog=example("agent-deploy token revoke tok-3fa2c1d0e9"))
@click.argument("token_id", metavar="TOKEN")
@actor_option
@json_option
@pass_settings
def command(settings: Settings, token_id: str, actor: str | None, as_json: bool) -> None:
    """Make a bearer token good no longer.

    TOKEN is its id, as `agent-deploy token list` shows it. Servers know of it within five seconds; that it was made,
    and who revoked it when, stays on record.
    """
    from agent_deploy.actor import find_actor
    from agent_deploy.operations.token.revoke import revoke

    token = revoke(settings.registry(), token_id, actor=find_actor(actor))
    revoked = moment(token.revoked_at) if token.revoked_at else ""
    emit(as_json, document(token), lambda: f"{token.id} was revoked {revoked} by {token.revoked_by}")
