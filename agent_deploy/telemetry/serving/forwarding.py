"""Pass-through: exports as they came, on to another OTLP endpoint; never in the way of the acknowledgement."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from agent_deploy.log import event
from registry.errors import BadInput

WORKERS = 4
_TIMEOUT_S = 10.0
_MOST_REQUESTS, _MOST_BYTES = 1024, 64 * 1024 * 1024
_WAITS_S = (0.5, 2.0, 5.0)  # before the second, third and fourth try
_LONGEST_WAIT_S = 30.0
_WORTH_ANOTHER_TRY = frozenset({429, 502, 503, 504})  # OTLP specification, "Retryable Response Codes"
_PASSED_ON = ("content-type", "content-encoding")

VARIABLE = "AGENT_DEPLOY_FORWARD_HEADERS"


@dataclass(frozen=True, slots=True)
class Reply:
    """What the endpoint said. status: 0 where it could not be reached. retry_after_s: as it asks, if it does."""

    status: int
    why: str = ""
    retry_after_s: float | None = None


Send = Callable[[bytes, Mapping[str, str]], Awaitable[Reply]]
Count = Callable[[str], None]


class Forwarder:
    """A bounded queue, and workers that empty it. For one event loop.

    send: one request. count: told what became of each: `delivered`, or why it was dropped: `queue full`, `refused` (the
    endpoint will not have it), `unreachable` (after four tries), `stopped`.
    """

    def __init__(
        self,
        send: Send,
        count: Count,
        *,
        most_requests: int = _MOST_REQUESTS,
        most_bytes: int = _MOST_BYTES,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._send = send
        self._count = count
        self._most_requests = most_requests
        self._most_bytes = most_bytes
        self._sleep = sleep
        self._queue: asyncio.Queue[tuple[bytes, Mapping[str, str]]] = asyncio.Queue()
        self._workers: list[asyncio.Task[None]] = []
        self.waiting = 0  # requests not done with yet
        self.waiting_bytes = 0

    def start(self) -> None:
        """Begin to send."""
        self._workers = [asyncio.create_task(self._work()) for _ in range(WORKERS)]

    def offer(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Take a request over, or drop it where too many wait. Returns at once."""
        if self.waiting >= self._most_requests or self.waiting_bytes + len(body) > self._most_bytes:
            self._count("queue full")
            return
        self.waiting += 1
        self.waiting_bytes += len(body)
        self._queue.put_nowait((body, {name: headers[name] for name in _PASSED_ON if name in headers}))

    async def stop(self, within_s: float) -> None:
        """Send what waits, as far as time allows; the rest is dropped."""
        done = asyncio.create_task(self._queue.join())
        await asyncio.wait([done], timeout=within_s)
        for task in (done, *self._workers):
            task.cancel()
        await asyncio.gather(done, *self._workers, return_exceptions=True)
        for _ in range(self.waiting):
            self._count("stopped")

    async def _work(self) -> None:
        while True:
            body, headers = await self._queue.get()
            self._count(await self._delivered(body, headers))
            self.waiting -= 1
            self.waiting_bytes -= len(body)
            self._queue.task_done()

    async def _delivered(self, body: bytes, headers: Mapping[str, str]) -> str:
        for wait_s in (*_WAITS_S, None):
            reply = await self._send(body, headers)
            if 200 <= reply.status < 300:
                return "delivered"
            if reply.status and reply.status not in _WORTH_ANOTHER_TRY:
                event("not forwarded", status=reply.status, why=reply.why)
                return "refused"
            if wait_s is not None:
                await self._sleep(min(reply.retry_after_s or wait_s, _LONGEST_WAIT_S))
        event("not forwarded", status=reply.status, why=reply.why)
        return "unreachable"


def http_sender(url: str, headers: Mapping[str, str]) -> tuple[Send, Callable[[], Awaitable[None]]]:
    """One that posts to this URL, with these headers beside a request's own; and how to close it."""
    import httpx2

    limits = httpx2.Limits(max_connections=WORKERS)
    client = httpx2.AsyncClient(timeout=_TIMEOUT_S, headers=dict(headers), limits=limits)

    async def send(body: bytes, own: Mapping[str, str]) -> Reply:
        try:
            answer = await client.post(url, content=body, headers=dict(own))
        except (httpx2.HTTPError, OSError) as error:
            return Reply(0, f"{type(error).__name__}: {error}")
        return Reply(answer.status_code, answer.reason_phrase, _seconds(answer.headers.get("retry-after")))

    return send, client.aclose


def check_url(url: str) -> str:
    """The URL, if it can be posted to. Raises BadInput."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadInput(
            f"--forward {url!r} is not a URL of an OTLP endpoint",
            unchanged="Nothing was started.",
            next_command="agent-deploy serve --forward http://collector:4318/v1/traces",
        )
    return url


def headers_from(text: str) -> dict[str, str]:
    """Headers as OTEL_EXPORTER_OTLP_HEADERS has them: `key=value,key2=value2`, percent-encoded. Raises BadInput."""
    found = {}
    for pair in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise BadInput(f"{VARIABLE}: a part is no name=value", unchanged="Nothing was started.")  # may be a secret
        found[unquote(name.strip())] = unquote(value.strip())
    return found


def _seconds(said: str | None) -> float | None:
    try:
        return max(float(said), 0.0) if said is not None else None
    except ValueError:  # a date; our own waiting will do
        return None
