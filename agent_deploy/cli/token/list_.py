"""`agent-deploy token list`."""

from __future__ import annotations

import click

from agent_deploy.cli.options import Settings, example, json_option, pass_settings
from agent_deploy.cli.output import emit, moment, table
from agent_deploy.cli.token.showing import document, state


@click.command("list", epilog=example("agent-deploy token list", "agent-deploy token list --json"))
@json_option
@pass_settings
def command(settings: Settings, as_json: bool) -> None:
    """List bearer tokens, the newest first.

    Revoked and expired ones too. The tokens themselves are stored nowhere.
    """
    from agent_deploy.operations.token.list_ import list_
    from registry.times import now

    tokens, at = list_(settings.registry()), now()
    rows = [
        [
            token.id, token.scope, state(token, at), token.name, token.actor, moment(token.created_at),
            moment(token.expires_at) if token.expires_at else "-",
            f"{moment(token.revoked_at)} by {token.revoked_by}" if token.revoked_at else "-",
        ]
        for token in tokens
    ]  # fmt: skip
    headings = ["TOKEN", "SCOPE", "STATE", "NAME", "BY", "MADE", "EXPIRES", "REVOKED"]
    documents = [{**document(token), "state": state(token, at)} for token in tokens]
    emit(as_json, {"tokens": documents}, lambda: table(headings, rows) if rows else "there are no tokens yet")
