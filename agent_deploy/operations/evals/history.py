"""evals history: a workflow's runs, newest first."""

from __future__ import annotations

from agent_deploy.evals.recording import list_runs
from agent_deploy.evals.runs import Run, RunStarted
from registry.catalog import check_workflow_exists
from registry.registry import Registry


def history(registry: Registry, workflow: str, limit: int = 20) -> list[Run | RunStarted]:
    """The last `limit` runs, newest start first; one that is not complete is a RunStarted. Raises NotFound."""
    with registry.database.read() as connection:
        check_workflow_exists(connection, workflow)
        return list_runs(connection, workflow, limit)
