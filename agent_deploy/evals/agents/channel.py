"""One persistent process that answers questions over lines, in any order, each answer told to its question."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from agent_deploy.evals.agents.asked import Asked, Owner, Terms
from agent_deploy.evals.agents.child import Child, Talk
from agent_deploy.evals.agents.protocol import MAX_BYTES, decode, refuse, reply_of
from agent_deploy.evals.errors import CaseError

PROBE_S = 2.0
_MEMORY_EVERY_S = 0.02
_REASKED = 2
_AT_ONCE = 16
_SILENT = 0.5  # of the time for an answer
_NEARLY = 0.9  # whoever waits may have lost patience a little sooner


class Channel(Child):
    """The process, from its hello to its end. over: ask it nothing more. ready: done once it has greeted back."""

    def __init__(self, owner: Owner, terms: Terms, talk: Talk) -> None:
        super().__init__(talk)
        self.over = False
        self.pending: dict[int, Asked] = {}
        self._owner = owner
        self._terms = terms
        self.ready: asyncio.Future[None] = self._loop.create_future()
        self.ready.add_done_callback(_seen)
        self._quiet: asyncio.Future[None] | None = None
        self._buffer = bytearray()
        self._outgoing: list[str] = []
        self._count = 0
        self._heard_at = 0.0
        self._closing = False
        self._watching = False

    def send(self, asked: Asked) -> None:
        """Put the question; its answer, or what went wrong, is settled on it."""
        if asked.answer.done():
            return
        if self._closing:  # it ended between being chosen and being asked
            self._owner.stuck(self, [asked])
            return
        if self._terms.memory_limit_mb and not self._watching:
            self._watching = True
            self._loop.call_later(_MEMORY_EVERY_S, self._watch_memory)
        self._count += 1
        asked.channel, asked.id, asked.sent_at = self, self._count, self._loop.time()
        asked.timer = self._loop.call_later(self._terms.timeout_s, self._overdue, asked)
        self.pending[asked.id] = asked
        self._put(f'{{"id": {asked.id}, {asked.fields}}}\n')

    def abandon(self, asked: Asked) -> None:
        """Nobody waits for this answer any more."""
        if self.pending.get(asked.id) is asked:
            self._overdue(asked)

    async def quiet(self) -> None:
        """Wait until no question is with it."""
        if self.pending:
            self._quiet = self._loop.create_future()
            await self._quiet

    def retire(self) -> None:
        """Ask it nothing more; it ends when those that it has are answered."""
        self.over = True
        self._settled()

    def kill(self) -> None:
        self.over = self._closing = True
        super().kill()

    def wrote(self, data: bytes) -> None:
        self._heard_at = self._loop.time()
        if self._closing:
            return
        self._buffer += data
        if b"\n" in data:
            *lines, rest = self._buffer.split(b"\n")
            self._buffer = bytearray(rest)
            for line in lines:
                if line.strip():
                    self._line(line)
        if len(self._buffer) > MAX_BYTES:
            self._line(self._buffer)

    def ended(self) -> None:
        failure = CaseError(f"the agent's process ended ({self.how_it_ended()})", retry=self.over_memory_mb is None)
        if self._buffer and self.returncode == 0:
            try:
                refuse(self._buffer, "has no end of line")
            except CaseError as unended:
                failure = unended
        self._breaks(failure)

    def _line(self, line: bytes | bytearray) -> None:
        if self._closing:
            return
        try:
            message = decode(line)
            if not self.ready.done():
                self._greeted(message, line)
            elif "cancel" in message and self._terms.cancels:
                self._cancelled(message)
            else:
                self._answered(message, line)
        except CaseError as failure:
            self._breaks(failure)

    def _greeted(self, message: Mapping[str, Any], line: bytes | bytearray) -> None:
        if isinstance(message.get("failed"), str):
            raise CaseError(message["failed"])
        if message.get("ready") is not True:
            refuse(line, 'came before {"ready": true}')
        self.ready.set_result(None)

    def _answered(self, message: dict[str, Any], line: bytes | bytearray) -> None:
        id_ = message.get("id")
        if type(id_) is not int or not 0 < id_ <= self._count:
            refuse(line, "has no 'id' of a question")
        asked = self._take(id_)
        if asked is None:  # a late answer, after its time was over
            return
        try:
            asked.settle(reply_of(message, self._terms.model, (self._heard_at - asked.sent_at) * 1000))
        except CaseError as failure:
            asked.settle(failure)
        self._settled()

    def _overdue(self, asked: Asked) -> None:
        if self._terms.cancels:
            self._cancel(asked)
            return
        self._take(asked.id)
        asked.settle(self._late())
        neighbours = self._behind(asked)
        for other in neighbours:
            other.reasked += 1
            self._take(other.id)
        self._owner.stuck(self, neighbours)
        self._settled()

    def _behind(self, asked: Asked) -> list[Asked]:
        """What to ask elsewhere: whoever answers one question after the other has not begun those behind this one."""
        now, limit_s = self._loop.time(), self._terms.timeout_s
        overdue = now - asked.sent_at >= _NEARLY * limit_s
        silent = overdue and now - self._heard_at >= _SILENT * limit_s
        return [other for other in self.pending.values() if silent and other.reasked < _REASKED]

    def _cancel(self, asked: Asked) -> None:
        if asked.timer is not None:
            asked.timer.cancel()
        asked.timer = self._loop.call_later(PROBE_S, self._stands_still)
        self._put(f'{{"cancel": {asked.id}}}\n')

    def _put(self, line: str) -> None:
        """Have the line written with others of this turn of the event loop, in one go.

        Many are not all held back for the last of them: it works on the first while the rest are being asked.
        """
        if not self._outgoing:
            self._loop.call_soon(self._flush)
        self._outgoing.append(line)
        if len(self._outgoing) >= _AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        if self._outgoing:
            self.write("".join(self._outgoing).encode())
            self._outgoing.clear()

    def _cancelled(self, message: Mapping[str, Any]) -> None:
        asked = self._take(message["cancel"])
        if asked is not None:
            asked.settle(self._late())
        if not message["ended"]:
            self._owner.stuck(self, [])
        self._settled()

    def _stands_still(self) -> None:
        self._breaks(self._late())

    def _late(self) -> CaseError:
        return CaseError(f"no answer within {self._terms.timeout_s:g} s", kind="timeout", retry=True)

    def _take(self, id_: int) -> Asked | None:
        asked = self.pending.pop(id_, None)
        if asked is not None and asked.timer is not None:
            asked.timer.cancel()
        return asked

    def _settled(self) -> None:
        if self.pending:
            return
        if self._quiet is not None and not self._quiet.done():
            self._quiet.set_result(None)
        if self.over:
            self.kill()

    def _breaks(self, failure: CaseError) -> None:
        if not self.ready.done():
            self.ready.set_exception(failure)
        asked = [taken for id_ in list(self.pending) if (taken := self._take(id_))]
        if self._closing:
            for each in asked:
                each.settle(failure)
        else:
            self.kill()
            self._owner.broke(self, asked, failure)
        self._settled()

    def _watch_memory(self) -> None:
        limit, held = self._terms.memory_limit_mb, self.memory_mb()
        self._watching = False
        if self._closing or not self.pending or limit is None or held is None:
            return
        if held > limit:
            self.over_memory_mb = limit
            self._breaks(CaseError(f"the agent's process {self.how_it_ended()}"))
        else:
            self._watching = True
            self._loop.call_later(_MEMORY_EVERY_S, self._watch_memory)


def _seen(future: asyncio.Future[None]) -> None:
    """Look at the exception, for asyncio complains of one that nobody looked at."""
    if not future.cancelled():
        future.exception()
