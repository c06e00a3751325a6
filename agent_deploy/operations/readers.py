"""Which readers serve what, and waiting until all live ones serve a generation."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from registry.models import Reader, Release
from registry.readers import list_readers, standing
from registry.stores import Store
from registry.times import now

_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Convergence:
    """How many live readers serve the generation, who does not, and who is silent and so not waited for."""

    current: int
    late: tuple[str, ...]
    silent: tuple[str, ...]

    @property
    def converged(self) -> bool:
        """Whether every live reader serves it."""
        return not self.late


def wait_for_readers(
    store: Store,
    release: Release,
    timeout_s: float,
    *,
    clock: Callable[[], datetime] = now,
    progress: Callable[[Convergence], None] = lambda _: None,
) -> Convergence:
    """Look until every live reader serves the release's generation, or the time is up; how it stands then."""
    deadline = time.monotonic() + timeout_s
    pause = _POLL_S
    while True:
        found = convergence(list_readers(store, release.environment, release.workflow), release.generation, clock())
        progress(found)
        left = deadline - time.monotonic()
        if found.converged or left <= 0:
            return found
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, 1.0)


def convergence(readers: Iterable[Reader], generation: int, at: datetime) -> Convergence:
    """How readers stand towards a generation at a moment."""
    by_standing: dict[str, list[str]] = {"current": [], "behind": [], "silent": [], "forgotten": []}
    for reader in readers:
        by_standing[standing(reader, generation, at)].append(reader.instance)
    return Convergence(len(by_standing["current"]), tuple(by_standing["behind"]), tuple(by_standing["silent"]))
