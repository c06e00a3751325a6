"""`agent-deploy traces`: what production calls did, and the facts kept of them."""

from __future__ import annotations

from agent_deploy.cli.lazy import LazyGroup

COMMANDS: dict[str, tuple[str, str]] = {
    "list": ("list_", "List calls, newest first."),
    "show": ("show", "Show one call as a tree of its steps."),
    "import": ("import_", "Take trace files as facts."),
    "compact": ("compact", "Seal what was received, and merge each hour into a segment."),
    "prune": ("prune", "Remove facts that are older than a span of time."),
}

_HELP = "Look at production calls; import, compact and prune facts."

command = LazyGroup("traces", "agent_deploy.cli.traces", COMMANDS, _HELP)
