"""An HTTP server on loopback that answers as it is told, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What to answer. cut: how many bytes of the body to hold back before hanging up. hang: answer only at the end."""

    body: Any = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int = 0
    hang: bool = False

    def encoded(self) -> bytes:
        """The body: bytes as they are, all else as JSON."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass
class Endpoint:
    """url: without a slash at its end. asked: (path, headers, body) of each request."""

    url: str
    asked: list[tuple[str, dict[str, str], Any]]

    @property
    def bodies(self) -> list[Any]:
        """The bodies alone."""
        return [body for _, _, body in self.asked]


@contextmanager
def endpoint(answer: Answer | Callable[[Any], Answer]) -> Iterator[Endpoint]:
    """A server that gives this answer, or what the callable makes of a request's body."""
    asked: list[tuple[str, dict[str, str], Any]] = []
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            chosen = answer(body) if callable(answer) else answer
            if chosen.hang:
                over.wait()
                self.close_connection = True
                return
            data = chosen.encoded()
            self.send_response(chosen.status)
            for name, value in {"content-type": "application/json", **chosen.headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: len(data) - chosen.cut])
            self.close_connection = chosen.cut > 0

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield Endpoint(f"http://127.0.0.1:{server.server_port}", asked)
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        thread.join()
