"""A store that goes away and comes back."""

from __future__ import annotations

from collections.abc import Iterator

from registry.errors import Unavailable
from registry.stores import Entry, Store, Stored


class StoreAway:
    """Reads like the store behind it; while it is `away` every write raises Unavailable, and is not made."""

    def __init__(self, store: Store, *, away: bool = True) -> None:
        self.url = store.url
        self.parallel = store.parallel
        self.away = away
        self._store = store

    def get(self, key: str, *, unless: str | None = None) -> Stored | None:
        """See `Store.get`."""
        return self._store.get(key, unless=unless)

    def create(self, key: str, data: bytes) -> str:
        """See `Store.create`."""
        self._check(key)
        return self._store.create(key, data)

    def replace(self, key: str, data: bytes, *, expect: str | None) -> str:
        """See `Store.replace`."""
        self._check(key)
        return self._store.replace(key, data, expect=expect)

    def entries(self, prefix: str) -> Iterator[Entry]:
        """See `Store.entries`."""
        return self._store.entries(prefix)

    def delete(self, key: str) -> None:
        """See `Store.delete`."""
        self._check(key)
        self._store.delete(key)

    def _check(self, key: str) -> None:
        if self.away:
            raise Unavailable(f"cannot write {self.url}/{key}: it is away")
