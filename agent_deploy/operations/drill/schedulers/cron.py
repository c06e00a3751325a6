"""A line for crontab(5)."""

from __future__ import annotations

import shlex

from agent_deploy.operations.drill.schedulers.parts import File, Job
from registry.errors import BadInput


def cron(job: Job) -> list[File]:
    """`crontab -l | cat - FILE | crontab -` adds it. What the tick says on stderr is mailed, as cron does."""
    folder = shlex.quote(str(job.folder))
    command = f"cd {folder} && {shlex.join(job.words)} >/dev/null"
    if "\n" in command:
        raise BadInput("a crontab holds no command with a line break in it")
    escaped = command.replace("%", "\\%")  # crontab(5): an unescaped % ends the command
    text = f"""\
# agent-deploy: the weekly rollback drill. Ticks {job.every.words}; a tick runs what is due, at most once a week.
# cron makes up for nothing that it missed while the machine was off. The next tick does, within the drill's window.
# Failed and overdue drills are told on stderr, which cron mails to MAILTO.
{job.every.cron} {escaped}
"""
    return [File("agent-deploy-drill.cron", text)]
