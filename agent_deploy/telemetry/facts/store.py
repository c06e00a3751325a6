"""The facts store: the one thing that the rest of the house asks for facts, to write and to read them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from agent_deploy.telemetry.facts.compaction import Compacted, compact
from agent_deploy.telemetry.facts.pruning import Pruned, prune, set_aside
from agent_deploy.telemetry.facts.query import facts_connection
from agent_deploy.telemetry.facts.sealing import Sealed, seal
from agent_deploy.telemetry.facts.segments import Segment, list_segments, within_bytes
from agent_deploy.telemetry.facts.spool import Spool
from registry.stores import Store
from registry.times import now

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from agent_deploy.config import Config

FOLDER = "facts"


class FactStore:
    """Facts in a store, and what this machine keeps for them in a folder: `spool/`, and for reading `cache/`, `held/`.

    Any number of processes, on any number of machines, may write, tidy and read at once. Safe for many threads.
    """

    def __init__(self, store: Store, folder: Path, *, clock: Callable[[], datetime] = now) -> None:
        self.store = store
        self.folder = folder.absolute()
        self._clock = clock
        self._making = threading.Lock()
        self._spool: Spool | None = None

    def spool(self) -> Spool:
        """Where facts are written to: durable when `append` returns, and seen by every query from then on."""
        with self._making:
            if self._spool is None:
                self._spool = Spool(self.folder / "spool")
            return self._spool

    def seal(self, *, everything: bool = False) -> Sealed:
        """Turn the spool's finished files into segments. everything: finish our own file first, however young it is.

        Files of other processes that live are theirs to finish. Raises Unavailable when the store is away.
        """
        if self._spool is not None:
            self._spool.roll(everything=everything)
        return seal(self.store, self.folder)

    def compact(self) -> Compacted:
        """Merge segments hour by hour. Raises Conflict while another process does; Damaged as `compaction.compact`."""
        return compact(self.store, self.folder, clock=self._clock)

    def prune(self, older_than: timedelta, *, dry_run: bool = False) -> Pruned:
        """Remove the hours that ended longer ago. Raises Conflict while another process tidies."""
        return prune(self.store, older_than, dry_run=dry_run, clock=self._clock)

    def set_aside(self) -> list[Segment]:
        """Move damaged segments out of the way of all others; those moved."""
        return set_aside(self.store, self.folder)

    def connection(self, *, since: datetime | None = None, until: datetime | None = None) -> DuckDBPyConnection:
        """A connection with the views `facts` and `calls` over a time range: see `query.facts_connection`."""
        return facts_connection(self.store, self.folder, since=since, until=until, clock=self._clock)

    def reach(
        self, at: datetime, since: datetime, until: datetime, most_bytes: int
    ) -> tuple[datetime, datetime | None]:
        """The part of [since, until) around a moment whose segments come to at most so many bytes on each side of it.

        For answers that may not take longer because there are more calls. None: `until` and what comes after it.
        """
        first, last = within_bytes(list_segments(self.store, since, until), at, most_bytes)
        return since if first is None else max(since, first), last

    def close(self) -> None:
        """Finish the file that is being written, so that others can seal it."""
        if self._spool is not None:
            self._spool.close()


def open_facts(config: Config) -> FactStore:
    """The facts store that the settings name."""
    from registry.stores import open_store

    return FactStore(open_store(config.store), config.state / FOLDER)
