"""The receiver as a process: its socket, its signals, and its end."""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn

from agent_deploy.errors import ControlPlaneError
from agent_deploy.log import event

if TYPE_CHECKING:
    from starlette.applications import Starlette

_GRACE_S = 10  # for requests under way, once we are told to stop
_IDLE_S = 75  # for a connection without a request: exporters send every five seconds or so
_BACKLOG = 1024


class CannotListen(ControlPlaneError):
    """The address is taken, not ours, or none at all."""


def listen(host: str, port: int) -> socket.socket:
    """A socket that takes connections; port 0: one that is free. Raises CannotListen."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server((address[0], address[1]), family=family, backlog=_BACKLOG)
    except (OSError, UnicodeError) as error:
        raise CannotListen(
            f"cannot listen on {host}:{port}: {_reason(error)}",
            unchanged="Nothing was started.",
            next_command="agent-deploy serve --port 0   # takes a free port and tells which",
        ) from error


def _reason(error: OSError | UnicodeError) -> str:
    if isinstance(error, OSError) and not isinstance(error, socket.gaierror) and error.errno:
        return os.strerror(error.errno)  # socket.create_server adds the address to its own
    return getattr(error, "strerror", None) or str(error)


def is_loopback(listening: socket.socket) -> bool:
    """Whether this machine alone can connect."""
    return ipaddress.ip_address(listening.getsockname()[0]).is_loopback


def url_of(listening: socket.socket) -> str:
    """`http://127.0.0.1:4319`."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if listening.family == socket.AF_INET6 else f"http://{host}:{port}"


def run(app: Starlette, listening: socket.socket, started: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT, then finish what is under way and return. A second signal ends the process.

    started: called once, when connections are answered.
    """
    config = uvicorn.Config(
        app, lifespan="on", log_config=None, access_log=False, server_header=False, ws="none",
        timeout_keep_alive=_IDLE_S, timeout_graceful_shutdown=_GRACE_S,
    )  # fmt: skip
    _Server(config, started).run([listening])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._tell_started = started
        self._told_by: signal.Signals | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._tell_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._told_by is not None:
            event("stopping", signal=self._told_by.name)
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """As uvicorn's own, but at the end the signal is not raised anew: a stop that was asked for is a success."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - as signal handlers are called
        """At the first signal, begin to stop. At the second, be gone: what was acknowledged is on disk.

        It logs nothing, for it may have interrupted a line of the log, whose lock it would wait for.
        """
        if self.should_exit:
            os._exit(128 + sig)
        self.should_exit, self._told_by = True, signal.Signals(sig)
