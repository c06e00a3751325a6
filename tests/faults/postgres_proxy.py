"""A line to PostgreSQL that is cut at one chosen moment."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

_CHUNK = 65536


@dataclass
class Cut:
    """The line is cut, once, at the first statement that holds `at` after one that holds `since`.

    moment: "before" the server hears of that statement, or "after" it has answered, the answer never getting back.
    """

    since: bytes
    at: bytes
    moment: Literal["before", "after"]
    armed: bool = False
    made: bool = False

    def falls_on(self, sent: bytes) -> bool:
        """Whether this is what the line is cut at."""
        if self.armed and not self.made and self.at in sent:
            self.made = True
            return True
        self.armed = self.armed or self.since in sent
        return False


@contextmanager
def cut_line(url: str, cut: Cut) -> Iterator[str]:
    """The URL that leads to the database at `url` over a line that will be cut."""
    parts = urlsplit(url)
    server = (str(parts.hostname), int(parts.port or 5432))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, server, cut), daemon=True).start()
        yield urlunsplit(parts._replace(netloc=f"{parts.username}@127.0.0.1:{listener.getsockname()[1]}"))
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, server: tuple[str, int], cut: Cut) -> None:
    with suppress(OSError):  # the listener was shut: the test is over
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_carry, args=(client, socket.create_connection(server), cut), daemon=True).start()


def _carry(client: socket.socket, server: socket.socket, cut: Cut) -> None:
    """Carry bytes both ways until one side ends, or the line is cut."""
    with client, server, suppress(OSError):
        while True:
            ready, _, _ = select.select([client, server], [], [])
            if server in ready:
                client.sendall(_received(server))
            if client in ready:
                sent = _received(client)
                if cut.falls_on(sent):
                    if cut.moment == "after":
                        server.sendall(sent)
                        _received(server)
                    return
                server.sendall(sent)


def _received(side: socket.socket) -> bytes:
    data = side.recv(_CHUNK)
    if not data:
        raise ConnectionResetError
    return data
