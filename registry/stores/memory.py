"""A store in this process's memory, for tests and for trying things out. It keeps the whole contract but durability."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator

from registry.errors import Changed, Exists, Missing
from registry.stores import Entry, Stored


class MemoryStore:
    """Objects in a dictionary behind a lock. A token is the SHA-256 of the content, as in a folder."""

    def __init__(self) -> None:
        self.url = "memory:"
        self.parallel = 1
        self._objects: dict[str, Stored] = {}
        self._lock = threading.Lock()

    def get(self, key: str, *, unless: str | None = None) -> Stored | None:
        """See `Store.get`."""
        stored = self._objects.get(key)
        if stored is None:
            raise Missing(f"{key} is not in {self.url}")
        return None if stored.token == unless else stored

    def create(self, key: str, data: bytes) -> str:
        """See `Store.create`."""
        stored = _stored(data)
        with self._lock:
            if key in self._objects:
                raise Exists(f"{key} is already in {self.url}")
            self._objects[key] = stored
        return stored.token

    def replace(self, key: str, data: bytes, *, expect: str | None) -> str:
        """See `Store.replace`."""
        stored = _stored(data)
        with self._lock:
            present = self._objects.get(key)
            if expect is not None and (present is None or present.token != expect):
                raise Changed(f"{key} in {self.url} is no longer what was expected")
            self._objects[key] = stored
        return stored.token

    def entries(self, prefix: str) -> Iterator[Entry]:
        """See `Store.entries`: the keys as they were when the first entry was asked for."""
        with self._lock:
            found = [Entry(key, len(stored.data)) for key, stored in self._objects.items() if key.startswith(prefix)]
        yield from sorted(found, key=lambda entry: entry.key)

    def delete(self, key: str) -> None:
        """See `Store.delete`."""
        with self._lock:
            self._objects.pop(key, None)


def _stored(data: bytes) -> Stored:
    return Stored(bytes(data), "sha256:" + hashlib.sha256(data).hexdigest())
