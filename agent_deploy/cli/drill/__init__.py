"""`agent-deploy drill`: rolling back on purpose, on a schedule, and what is on record of it."""

from __future__ import annotations

from agent_deploy.cli.lazy import LazyGroup

COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("run", "Roll back on purpose, watch, and restore; for real, or in rehearsal."),
    "tick": ("tick", "Run the drills that are due, and recover those that died."),
    "daemon": ("daemon", "Tick every hour, in the foreground."),
    "schedule": ("schedule", "Write what a scheduler needs to tick, or install it."),
    "status": ("status", "Show how every environment with a drill policy stands with its drills."),
    "history": ("history", "List a workflow's drills, newest first."),
    "show": ("show", "Show one drill as it is on record; the first digits of its id will do."),
    "pause": ("pause", "Keep drills away from an environment until somebody resumes them."),
    "resume": ("resume", "Let drills come again after a pause."),
}

_HELP = "Rehearse the rollback: run drills, schedule them, look at their records."

command = LazyGroup("drill", "agent_deploy.cli.drill", COMMANDS, _HELP)
