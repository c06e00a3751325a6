"""`agent-deploy evals`: eval sets, the runs over them, and what they show."""

from __future__ import annotations

from agent_deploy.cli.lazy import LazyGroup

COMMANDS: dict[str, tuple[str, str]] = {
    "check": ("check", "Lint an eval set's file."),
    "add": ("add", "Append a case to an eval set's file."),
    "history": ("history", "List a workflow's runs, newest first."),
    "show": ("show", "Show one run: its figures and its cases."),
    "diff": ("diff", "Show which cases changed from one run to another."),
    "rescore": ("rescore", "Score a run's stored outputs with today's scorers."),
    "import": ("import_", "Take the results of another tool as a run."),
    "export": ("export", "Write a run as an in-toto test result."),
    "calibrate": ("calibrate", "Run the live version against itself: what can the gate see?"),
}

_HELP = "Check and add cases; look at, compare, import and export runs."

command = LazyGroup("evals", "agent_deploy.cli.evals", COMMANDS, _HELP)
