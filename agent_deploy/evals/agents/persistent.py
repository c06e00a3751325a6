"""An agent in a persistent process: one for all its questions, replaced when it breaks, and who broke it found out.

A process that dies takes every question in it along, though one alone may be at fault. So those are asked again in
quarters, one after the other in a process apart, and a quarter that dies too is quartered again, until a question that
was in there alone is blamed. What was blamed once is asked apart ever after.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agent_deploy.evals.agents.asked import Asked, Terms
from agent_deploy.evals.agents.channel import Channel
from agent_deploy.evals.agents.child import Talk
from agent_deploy.evals.agents.protocol import question_fields
from agent_deploy.evals.errors import CaseError
from agent_deploy.evals.ports import Question
from agent_deploy.evals.results import Reply

# Of 200 questions, one is found by 4 deaths rather than the 8 that halves would take, and in no more rounds of answers.
_PARTS = 4


@dataclass(frozen=True, slots=True)
class Program:
    """What is started, in which folder, and the line that greets it. start_s: how long it may take to greet back."""

    argv: tuple[str, ...]
    folder: Path
    hello: Callable[[], bytes]
    start_s: float


class PersistentAgent:
    """Asks a persistent process. See `ports.Agent`."""

    provider = ""

    def __init__(self, name: str, program: Program, terms: Terms, talk: Talk) -> None:
        self.name = name
        self._program = program
        self._terms = terms
        self._talk = talk
        self._shared: Channel | None = None
        self._starting: asyncio.Task[Channel] | None = None
        self._running: set[Channel] = set()
        self._dangerous: set[tuple[str, int]] = set()
        self._groups: deque[list[Asked]] = deque()
        self._inquiry: asyncio.Task[None] | None = None
        self._errands: set[asyncio.Task[None]] = set()
        self._closed = False

    async def open(self) -> None:
        """Start the process; raises CaseError when it does not start, or does not greet back."""
        self._shared = await self._start()

    async def answer(self, question: Question) -> Reply:
        """The reply; raises CaseError, of kind timeout when there was none within `timeout_s`."""
        key = (question.case, question.repeat)
        asked = Asked(key, question_fields(question), asyncio.get_running_loop().create_future())
        try:
            if key in self._dangerous:
                self._find_out([[asked]])
            else:
                await self._ask(asked)
            return await asked.answer
        except asyncio.CancelledError:
            asked.answer.cancel()
            if asked.channel is not None:
                asked.channel.abandon(asked)
            raise

    async def close(self) -> None:
        """End all processes, and wait until they are gone."""
        self._closed = True
        tasks = [task for task in (self._starting, self._inquiry, *self._errands) if task is not None]
        for task in tasks:
            task.cancel()
        for asked in itertools.chain.from_iterable(self._groups):
            asked.settle(CaseError(f"agent {self.name} was closed"))
        for channel in self._running:
            channel.kill()
        await asyncio.gather(*tasks, *(channel.gone for channel in self._running), return_exceptions=True)
        self._shared = None

    def broke(self, channel: Channel, asked: list[Asked], failure: CaseError) -> None:
        """See `asked.Owner`."""
        self._forget(channel)
        if self._closed:
            for each in asked:
                each.settle(failure)
        elif len(asked) == 1:
            self._dangerous.add(asked[0].key)
            asked[0].settle(failure)
        elif asked:
            self._find_out([asked[start::_PARTS] for start in range(_PARTS)])

    def stuck(self, channel: Channel, neighbours: list[Asked]) -> None:
        """See `asked.Owner`."""
        self._forget(channel)
        channel.retire()
        for asked in neighbours:
            errand = asyncio.create_task(self._ask(asked))
            self._errands.add(errand)
            errand.add_done_callback(self._errands.discard)

    def _forget(self, channel: Channel) -> None:
        if self._shared is channel:
            self._shared = None

    async def _ask(self, asked: Asked) -> None:
        try:
            while (channel := self._shared) is None or channel.over:
                await self._replace()
        except CaseError as failure:
            asked.settle(failure)
        else:
            channel.send(asked)

    async def _replace(self) -> None:
        """Start the shared process anew; all who need it wait for the same start."""
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())
        starting = self._starting
        try:
            channel = await asyncio.shield(starting)
        finally:
            if starting.done() and self._starting is starting:
                self._starting = None
        if self._shared is None:
            self._shared = channel

    async def _start(self) -> Channel:
        if self._closed:
            raise CaseError(f"agent {self.name} is closed")
        channel = Channel(self, self._terms, self._talk)
        try:
            await channel.start(self._program.argv, self._program.folder)
            self._running.add(channel)
            channel.gone.add_done_callback(lambda _: self._running.discard(channel))
            channel.write(self._program.hello())
            async with asyncio.timeout(self._program.start_s):
                await channel.ready
        except TimeoutError as error:
            raise CaseError(f"not ready within {self._program.start_s:g} s", kind="timeout", retry=True) from error
        except OSError as error:
            raise CaseError(f"cannot start {self._program.argv[0]}: {error.strerror}", retry=True) from error
        finally:
            if not channel.ready.done() or channel.ready.cancelled() or channel.ready.exception():
                channel.kill()
        return channel

    def _find_out(self, groups: list[list[Asked]]) -> None:
        self._groups.extendleft(reversed(groups))
        if self._inquiry is None or self._inquiry.done():
            self._inquiry = asyncio.create_task(self._inquire())

    async def _inquire(self) -> None:
        """Ask one group after the other, apart from all else."""
        channel: Channel | None = None
        try:
            while self._groups:
                group = [asked for asked in self._groups.popleft() if not asked.answer.done()]
                if not group:
                    continue
                try:
                    if channel is None or channel.over:
                        channel = await self._start()
                except CaseError as failure:
                    for asked in group:
                        asked.settle(failure)
                    continue
                for asked in group:
                    channel.send(asked)
                await channel.quiet()
        finally:
            if channel is not None:
                channel.kill()
