"""A store that can be away, and what a client keeps for then."""

from __future__ import annotations

from pathlib import Path

from agent_deploy.client import Client
from registry.errors import Unavailable
from registry.stores import Stored
from registry.stores.local import LocalStore
from tests.client.releases import WORKFLOW


class Flaky(LocalStore):
    """A store that can be away, and counts how often it was asked for something."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.away = False
        self.asked = 0
        self.blobs_read = 0

    def get(self, key: str, *, unless: str | None = None) -> Stored | None:
        self.asked += 1
        self.blobs_read += key.startswith("blobs/")
        if self.away:
            raise Unavailable("the store does not answer")
        return super().get(key, unless=unless)


def kept(client: Client) -> None:
    """Have the client keep what it serves on disk."""
    client.bundle(WORKFLOW)
    client.refresh()
