"""`agent-deploy drill`: rolling back on purpose, on a schedule, and what is on record of it."""

from __future__ import annotations

from agent_deploy.cli.lazy import LazyGroup

COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("run", "Roll back on purpose, see who follows, and put everything back."),
    "tick": ("tick", "Run the drills that are due, and recover those that died."),
    "daemon": ("daemon", "Tick in the foreground, for who has no scheduler."),
    "schedule": ("schedule", "Have a scheduler that you run already do `drill tick`, hourly."),
    "status": ("status", "Show how environments stand with their drills."),
    "history": ("history", "List a workflow's drills, newest first."),
    "show": ("show", "Show one drill as it is on record."),
    "pause": ("pause", "Keep drills away from an environment until somebody resumes them."),
    "resume": ("resume", "Let drills come again after a pause."),
}

_HELP = "Rehearse the rollback, on a schedule, and keep the record."

command = LazyGroup("drill", "agent_deploy.cli.drill", COMMANDS, _HELP)
