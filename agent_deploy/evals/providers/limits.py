"""How many questions are with a provider at once: halved when it says "too many", grown again while it does not.

Additive increase, multiplicative decrease: Chiu and Jain, Computer Networks and ISDN Systems 17 (1989), as in TCP.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable

_PAUSE_S = 1.0
LONGEST_PAUSE_S = 900.0


class Limits:
    """Turns at one provider, first come first served; used from one event loop.

    There is no limit until the provider says "too many"; then half of those that were with it at that time, and one
    more for every round that went well. clock: seconds, monotonic.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.limit = float("inf")
        self._clock = clock
        self._sleep = sleep
        self._with_it = 0
        self._since_before = 0  # of those with it: how many since before the last cut
        self._cuts = 0
        self._paused_until = 0.0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._alarm: asyncio.Task[None] | None = None

    def turn(self) -> Turn:
        """An `async with` block that waits for its turn, and holds it to its end."""
        return Turn(self)

    def rate_limited(self, retry_after_s: float | None = None) -> None:
        """The provider said "too many": nobody gets a turn for as long as it asks, a second when it does not say."""
        now = self._clock()
        fresh = now >= self._paused_until and not self._since_before
        if fresh:  # of the same burst, the others say nothing new
            self.limit = max(1.0, min(self.limit, self._with_it + 1.0) / 2)
            self._since_before, self._cuts = self._with_it, self._cuts + 1
        pause_s = min(LONGEST_PAUSE_S, _PAUSE_S if retry_after_s is None else retry_after_s)
        self._paused_until = max(self._paused_until, now + pause_s)

    def went_well(self) -> None:
        """The provider answered."""
        self.limit += 1 / self.limit
        self._let_in()

    async def enter(self) -> int:
        """Wait for a turn; which cut it came after."""
        if self._waiting or not self._room():
            mine = asyncio.get_running_loop().create_future()
            self._waiting.append(mine)
            self._let_in()
            try:
                await mine
            except asyncio.CancelledError:
                self._give_back(mine)
                raise
        else:
            self._with_it += 1
        return self._cuts

    def leave(self, cut: int) -> None:
        """Give the turn back."""
        self._with_it -= 1
        if cut < self._cuts and self._since_before:
            self._since_before -= 1
        self._let_in()

    def _room(self) -> bool:
        return self._with_it + 1 <= max(1.0, self.limit) and self._clock() >= self._paused_until

    def _let_in(self) -> None:
        while self._waiting and self._room():
            first = self._waiting.popleft()
            if not first.done():
                self._with_it += 1
                first.set_result(None)
        if self._waiting and self._clock() < self._paused_until and self._alarm is None:
            self._alarm = asyncio.get_running_loop().create_task(self._wake())

    async def _wake(self) -> None:
        while (left_s := self._paused_until - self._clock()) > 0:
            await self._sleep(left_s)
        self._alarm = None
        self._let_in()

    def _give_back(self, mine: asyncio.Future[None]) -> None:
        if mine.done() and not mine.cancelled():  # it got its turn and was cancelled in the same moment
            self._with_it -= 1
            self._let_in()


class Turn:
    """One turn."""

    __slots__ = ("_cut", "_limits")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._cut = 0

    async def __aenter__(self) -> None:
        self._cut = await self._limits.enter()

    async def __aexit__(self, *_: object) -> None:
        self._limits.leave(self._cut)
