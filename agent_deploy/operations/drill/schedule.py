"""drill schedule: ready files that have a scheduler which is there already run `agent-deploy drill tick`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from agent_deploy.eventbridge import Bridge, schedule_request
from agent_deploy.operations.drill.schedulers.cron import cron
from agent_deploy.operations.drill.schedulers.github import github
from agent_deploy.operations.drill.schedulers.gitlab import gitlab
from agent_deploy.operations.drill.schedulers.kubernetes import kubernetes
from agent_deploy.operations.drill.schedulers.parts import File, Job
from agent_deploy.operations.drill.schedulers.systemd import systemd
from agent_deploy.operations.writing import told_if_unwritten

EVENTBRIDGE = "eventbridge"
_WRITERS: Mapping[str, Callable[[Job], list[File]]] = {
    "cron": cron,
    "systemd": systemd,
    "kubernetes": kubernetes,
    "github": github,
    "gitlab": gitlab,
}
KINDS = (*_WRITERS, EVENTBRIDGE)


def schedule_files(kind: str, job: Job, bridge: Bridge | None = None) -> list[File]:
    """The files for one of KINDS. bridge: for `eventbridge`, which takes nothing else. Raises BadInput."""
    if bridge is not None:
        text = json.dumps(schedule_request(bridge), indent=2)
        return [File("agent-deploy-drill.eventbridge.json", text + "\n")]
    return _WRITERS[kind](job)


def write_files(files: list[File], folder: Path) -> list[Path]:
    """Write them, each under its name, over what is there; their paths. Raises CannotWrite."""
    paths = [folder / file.name for file in files]
    for path, file in zip(paths, files, strict=True):
        with told_if_unwritten(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.text, encoding="utf-8")
    return paths
