"""Pass-through: as it came, never in the way, and what could not be passed on is counted by why."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

import pytest

from agent_deploy.telemetry.serving.forwarding import Forwarder, Reply, check_url, headers_from, http_sender
from registry.errors import BadInput
from tests.evals.endpoint import Answer, endpoint

HEADERS = {"content-type": "application/json", "content-encoding": "gzip", "authorization": "Bearer ours"}


class Endpoint:
    """Answers in this order, the last again and again; remembers what it was sent, and waits as it is told to."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.sent: list[tuple[bytes, Mapping[str, str]]] = []
        self.became: Counter[str] = Counter()
        self.waited: list[float] = []
        self.open = asyncio.Event()
        self.open.set()

    async def send(self, body: bytes, headers: Mapping[str, str]) -> Reply:
        await self.open.wait()
        self.sent.append((body, headers))
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    async def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)

    def count(self, became: str) -> None:
        self.became[became] += 1

    def forwarder(self, **limits: int) -> Forwarder:
        made = Forwarder(self.send, self.count, sleep=self.sleep, **limits)
        made.start()
        return made


def told(story: Callable[[], Awaitable[Endpoint]]) -> Endpoint:
    async def run() -> Endpoint:
        return await story()

    return asyncio.run(run())


def forwarded(*replies: Reply) -> Endpoint:
    """What became of one request, offered to an endpoint that replies so."""

    async def story() -> Endpoint:
        there = Endpoint(*replies)
        forwarder = there.forwarder()
        forwarder.offer(b"spans", HEADERS)
        await forwarder.stop(5)
        return there

    return told(story)


def test_the_bytes_go_on_as_they_came_with_the_headers_that_say_what_they_are_and_no_token_of_ours() -> None:
    there = forwarded(Reply(200))
    passed = {"content-type": "application/json", "content-encoding": "gzip"}
    assert (there.sent, there.became) == ([(b"spans", passed)], {"delivered": 1})


def test_an_endpoint_that_is_busy_or_away_is_tried_again_when_it_says() -> None:
    there = forwarded(Reply(429, retry_after_s=7), Reply(0, "refused"), Reply(503, retry_after_s=900), Reply(200))
    assert (len(there.sent), there.waited, there.became) == (4, [7, 2.0, 30.0], {"delivered": 1})


def test_it_is_given_up_after_four_tries() -> None:
    there = forwarded(Reply(0, "connection refused"))
    assert (len(there.sent), there.waited, there.became) == (4, [0.5, 2.0, 5.0], {"unreachable": 1})


@pytest.mark.parametrize("status", [400, 401, 404, 500])
def test_what_the_endpoint_will_not_have_is_not_sent_again(status: int) -> None:
    there = forwarded(Reply(status))
    assert (len(there.sent), there.became) == (1, {"refused": 1})


def test_when_too_many_wait_more_are_dropped_at_once() -> None:
    async def story() -> Endpoint:
        there = Endpoint(Reply(200))
        there.open.clear()
        forwarder = there.forwarder(most_requests=3, most_bytes=10)
        for body in (b"1234", b"1234", b"1234", b"1", b"1"):
            forwarder.offer(body, HEADERS)
        assert (forwarder.waiting, there.became) == (3, {"queue full": 2})
        there.open.set()
        await forwarder.stop(5)
        assert (forwarder.waiting, forwarder.waiting_bytes) == (0, 0)
        return there

    assert told(story).became == {"queue full": 2, "delivered": 3}


def test_at_the_end_what_cannot_be_sent_in_time_is_dropped_and_counted() -> None:
    async def story() -> Endpoint:
        there = Endpoint(Reply(200))
        there.open.clear()
        forwarder = there.forwarder()
        for _ in range(7):
            forwarder.offer(b"spans", HEADERS)
        await forwarder.stop(0.01)
        return there

    assert told(story).became == {"stopped": 7}


@pytest.mark.slow
def test_a_real_endpoint_is_sent_the_request_with_the_headers_configured() -> None:
    async def story(url: str) -> Reply:
        send, close = http_sender(url, {"x-team": "desk"})
        reply = await send(b'{"a": 1}', {"content-type": "application/json"})
        await close()
        return reply

    with endpoint(Answer({}, 503, {"Retry-After": "3"})) as there:
        assert asyncio.run(story(there.url + "/v1/traces")) == Reply(503, "Service Unavailable", 3.0)
        ((path, headers, body),) = there.asked
    assert (path, headers["x-team"], headers["content-type"], body) == (
        "/v1/traces", "desk", "application/json", {"a": 1},
    )  # fmt: skip
    gone = asyncio.run(story(there.url))
    assert (gone.status, gone.why.startswith("ConnectError")) == (0, True)


def test_headers_are_written_as_opentelemetry_has_them() -> None:
    assert headers_from("") == {}
    assert headers_from("authorization=Bearer%20a=b, x-team = desk,") == {
        "authorization": "Bearer a=b",
        "x-team": "desk",
    }


def test_bad_headers_are_refused_without_being_repeated() -> None:
    with pytest.raises(BadInput) as raised:
        headers_from("x=1,s3cret")
    assert raised.value.message == "AGENT_DEPLOY_FORWARD_HEADERS: a part is no name=value"


@pytest.mark.parametrize("url", ["collector:4318", "ftp://collector/v1/traces", "http://", "/v1/traces"])
def test_what_cannot_be_posted_to_is_refused(url: str) -> None:
    with pytest.raises(BadInput):
        check_url(url)
    assert check_url("https://collector/v1/traces") == "https://collector/v1/traces"
