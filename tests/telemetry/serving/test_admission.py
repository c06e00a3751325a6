"""Who may send: tokens are checked against what is on record, a few seconds old at most, and outlast a database."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from agent_deploy.telemetry.serving.admission import FRESH_FOR_S, KEPT_FOR_S, Admission
from agent_deploy.telemetry.serving.refusal import Refusal
from registry.errors import Unavailable
from registry.models import Token
from registry.tokens import token_hash

AT = datetime(2026, 11, 24, 9, tzinfo=UTC)


def written(number: int, digit: str = "5") -> str:
    return f"adt_{number:010x}_{digit * 64}"


def token(number: int, **changes: object) -> Token:
    made = Token(f"tok-{number:010x}", "ingest", "", token_hash(written(number)), "ann", AT)
    return replace(made, **changes)  # type: ignore[arg-type]


@dataclass
class Record:
    """A database of tokens that can go away, a clock, and how often it was asked."""

    tokens: list[Token] = field(default_factory=list)
    away: bool = False
    asked: int = 0
    seconds: float = 0.0

    def read(self) -> list[Token]:
        self.asked += 1
        if self.away:
            raise Unavailable("the database went away")
        return list(self.tokens)

    def admission(self) -> Admission:
        return Admission(self.read, clock=lambda: AT + timedelta(seconds=self.seconds), monotonic=lambda: self.seconds)


def with_admission(record: Record, story: Callable[[Callable[..., Awaitable[int]]], Awaitable[None]]) -> None:
    """Run a story in which `check` answers with 200 or the status of the refusal."""

    async def run() -> None:
        admission = record.admission()

        async def check(authorization: str, scope: str = "ingest") -> int:
            try:
                await admission.check(authorization, scope)
            except Refusal as refusal:
                return refusal.status
            return 200

        await story(check)

    asyncio.run(run())


def test_a_good_token_is_let_in_and_no_other() -> None:
    revoked = token(3, revoked_at=AT, revoked_by="bob")
    record = Record([token(1), token(2, expires_at=AT), revoked, token(4, scope="metrics")])

    async def story(check: Callable[..., Awaitable[int]]) -> None:
        given = [f"Bearer {written(1)}", f"bearer  {written(1)} ", f"Bearer {written(1, 'a')}", f"Basic {written(1)}"]
        assert [await check(one) for one in given] == [200, 200, 401, 401]
        assert [await check(f"Bearer {written(number)}") for number in (2, 3, 4, 5)] == [401, 401, 403, 401]
        assert [await check(one) for one in ("", "Bearer", "Bearer x", written(1))] == [401] * 4
        assert await check(f"Bearer {written(4)}", "metrics") == 200

    with_admission(record, story)


def test_the_database_is_not_asked_for_each_request() -> None:
    record = Record([token(1)])

    async def story(check: Callable[..., Awaitable[int]]) -> None:
        assert {await check(f"Bearer {written(1)}") for _ in range(100)} == {200}
        assert {await check(f"Bearer {written(9)}") for _ in range(100)} == {401}
        assert {await check("Bearer nonsense") for _ in range(100)} == {401}
        assert record.asked == 1
        record.seconds = 2.0
        assert {await check(f"Bearer {written(9)}") for _ in range(100)} == {401}
        assert record.asked == 2

    with_admission(record, story)


def test_a_revoked_token_is_good_for_a_few_seconds_at_most_and_a_new_one_after_one() -> None:
    record = Record([token(1)])

    async def story(check: Callable[..., Awaitable[int]]) -> None:
        assert [await check(f"Bearer {written(1)}"), await check(f"Bearer {written(2)}")] == [200, 401]
        record.tokens = [token(1, revoked_at=AT, revoked_by="bob"), token(2)]
        record.seconds = 1.0
        assert await check(f"Bearer {written(2)}") == 200
        record.tokens = [token(1), token(2, revoked_at=AT, revoked_by="bob")]
        record.seconds = 1.0 + FRESH_FOR_S
        assert await check(f"Bearer {written(2)}") == 401

    with_admission(record, story)


def test_a_token_expires_without_the_database_being_asked() -> None:
    record = Record([token(1, expires_at=AT + timedelta(seconds=3))])

    async def story(check: Callable[..., Awaitable[int]]) -> None:
        assert await check(f"Bearer {written(1)}") == 200
        record.seconds = 3.0
        assert (await check(f"Bearer {written(1)}"), record.asked) == (401, 1)

    with_admission(record, story)


def test_a_database_that_is_away_stops_nobody_who_was_known_for_an_hour() -> None:
    record = Record([token(1)])

    async def story(check: Callable[..., Awaitable[int]]) -> None:
        assert await check(f"Bearer {written(1)}") == 200
        record.away, record.seconds = True, KEPT_FOR_S - 1
        assert await check(f"Bearer {written(1)}") == 200
        assert await check(f"Bearer {written(2)}") == 503
        record.seconds = KEPT_FOR_S
        assert await check(f"Bearer {written(1)}") == 503
        record.away, record.seconds = False, KEPT_FOR_S + 1
        assert await check(f"Bearer {written(1)}") == 200

    with_admission(record, story)


def test_with_a_database_that_is_away_from_the_start_everybody_may_try_again() -> None:
    async def story(check: Callable[..., Awaitable[int]]) -> None:
        assert await check(f"Bearer {written(1)}") == 503
        assert await check("Bearer nonsense") == 401

    with_admission(Record(away=True), story)


@pytest.mark.slow
def test_a_database_that_hangs_holds_nobody_up_for_long() -> None:
    record, over = Record([token(1)]), threading.Event()
    plain_read = record.read

    def read() -> list[Token]:
        if record.seconds:
            over.wait()
        return plain_read()

    async def story() -> list[int]:
        admission = Admission(read, clock=lambda: AT, monotonic=lambda: record.seconds)
        await admission.check(f"Bearer {written(1)}", "ingest")
        record.seconds = FRESH_FOR_S
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(admission.check(f"Bearer {written(1)}", "ingest") for _ in range(20)))
        took = asyncio.get_running_loop().time() - began
        over.set()
        return [int(took)]

    assert asyncio.run(story()) == [2]
