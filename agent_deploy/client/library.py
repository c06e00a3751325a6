"""Content by digest: from memory, from disk, else from the store; every byte checked against its digest."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache

from agent_deploy.client.bundle import Content, content_of
from agent_deploy.client.last_good import LastGood
from registry.blobs import get_blobs
from registry.errors import Damaged
from registry.manifest import parse_manifest
from registry.stores import Store

RECENT = 16


class Library:
    """Reads content, and keeps the most recently used in memory: a rollback to one of those reads no blobs.

    There is no lock here for a fork to copy while it is held: `lru_cache` needs none.
    """

    def __init__(self, store: Store, last_good: LastGood | None) -> None:
        self._store = store
        self._last_good = last_good
        self.content = lru_cache(maxsize=RECENT)(self._content)

    def _content(self, digest: str) -> Content:
        """What the digest stands for. Raises Missing, Damaged, BadInput (no digest at all) or Unavailable."""
        manifest = parse_manifest(self._blobs([digest])[digest], digest)
        blobs = self._blobs(manifest.digests)
        try:
            config = json.loads(blobs[manifest.config_digest])
        except ValueError as error:
            raise Damaged(f"the config of {digest} is not JSON: {error}") from error
        files = {path: blobs[blob] for path, blob in manifest.files.items()}
        return content_of(digest, config, files, (digest, *manifest.digests))

    def _blobs(self, digests: Iterable[str]) -> dict[str, bytes]:
        """The bytes of these digests. What the disk did not have, it has afterwards."""
        wanted = list(digests)
        if self._last_good is None:
            return get_blobs(self._store, wanted)
        kept = {digest: self._last_good.blob(digest) for digest in wanted}
        found = {digest: data for digest, data in kept.items() if data is not None}
        if len(found) < len(wanted):
            fresh = get_blobs(self._store, [digest for digest in wanted if digest not in found])
            self._last_good.add(fresh.values())
            found |= fresh
        return found

    def keep(self, content: Content) -> bool:
        """Whether the disk holds all of this content; what it lacked is read from the store again."""
        if self._last_good is None:
            return False
        lacking = [digest for digest in content.blobs if self._last_good.blob(digest) is None]
        return not lacking or self._last_good.add(get_blobs(self._store, lacking).values())
