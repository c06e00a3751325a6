"""Which workflows there are: by their folders, and for questions that the facts alone answer, which may be of workflows
never registered.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from agent_deploy.config import Config
from registry.errors import BadInput, NotFound
from registry.names import nearest


def find_source(config: Config, source: str) -> Path:
    """A bundle folder: the path, else that of the workflow of this name. Raises BadInput, with the nearest name."""
    folder = Path(source)
    if folder.exists() or "/" in source:
        return folder
    if source not in config.sources:
        raise _no_source(config, source)
    if not config.sources[source].is_dir():
        raise BadInput(f"{config.file}: 'workflows.{source}.source': {config.sources[source]} is not a folder")
    return config.sources[source]


def _no_source(config: Config, source: str) -> BadInput:
    where = f"a workflow of {config.file}" if config.file else "named in an agent-deploy.toml, for there is none here"
    names = sorted(config.sources)
    there = f" (there: {', '.join(names[:10])})" if names else ""
    return BadInput(
        f"{source} is neither a folder nor {where}{nearest(source, names)}{there}",
        unchanged="Nothing was registered.",
        next_command="" if names else "agent-deploy init   # writes an example to start from",
    )


def workflows_on_record(config: Config) -> list[str]:
    """Those that the settings or the registry name; a registry need not be there."""
    from registry.catalog import list_workflows
    from registry.database import Database

    names = {*config.sources, *config.evals}
    try:
        with Database(config.database, create=False).read() as connection:
            names |= set(list_workflows(connection))
    except NotFound:
        pass
    return sorted(names)


def check_known(workflow: str, known: Iterable[str]) -> None:
    """Raises NotFound, with the nearest name, for a workflow that is not among them."""
    names = sorted(set(known))
    if not names:
        raise NotFound(
            f"there is no workflow {workflow!r}; none at all is on record here",
            next_command="agent-deploy register SOURCE   # or cd to the folder that holds agent-deploy.toml",
        )
    if workflow not in names:
        there = f" (there: {', '.join(names[:10])})" if names else ""
        raise NotFound(
            f"there is no workflow {workflow!r}{nearest(workflow, names)}{there}", next_command="agent-deploy list"
        )
