"""`agent-deploy token`: the server's bearer tokens."""

from __future__ import annotations

from agent_deploy.cli.lazy import LazyGroup

COMMANDS: dict[str, tuple[str, str]] = {
    "create": ("create", "Make a bearer token, and show it once."),
    "list": ("list_", "List bearer tokens, the newest first."),
    "revoke": ("revoke", "Make a bearer token good no longer."),
}

_HELP = "Make, list and revoke the bearer tokens of `serve`."

command = LazyGroup("token", "agent_deploy.cli.token", COMMANDS, _HELP)
