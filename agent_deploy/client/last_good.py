"""The last known good bundle of each workflow, on disk, shared by all processes of this user that read one store.

The folder is a store itself: blobs by digest, the pointer that was last served, and when it was last confirmed
(`checked/<environment>/<workflow>`). Trouble with it is logged once and never keeps anything from being served.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from registry.blobs import blob_key, digest_of, get_blob, list_blobs
from registry.errors import Damaged, Missing, RegistryError
from registry.models import Pointer
from registry.pointers import decode, publish, read_pointer
from registry.times import from_text, to_text

if TYPE_CHECKING:
    from registry.stores import Store

MAX_BYTES = 256 * 1024 * 1024

_log = logging.getLogger("agent_deploy.client")


class LastGood:
    """The folder. Reading answers None for what is not there or not whole; writing answers whether it worked."""

    def __init__(self, folder: Path, *, max_bytes: int = MAX_BYTES) -> None:
        from registry.stores.local import LocalStore

        self.store: Store = LocalStore(folder)
        self._max_bytes = max_bytes
        self._complained = False

    def pointer(self, environment: str, workflow: str) -> Pointer | None:
        """The pointer that was last kept."""
        try:
            return read_pointer(self.store, environment, workflow)
        except Missing:
            return None
        except (RegistryError, OSError) as error:
            _log.warning("the last known good pointer of %s in %s: %s", workflow, environment, error)
            return None

    def blob(self, digest: str) -> bytes | None:
        """The bytes of a digest, checked."""
        try:
            return get_blob(self.store, digest)
        except (RegistryError, OSError):
            return None

    def add(self, blobs: Iterable[bytes]) -> bool:
        """Keep bytes under their digest. Not durably: what a power cut spoils fails its digest and is read anew."""
        return self._attempt(
            lambda: [self.store.replace(blob_key(digest_of(data)), data, expect=None) for data in blobs]
        )

    def keep(self, pointer: Pointer) -> bool:
        """Make this pointer the last known good one, unless a higher generation is. Its blobs have to be there."""
        return self._attempt(lambda: publish(self.store, pointer)) and self._attempt(self._prune)

    def confirmed(self, environment: str, workflow: str, moment: datetime) -> bool:
        """Note that the store said at `moment` that the kept pointer is still the head."""
        data = to_text(moment).encode()
        return self._attempt(lambda: self.store.replace(f"checked/{environment}/{workflow}", data, expect=None))

    def confirmed_at(self, environment: str, workflow: str) -> datetime | None:
        """When that was last noted."""
        try:
            stored = self.store.get(f"checked/{environment}/{workflow}")
            return from_text(stored.data.decode()) if stored else None
        except (RegistryError, OSError, ValueError):
            return None

    def _attempt(self, write: Callable[[], object]) -> bool:
        try:
            write()
        except (RegistryError, OSError) as error:
            if not self._complained:
                _log.warning("nothing can be kept on disk for when the store is away: %s", error)
            self._complained = True
            return False
        self._complained = False
        return True

    def _prune(self) -> None:
        """When there is too much, remove the blobs that no kept pointer needs.

        The blobs are listed before the pointers are read, so that what another process adds meanwhile stays.
        """
        blobs = list(list_blobs(self.store))
        if sum(entry.size for _, entry in blobs) <= self._max_bytes:
            return
        needed = self._needed()
        for digest, entry in blobs:
            if digest not in needed:
                self.store.delete(entry.key)

    def _needed(self) -> set[str]:
        from registry.manifest import parse_manifest

        needed: set[str] = set()
        for digest in self._digests_served():
            manifest = self.blob(digest)
            if manifest is not None:
                needed.update((digest, *parse_manifest(manifest, digest).digests))
        return needed

    def _digests_served(self) -> Iterable[str]:
        for entry in list(self.store.entries("live/")):
            try:
                stored = self.store.get(entry.key)
                pointer = decode(stored.data, entry.key) if stored else None
            except (Missing, Damaged):
                continue
            if pointer is not None:
                yield pointer.digest
                if pointer.revert_to is not None:
                    yield pointer.revert_to.digest
