"""The lease of a running drill, kept alive by a thread of its own, so that nobody takes the drill for dead."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from drills.course import Clock
from drills.errors import LeaseLost
from drills.models import Drill, PhaseName, drill_document, plan_document
from registry.catalog import lock_workflow
from registry.database import Connection, Database
from registry.drilling import DrillLease, find_lease, renew_lease
from registry.errors import Conflict, RegistryError

LEASE = timedelta(seconds=30)


def new_lease(so_far: Drill, owner: str, clock: Clock) -> DrillLease:
    """The lease that a drill begins with."""
    plan, progress = plan_document(so_far.plan), drill_document(so_far)
    until = clock.now() + LEASE
    return DrillLease(so_far.plan.workflow, so_far.plan.place, so_far.plan.id, owner, until, plan, "intent", progress)


class Keeper:
    """Renews a lease, with the phase and the record so far. One lock, for the drill's thread writes to it as well."""

    def __init__(self, database: Database, lease: DrillLease, clock: Clock) -> None:
        self._database = database
        self._lease = lease
        self._clock = clock
        self._lock = threading.Lock()
        self._done = threading.Event()
        self.lost = False

    @contextmanager
    def kept(self) -> Iterator[None]:
        """The lease is renewed meanwhile. It is not given back at the end: that goes with the record."""
        thread = threading.Thread(target=self._run, name="agent-deploy-drill-lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._done.set()
            thread.join()

    def note(self, phase: PhaseName, drill: Drill) -> None:
        """Write how far the drill is. Raises LeaseLost; a database that is away is no reason to stop."""
        self._write(phase, plan_document(drill.plan), drill_document(drill))
        self.check()

    def check(self) -> None:
        """Raises LeaseLost when it is known to be lost."""
        if self.lost:
            raise LeaseLost("the lease ran out, and another process brings the drill to its end")

    def admit(self, connection: Connection) -> None:
        """In the transaction that rolls back (`registry.moves.Admit`): only who holds the lease may. Raises Conflict.

        A process that slept through its lease, and was taken for dead, wakes up to this.
        """
        lease = find_lease(connection, self._lease.workflow, self._lease.environment)
        self.lost = lease is None or (lease.drill, lease.owner) != (self._lease.drill, self._lease.owner)
        if self.lost:
            raise Conflict(f"{self._lease.drill} was taken over by another process", unchanged="Nothing was moved.")

    def _write(self, phase: str, plan: Mapping[str, Any], progress: Mapping[str, Any]) -> None:
        with self._lock:
            until = self._clock.now() + LEASE
            self._lease = replace(self._lease, phase=phase, plan=plan, progress=progress, lease_until=until)
            try:
                with self._database.write() as connection:
                    lock_workflow(connection, self._lease.workflow)
                    self.lost = not renew_lease(connection, self._lease)
            except RegistryError:
                return

    def _run(self) -> None:
        while not self._done.wait(LEASE.total_seconds() / 3):
            self._write(self._lease.phase, self._lease.plan, self._lease.progress)
