"""fetch: a version's files, written to a folder that registers to the same digest."""

from __future__ import annotations

from pathlib import Path

from agent_deploy.errors import WouldOverwrite
from agent_deploy.operations.show import find
from agent_deploy.operations.writing import write_files
from registry.content import read_files
from registry.models import Version
from registry.registry import Registry
from registry.source import check_plain_path


def fetch(registry: Registry, ref: str, folder: Path) -> tuple[Version, list[str]]:
    """Write `bundle.toml` and every file, checked, to a new or empty folder; the version and the paths written.

    Raises WouldOverwrite when the folder holds anything, CannotWrite with nothing left behind.
    """
    import tomli_w

    version = find(registry, ref)
    config, files = read_files(registry.store, version)
    check_empty(folder)
    for path in files:
        check_plain_path(path, version.ref)
    contents = {"bundle.toml": tomli_w.dumps(config).encode(), **files}
    write_files(folder, contents)
    return version, sorted(contents)


def check_empty(folder: Path) -> None:
    """Raises WouldOverwrite unless the folder is missing or empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise WouldOverwrite(
            f"{folder} is there already and is not an empty folder",
            unchanged="Nothing was written.",
            next_command="the same command with a folder of another name",
        )
