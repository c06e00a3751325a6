"""init: a commented configuration file and an example workflow, to start from."""

from __future__ import annotations

import json
from pathlib import Path

from agent_deploy.config import FILE
from agent_deploy.errors import ChecksFailed, WouldOverwrite
from agent_deploy.operations.writing import write_files

_STARTER = Path(__file__).parent.parent / "starter"


def init(folder: Path, *, database: str | None = None, store: str | None = None) -> list[str]:
    """Write the starter files into a folder; their paths. `database` and `store` take the defaults' place in the file.

    Raises WouldOverwrite, with nothing written, when any of them is there already; CannotWrite, with nothing left
    behind; ChecksFailed when the S3 endpoint named as store does not keep what a store promises.
    """
    contents = {path: (_STARTER / path).read_text(encoding="utf-8") for path in starter_paths()}
    for key, value in (("database", database), ("store", store)):
        if value:
            contents[FILE] = _with_value(contents[FILE], key, value)
    for path in contents:
        if (folder / path).exists():
            raise WouldOverwrite(
                f"{folder / path} is there already",
                unchanged="Nothing was written.",
                next_command="agent-deploy register support-triage   # if this folder was set up before",
            )
    if store and store.startswith("s3://"):
        check_store(store)
    write_files(folder, {path: text.encode() for path, text in contents.items()})
    return list(contents)


def starter_paths() -> list[str]:
    """The files that `init` writes, relative, the configuration first."""
    files = (path for path in _STARTER.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    found = (str(path.relative_to(_STARTER)) for path in files)
    return sorted(found, key=lambda path: (path != FILE, path))


def check_store(url: str) -> None:
    """Raises ChecksFailed naming each promise that the store breaks."""
    from registry.stores import open_store
    from registry.stores.probe import probe

    broken = [result for result in probe(open_store(url)) if not result.ok]
    if broken:
        raise ChecksFailed(
            f"{url} cannot be a store: " + "; ".join(f"{result.name}: {result.detail}" for result in broken),
            unchanged="Nothing was written.",
            next_command="agent-deploy doctor --help   # what a store has to keep",
        )


def _with_value(text: str, key: str, value: str) -> str:
    said = f"{key} = {json.dumps(value, ensure_ascii=False)}"
    return "".join(f"{said if line.startswith(f'{key} =') else line}\n" for line in text.splitlines())
