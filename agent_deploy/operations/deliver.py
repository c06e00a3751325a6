"""deliver: publishes every release that is recorded but not yet delivered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from agent_deploy.log import event
from registry.delivery import deliver as deliver_release
from registry.delivery import find_undelivered
from registry.errors import Damaged, Unavailable
from registry.models import Release
from registry.registry import Registry
from registry.releases import find_heads
from registry.times import now


@dataclass(frozen=True, slots=True)
class Delivered:
    """The heads that were published, and those that could not be, each with why."""

    published: tuple[Release, ...]
    failed: tuple[tuple[Release, str], ...]


def deliver(registry: Registry, *, every: bool = False, clock: Callable[[], datetime] = now) -> Delivered:
    """Publish what was not delivered; with `every`, all heads, which mends a lost or damaged pointer."""
    with registry.database.read() as connection:
        due = find_heads(connection) if every else find_undelivered(connection)
    published, failed = [], []
    for release in due:
        try:
            deliver_release(registry.database, registry.store, release, clock())
            published.append(release)
            event(
                "delivered", workflow=release.workflow, environment=release.environment, generation=release.generation
            )
        except (Unavailable, Damaged) as error:
            failed.append((release, error.message))
    return Delivered(tuple(published), tuple(failed))
