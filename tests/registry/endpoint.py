"""A stand-in for an S3 endpoint, that answers what a test tells it to: a real server cannot be told to fail."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Answer:
    """What the endpoint answers to one request."""

    status: int
    code: str = ""
    message: str = ""
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    after_s: float = 0
    cut_off: bool = False

    @property
    def content(self) -> bytes:
        if not self.code:
            return self.body
        return f"<Error><Code>{self.code}</Code><Message>{self.message}</Message></Error>".encode()


class Endpoint(ThreadingHTTPServer):
    """An HTTP server that gives its answers in turn, and the last one ever after.

    It keeps what was asked, and the port that each request came from: one port is one connection.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: list[Answer] = []
        self.requests: list[str] = []
        self.ports: list[int] = []
        self.closing = threading.Event()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that gave up waiting is no error here."""

    def answer(self, *answers: Answer) -> None:
        self.answers = list(answers)

    def next_answer(self, request: str, port: int) -> Answer:
        self.requests.append(request)
        self.ports.append(port)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class _Handler(BaseHTTPRequestHandler):
    server: Endpoint
    protocol_version = "HTTP/1.1"

    def _reply(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answer = self.server.next_answer(f"{self.command} {self.path}", self.client_address[1])
        self.server.closing.wait(answer.after_s)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.content) + 100 * answer.cut_off))
        self.end_headers()
        self.wfile.write(answer.content)
        self.close_connection = answer.cut_off

    do_GET = do_PUT = do_DELETE = _reply  # noqa: N815 - names that http.server looks for

    def log_message(self, format: str, *arguments: object) -> None:
        pass
