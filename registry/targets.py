"""Where a bare `rollback` goes back to. Pure: the log comes in as three questions."""

from __future__ import annotations

from collections.abc import Callable

from registry.models import Release


def previous_version(
    head: Release,
    release_at: Callable[[int], Release],
    last_with_version: Callable[[int, int], int | None],
    is_on_hold: Callable[[int], bool],
) -> int | None:
    """The last version that was live before the current one and is not on hold; None when there is none.

    The log is read as a stack: a promote puts a version on top, a rollback to V brings back the stack that V was on top
    of when it was last live. So two rollbacks in a row go back two versions and never flip. A drill leaves the stack as
    it was: on its rollback, a promote puts a version on top of what the drill went back from.

    release_at(generation): that release. last_with_version(version, before): the highest generation below `before` at
    which the version was live; it may skip those that only went back to it. is_on_hold(version).
    """
    here: Release | None = head
    while here is not None:
        here = _below(here, release_at, last_with_version)
        if here is not None and here.version != head.version and not is_on_hold(here.version):
            return here.version
    return None


def _below(
    release: Release, release_at: Callable[[int], Release], last_with_version: Callable[[int, int], int | None]
) -> Release | None:
    """The release that lies under this one in the stack."""
    generation = release.generation
    while release.kind != "promote":
        came_from = last_with_version(release.version, generation)
        if came_from is None:  # forced to a version that was never live: it was put on top, like a promote
            break
        generation = came_from
        release = release_at(generation)
    below = release_at(generation - 1) if generation > 1 else None
    while below is not None and below.revert_to is not None:
        below = release_at(below.generation - 1)
    return below
