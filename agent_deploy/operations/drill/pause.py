"""drill pause, drill resume: a person keeps drills away from an environment, and lets them come again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from drills.pausing import Pause, add_pause, add_resume
from drills.unreadable import drop_unreadable
from registry.catalog import check_workflow_exists
from registry.errors import BadInput
from registry.registry import Registry
from registry.times import now


@dataclass(frozen=True, slots=True)
class Resumed:
    """What kept drills away, and no longer does. pause: None when there was none. dropped: drills that were given up,
    for they were dead and nobody could read what they had done.
    """

    pause: Pause | None
    dropped: tuple[str, ...] = ()


def pause(
    registry: Registry,
    workflow: str,
    environment: str,
    *,
    actor: str,
    reason: str,
    clock: Callable[[], datetime] = now,
) -> tuple[Pause, bool]:
    """Start no drill there until somebody resumes them; the pause in force, and whether this call made it.

    A drill under way goes on to its end. Raises BadInput without a reason, NotFound when nothing is live there.
    """
    if not reason.strip():
        raise BadInput("a pause takes a --reason: whoever finds the drill overdue will want it")
    _check(registry, workflow)
    return add_pause(registry.database, workflow, environment, actor=actor, reason=reason, at=clock())


def resume(
    registry: Registry,
    workflow: str,
    environment: str,
    *,
    actor: str,
    reason: str = "",
    clock: Callable[[], datetime] = now,
) -> Resumed:
    """Let drills come again, after a pause or behind a lease that nobody can read. The head stays as it is.

    Raises NotFound when nothing is live there.
    """
    _check(registry, workflow)
    at, database = clock(), registry.database
    ended = add_resume(database, workflow, environment, actor=actor, reason=reason, at=at)
    return Resumed(ended, drop_unreadable(database, workflow, environment, actor=actor, reason=reason, at=at))


def _check(registry: Registry, workflow: str) -> None:
    with registry.database.read() as connection:
        check_workflow_exists(connection, workflow)
