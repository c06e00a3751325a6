"""Turns at a provider: as many as it bears, found out by its own "too many"."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest

from agent_deploy.evals.providers.limits import LONGEST_PAUSE_S, Limits


@dataclass
class Clock:
    """A clock that moves only when somebody sleeps."""

    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limits(clock: Clock) -> Limits:
    return Limits(clock=clock, sleep=clock.sleep)


class Crowd:
    """Questions that hold a turn each until they are let go."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.inside: list[int] = []
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._doors: dict[int, asyncio.Event] = {}

    async def come(self, *numbers: int) -> None:
        for number in numbers:
            self._doors[number] = asyncio.Event()
            self._tasks[number] = asyncio.create_task(self._hold(number))
        await self.settle()

    async def go(self, *numbers: int) -> None:
        for number in numbers:
            self._doors[number].set()
        await self.settle()

    async def cancel(self, number: int) -> None:
        self._tasks[number].cancel()
        await self.settle()

    async def settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    async def _hold(self, number: int) -> None:
        async with self.limits.turn():
            self.inside.append(number)
            await self._doors[number].wait()
            self.inside.remove(number)


def _run(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scene)


def test_there_is_no_limit_until_the_provider_says_too_many(limits: Limits) -> None:
    async def scene() -> None:
        crowd = Crowd(limits)
        await crowd.come(*range(300))
        assert crowd.inside == list(range(300))
        await crowd.go(*range(300))

    _run(scene())


def test_too_many_halves_those_with_it_and_makes_all_wait_as_long_as_it_asks(limits: Limits, clock: Clock) -> None:
    async def scene() -> None:
        crowd = Crowd(limits)
        await crowd.come(*range(8))
        await crowd.go(0)
        limits.rate_limited(30.0)
        assert limits.limit == 4
        await crowd.go(*range(1, 8))
        await crowd.come(*range(10, 20))
        assert (crowd.inside, clock.slept) == ([10, 11, 12, 13], [30.0])
        await crowd.go(10)
        assert crowd.inside == [11, 12, 13, 14]
        await crowd.go(*range(11, 20))

    _run(scene())


def test_a_burst_of_too_many_is_one_cut(limits: Limits) -> None:
    async def scene() -> None:
        crowd = Crowd(limits)
        await crowd.come(*range(16))
        for number in range(16):
            await crowd.go(number)
            limits.rate_limited(None if number else 2.0)
        assert limits.limit == 8

    _run(scene())


def test_a_later_too_many_cuts_again_down_to_one_at_a_time(limits: Limits, clock: Clock) -> None:
    async def scene() -> None:
        crowd = Crowd(limits)
        for _ in range(6):
            await crowd.come(1, 2, 3, 4)
            inside = list(crowd.inside)
            await crowd.go(inside[0])
            limits.rate_limited()
            await crowd.go(1, 2, 3, 4)
            clock.now += 60
            await crowd.settle()
        assert limits.limit == 1
        await crowd.come(7, 8)
        assert crowd.inside == [7]
        await crowd.go(7, 8)

    _run(scene())


def test_each_round_that_goes_well_adds_one(limits: Limits, clock: Clock) -> None:
    limits.limit = 4.0
    for _ in range(4):
        limits.went_well()
    assert limits.limit == pytest.approx(4.88, abs=0.05)


def test_when_it_does_not_say_how_long_everyone_waits_a_second(limits: Limits, clock: Clock) -> None:
    async def scene() -> None:
        limits.rate_limited()
        crowd = Crowd(limits)
        await crowd.come(1)
        assert (crowd.inside, clock.slept) == ([1], [1.0])
        await crowd.go(1)

    _run(scene())


def test_a_provider_that_asks_for_a_day_is_asked_again_in_a_quarter_of_an_hour(limits: Limits, clock: Clock) -> None:
    async def scene() -> None:
        limits.rate_limited(86_400.0)
        crowd = Crowd(limits)
        await crowd.come(1)
        assert clock.slept == [LONGEST_PAUSE_S]
        await crowd.go(1)

    _run(scene())


def test_who_is_cancelled_while_waiting_takes_no_turn(limits: Limits) -> None:
    async def scene() -> None:
        limits.limit = 1.0
        crowd = Crowd(limits)
        await crowd.come(1, 2, 3)
        await crowd.cancel(2)
        await crowd.go(1)
        assert crowd.inside == [3]
        await crowd.cancel(3)
        await crowd.come(4)
        assert 4 in crowd.inside
        await crowd.go(4)

    _run(scene())


def test_who_is_cancelled_in_the_moment_of_its_turn_gives_it_back(limits: Limits) -> None:
    async def scene() -> None:
        limits.limit = 1.0
        crowd = Crowd(limits)
        await crowd.come(1)
        waiting = asyncio.create_task(limits.enter())
        await crowd.settle()
        limits.leave(0)  # its turn has come, and it has not run yet
        waiting.cancel()
        await crowd.settle()
        await crowd.come(2)
        assert 2 in crowd.inside
        await crowd.cancel(1)
        await crowd.go(2)

    _run(scene())
