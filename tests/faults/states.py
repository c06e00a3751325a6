"""What a registry says at one moment, whole enough to compare before and after a fault."""

from __future__ import annotations

from dataclasses import dataclass

from agent_deploy.operations.verify import verify
from registry.catalog import list_versions
from registry.delivery import delivered_generation
from registry.errors import Missing
from registry.pointers import read_pointer
from registry.registry import Registry
from registry.releases import list_releases
from tests.builders import WORKFLOW

_ALL = 1_000_000


@dataclass(frozen=True)
class State:
    """Of one workflow and environment, oldest first.

    versions: their digests. releases: the version that each generation made live. delivered: the generation recorded
    as such. pointer: the generation and version that a reader sees, None before the first.
    """

    versions: tuple[str, ...] = ()
    releases: tuple[int, ...] = ()
    delivered: int = 0
    pointer: tuple[int, int] | None = None

    @property
    def settled(self) -> bool:
        """Whether readers see the head, and that they do is on record."""
        head = (len(self.releases), self.releases[-1]) if self.releases else None
        return self.delivered == len(self.releases) and self.pointer == head


def look(registry: Registry, environment: str = "production", workflow: str = WORKFLOW) -> State:
    """The state now, having verified every chain, blob and pointer: a fault anywhere is an AssertionError."""
    assert verify(registry).faults == []
    with registry.database.read() as connection:
        versions = list_versions(connection, workflow)[::-1]
        releases = list_releases(connection, workflow, environment, _ALL)[::-1]
        delivered = delivered_generation(connection, workflow, environment)
    try:
        pointer = read_pointer(registry.store, environment, workflow)
    except Missing:
        seen = None
    else:
        release = releases[pointer.generation - 1]
        assert (pointer.version, pointer.digest, pointer.hash) == (release.version, release.digest, release.hash)
        assert pointer.digest == versions[pointer.version - 1].digest
        seen = (pointer.generation, pointer.version)
    return State(tuple(version.digest for version in versions), tuple(one.version for one in releases), delivered, seen)
