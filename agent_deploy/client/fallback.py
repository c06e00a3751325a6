"""The bundle folder that an application ships, for a first start at which the store is away."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from agent_deploy.client.bundle import Content, content_of
from agent_deploy.client.settings import Folders


def fallback_content(folders: Folders, workflow: str) -> Content | None:
    """The content of the workflow's folder; None when there is no folder for it. Raises BadInput for a broken one.

    folders: one folder, whose bundle.toml names its workflow, or a folder by workflow.
    """
    folder = folders.get(workflow) if isinstance(folders, Mapping) else folders
    if folder is None:
        return None
    from registry.source import read_source

    # What it may hold was decided when it was registered; this is no moment to refuse it.
    source = read_source(Path(folder), allow_invisible=True, allow_secret=True)
    return content_of(source.digest, source.config, source.files) if source.workflow == workflow else None
