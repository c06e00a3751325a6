"""A service and its timer for systemd."""

from __future__ import annotations

from agent_deploy.operations.drill.schedulers.parts import File, Job
from registry.errors import BadInput


def systemd(job: Job) -> list[File]:
    """Both go to /etc/systemd/system/, or ~/.config/systemd/user/ for a user's own."""
    return [File("agent-deploy-drill.service", _service(job)), File("agent-deploy-drill.timer", _timer(job))]


def _service(job: Job) -> str:
    return f"""\
# agent-deploy: the weekly rollback drill. systemctl enable --now agent-deploy-drill.timer
[Unit]
Description=agent-deploy drill tick
Documentation=man:systemd.timer(5)
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
WorkingDirectory={_path(str(job.folder))}
# Secrets, a line each: AGENT_DEPLOY_DATABASE=postgresql://...
EnvironmentFile=-/etc/agent-deploy/environment
ExecStart={" ".join(map(_word, job.words))}
# A drill that is told to stop restores first.
TimeoutStopSec=5min
KillMode=mixed
"""


def _timer(job: Job) -> str:
    return f"""\
[Unit]
Description=agent-deploy drill tick, {job.every.words}

[Timer]
OnCalendar={job.every.calendar}
# A tick that was missed while the machine was off is made up for at once.
Persistent=true
AccuracySec=1min

[Install]
WantedBy=timers.target
"""


def _path(text: str) -> str:
    """systemd.unit(5): specifiers begin with %."""
    if "\n" in text:
        raise BadInput("a unit file holds no path with a line break in it")
    return text.replace("%", "%%")


def _word(text: str) -> str:
    """systemd.service(5), command lines: quoted as in C, and $ doubled."""
    escaped = _path(text).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return f'"{escaped}"' if not text or any(c in text for c in " \t\"'\\;") else escaped
