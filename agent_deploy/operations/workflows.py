"""Which workflows there are, for questions that the facts alone answer: those may be of workflows never registered."""

from __future__ import annotations

from collections.abc import Iterable

from agent_deploy.config import Config
from registry.errors import NotFound
from registry.names import nearest


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
    if workflow not in names:
        there = f" (there: {', '.join(names[:10])})" if names else ""
        raise NotFound(
            f"there is no workflow {workflow!r}{nearest(workflow, names)}{there}", next_command="agent-deploy list"
        )
