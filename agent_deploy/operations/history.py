"""history: the releases of a workflow, newest first."""

from __future__ import annotations

from heapq import merge
from itertools import islice

from registry.catalog import check_workflow_exists
from registry.models import Release
from registry.registry import Registry
from registry.releases import find_heads, list_releases, nothing_live


def history(registry: Registry, workflow: str, environment: str | None = None, limit: int = 50) -> list[Release]:
    """The last `limit` releases, of one environment or of all, newest first. Raises NotFound."""
    with registry.database.read() as connection:
        check_workflow_exists(connection, workflow)
        heads = find_heads(connection, workflow, environment)
        if environment and not heads:
            raise nothing_live(connection, workflow, environment)
        logs = [list_releases(connection, workflow, head.environment, limit) for head in heads]
    # Merged, not sorted: within one environment the generation says what is newest, whatever the clocks said.
    return list(islice(merge(*logs, key=lambda release: release.released_at, reverse=True), limit))
