"""The lease under which one process at a time tidies the facts of a store: `facts/lease.json`, by compare-and-swap.

It only saves work. What it guards is safe without it: segments are immutable, and one is deleted only after another
holds all that was in it. So a clock that is off, or a holder that sleeps past its time, does no harm.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from registry.errors import Changed, Conflict, Exists, Missing
from registry.stores import Store, Stored
from registry.times import from_text, now, to_text

KEY = "facts/lease.json"
LEASE_FOR = timedelta(minutes=2)


@dataclass(slots=True)
class Lease:
    """A lease that is held. `renew` it between pieces of work, `release` it at the end."""

    store: Store
    holder: str
    clock: Callable[[], datetime]
    token: str

    def renew(self) -> None:
        """Hold it for the full time from now on. Raises Conflict when another has it meanwhile."""
        self.token = self._write(self.clock() + LEASE_FOR)

    def release(self) -> None:
        """Let others have it; not an error when one has it already."""
        try:
            self.token = self._write(self.clock())
        except Conflict:
            return

    def _write(self, until: datetime) -> str:
        data = _encode(self.holder, until)
        try:
            return self.store.replace(KEY, data, expect=self.token)
        except Changed:
            present = _read(self.store)
            if present is not None and present.data == data:  # our own first try won, its answer was lost
                return present.token
            raise _taken(self.store, present) from None


def take_lease(store: Store, *, clock: Callable[[], datetime] = now) -> Lease:
    """The lease, held from now on. Raises Conflict, saying until when, while another holds it."""
    holder = secrets.token_hex(8)
    present = _read(store)
    if present is not None and _expires(present.data) > clock():
        raise _taken(store, present)
    data = _encode(holder, clock() + LEASE_FOR)
    try:
        token = store.create(KEY, data) if present is None else store.replace(KEY, data, expect=present.token)
    except (Exists, Changed):
        present = _read(store)
        if present is None or present.data != data:
            raise _taken(store, present) from None
        token = present.token
    return Lease(store, holder, clock, token)


def _read(store: Store) -> Stored | None:
    try:
        return store.get(KEY)
    except Missing:
        return None


def _encode(holder: str, until: datetime) -> bytes:
    return json.dumps({"holder": holder, "until": to_text(until)}).encode() + b"\n"


def _expires(data: bytes) -> datetime:
    """Until when; long ago for a damaged lease, which so stands in nobody's way."""
    try:
        return from_text(json.loads(data)["until"])
    except (ValueError, KeyError, TypeError):
        return from_text("1970-01-01T00:00:00Z")


def _taken(store: Store, present: Stored | None) -> Conflict:
    until = f" until {to_text(_expires(present.data))}" if present is not None else ""
    return Conflict(
        f"another process tidies the facts in {store.url}: it has the lease{until}",
        unchanged="No fact was moved or removed.",
        next_command="the same command again, later",
    )
