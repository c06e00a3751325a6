"""list: the workflows on record, or one workflow's versions."""

from __future__ import annotations

from dataclasses import dataclass

from registry.catalog import check_workflow_exists, list_versions, list_workflows, newest_version
from registry.models import Release, Version
from registry.registry import Registry
from registry.releases import find_heads


@dataclass(frozen=True, slots=True)
class Listed:
    """A version, and the environments in which it is live."""

    version: Version
    live_in: tuple[str, ...]


def list_newest(registry: Registry) -> list[Listed]:
    """The newest version of every workflow, by workflow."""
    with registry.database.read() as connection:
        found = (newest_version(connection, name) for name in list_workflows(connection))
        return [Listed(v, _live_in(find_heads(connection, v.workflow), v)) for v in found if v]


def list_versions_of(registry: Registry, workflow: str) -> list[Listed]:
    """Every version of a workflow, newest first. Raises NotFound."""
    with registry.database.read() as connection:
        check_workflow_exists(connection, workflow)
        heads = find_heads(connection, workflow)
        return [Listed(version, _live_in(heads, version)) for version in list_versions(connection, workflow)]


def _live_in(heads: list[Release], version: Version) -> tuple[str, ...]:
    return tuple(head.environment for head in heads if head.version == version.number)
