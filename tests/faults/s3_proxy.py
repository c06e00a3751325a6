"""An S3 endpoint before a real one, that fails the requests that it is told to fail and passes on the rest."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from tests.servers import S3Server

_NOT_PASSED_ON = ("connection", "transfer-encoding", "content-length", "expect", "date", "server")


@dataclass
class Fault:
    """What happens to a request of this method ("" for any) whose path holds `path`: `times` times, then no more.

    status and code: S3's own error. Without a status the line goes dead: the request is passed on first if `done`,
    and nothing ever comes back if `silent`, else the connection is closed.
    """

    method: str
    path: str
    status: int = 0
    code: str = ""
    times: int = 1_000_000
    done: bool = False
    silent: bool = False

    def meets(self, method: str, path: str) -> bool:
        """Whether this request is to fail."""
        if self.times < 1 or self.method not in ("", method) or self.path not in path:
            return False
        self.times -= 1
        return True


class FaultyS3(ThreadingHTTPServer):
    """The endpoint. `faults`: the first that meets a request is what becomes of it."""

    daemon_threads = True

    def __init__(self, behind: S3Server) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind = urlsplit(behind.endpoint).netloc
        self.faults: list[Fault] = []
        self.closing = threading.Event()
        self.server = replace(behind, endpoint=f"http://127.0.0.1:{self.server_port}")

    def heal(self) -> None:
        """Pass everything on again."""
        self.faults = []


@contextmanager
def faulty_s3(behind: S3Server) -> Iterator[FaultyS3]:
    """The endpoint, running."""
    with FaultyS3(behind) as proxy:
        threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield proxy
        proxy.closing.set()
        proxy.shutdown()


class _Handler(BaseHTTPRequestHandler):
    server: FaultyS3
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = next((one for one in self.server.faults if one.meets(self.command, self.path)), None)
        if fault is None:
            self._answer(*self._pass_on(body))
        elif fault.status:
            text = f"<Error><Code>{fault.code}</Code><Message>as the test said</Message></Error>".encode()
            self._answer(fault.status, [], text)
        else:
            if fault.done:
                self._pass_on(body)
            if fault.silent:
                self.server.closing.wait()
            self.close_connection = True

    def _pass_on(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(self.server.behind, timeout=30)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _NOT_PASSED_ON}
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in _NOT_PASSED_ON]
        return answer.status, kept, answer.read()

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if status != http.HTTPStatus.NOT_MODIFIED:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815 - names that http.server looks for

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""
