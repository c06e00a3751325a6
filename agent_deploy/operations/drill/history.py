"""drill history: the drills of a workflow, newest first."""

from __future__ import annotations

from drills.models import Drill
from drills.recording import list_drills
from registry.catalog import check_workflow_exists
from registry.registry import Registry


def history(registry: Registry, workflow: str, environment: str | None = None, limit: int = 20) -> list[Drill]:
    """The last `limit` drills on record, of one environment or of all, newest first. Raises NotFound."""
    with registry.database.read() as connection:
        check_workflow_exists(connection, workflow)
        return list_drills(connection, workflow, environment, limit)
