"""Receivers of notifications: a real HTTP server, a real SMTP server, and a port at which nobody answers."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword


@dataclass(frozen=True)
class Request:
    """What came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class HttpReceiver:
    """url: where it listens. requests: in the order in which they came."""

    url: str
    requests: list[Request] = field(default_factory=list)


@contextmanager
def http_receiver(*answers: int, wait_s: float = 0.0, location: str = "") -> Iterator[HttpReceiver]:
    """An HTTP server that answers with these codes, one after the other and the last for ever, after a wait."""
    codes = list(answers) or [200]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.requests.append(Request(self.command, self.path, headers, body))
            time.sleep(wait_s)
            self.send_response(codes.pop(0) if len(codes) > 1 else codes[0])
            if location:
                self.send_header("location", location)
            self.end_headers()

        do_POST = do_GET  # noqa: N815  (the name that the server looks for)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver = HttpReceiver(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=lambda: server.serve_forever(0.01), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def dripping_receiver() -> Iterator[str]:
    """An HTTP server that never comes to the end of its first line; its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ended = threading.Event()

        def drip() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 ")
                while not ended.wait(0.05):
                    connection.sendall(b"O")

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        ended.set()
        thread.join()


@contextmanager
def nobody() -> Iterator[str]:
    """The URL of a port at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/"


@dataclass
class Mailbox:
    """port: of the server. mails: as they came. senders, recipients: of the envelopes."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    recipients: list[Sequence[str]] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        """Takes mail for everybody but nobody@."""
        if address.startswith("nobody@"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        """Keeps it."""
        mail = message_from_bytes(envelope.content, policy=policy.default)
        self.mails.append(mail)
        self.senders.append(envelope.mail_from)
        self.recipients.append(list(envelope.rcpt_tos))
        return "250 OK"

    def authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, given: LoginPassword) -> Any:
        """Lets in whoever has the password `right`."""
        self.logins.append((given.login.decode(), given.password.decode()))
        return AuthResult(success=given.password == b"right", handled=False)


def certificate(folder: Path) -> ssl.SSLContext:
    """A server's context with a certificate for 127.0.0.1 that nobody but `folder/cert.pem` vouches for."""
    files = ("-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem"))
    made = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", *files)
    subprocess.run([*made, "-days", "2", "-subj", "/CN=mail", "-addext", "subjectAltName=IP:127.0.0.1"], check=True,
                   capture_output=True)  # fmt: skip
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


@contextmanager
def mailbox(
    *, login: bool = False, starttls: ssl.SSLContext | None = None, tls: ssl.SSLContext | None = None
) -> Iterator[Mailbox]:
    """An SMTP server; one that knows logins (without TLS, where it has none), or speaks TLS, where said."""
    box = Mailbox()
    more: dict[str, Any] = {"tls_context": starttls, "require_starttls": starttls is not None, "ssl_context": tls}
    if login:
        more |= {"authenticator": box.authenticate, "auth_require_tls": starttls is not None}
    with socket.create_server(("127.0.0.1", 0)) as free:
        box.port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=box.port, **more)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()
