"""Whether the receiver can do its work: is the spool writable, was the store reachable lately."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from registry.errors import Missing, Unavailable
from registry.stores import Store

STORE_GRACE_S = 120.0
_PROBE = ".probe"
_BLOCK = 4096  # a full disk still takes an empty file
_LOOKED_FOR = "facts/lease.json"


class Health:
    """What was last seen of spool and store; any thread may say and ask.

    The store may be away for two minutes before that is a fault: nothing is lost meanwhile, the spool grows.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._spool_fault = ""
        self._store_fault = ""
        self._store_seen = monotonic()

    def spool_is(self, fault: str = "") -> None:
        """The spool took a write, or why it did not."""
        self._spool_fault = fault

    def store_is(self, fault: str = "") -> None:
        """The store answered, or why it did not."""
        self._store_fault = fault
        if not fault:
            self._store_seen = self._monotonic()

    @property
    def spool_ok(self) -> bool:
        """Whether the last write to the spool worked."""
        return not self._spool_fault

    @property
    def store_ok(self) -> bool:
        """Whether the store answered within the last two minutes, or at the last try."""
        return not self._store_fault or self._monotonic() - self._store_seen < STORE_GRACE_S

    def faults(self) -> list[str]:
        """Why the receiver is not well; nothing when it is."""
        return [
            *([] if self.spool_ok else [self._spool_fault]),
            *([] if self.store_ok else [f"the store: {self._store_fault}"]),
        ]


def probe_spool(folder: Path) -> None:
    """Write to the spool's disk, and take it back. Raises Unavailable when it cannot be written to."""
    path = folder / f"{os.getpid()}{_PROBE}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.write(bytes(_BLOCK))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise Unavailable(
            f"cannot write to {folder}: {error.strerror or error}", unchanged="Nothing was received."
        ) from error
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def probe_store(store: Store) -> None:
    """Ask the store for one object. Raises Unavailable when it does not answer."""
    with suppress(Missing):
        store.get(_LOOKED_FOR)
