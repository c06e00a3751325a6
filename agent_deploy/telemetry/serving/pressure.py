"""Back-pressure: how many requests, and how many bytes of them, the receiver holds at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from agent_deploy.telemetry.serving.refusal import Refusal

RETRY_AFTER_S = 1


class Place:
    """One request's place. `grow` as its body comes in."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.size = 0

    def grow(self, size: int) -> None:
        """Count bytes of the body. Raises Refusal (429) when all requests together hold too many."""
        if self._room.size + size > self._room.most_bytes:
            raise _busy()
        self._room.size += size
        self.size += size


class Room:
    """Who may come in. For one event loop, not for threads.

    requests, size: held now, and the bytes of their bodies. A request that finds no room is refused at once: its
    sender waits better than we do.
    """

    def __init__(self, most_requests: int, most_bytes: int) -> None:
        self.most_requests = most_requests
        self.most_bytes = most_bytes
        self.requests = 0
        self.size = 0

    @contextmanager
    def place(self) -> Iterator[Place]:
        """A place for as long as the block lasts. Raises Refusal (429) when there is none."""
        if self.requests >= self.most_requests:
            raise _busy()
        place = Place(self)
        self.requests += 1
        try:
            yield place
        finally:
            self.requests -= 1
            self.size -= place.size


def _busy() -> Refusal:
    return Refusal(429, "more comes in than can be written; send this again", retry_after_s=RETRY_AFTER_S)
