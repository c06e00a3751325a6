"""`cmd: words…`: a program started for each case, JSON on its stdin, JSON on its stdout."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING

from agent_deploy.evals.agents.child import Child, Talk
from agent_deploy.evals.agents.lines import words_of
from agent_deploy.evals.agents.protocol import MAX_BYTES, bundle_json, decode, main_model, reply_of, request_bytes
from agent_deploy.evals.errors import CaseError
from agent_deploy.evals.ports import Question
from agent_deploy.evals.results import Reply

if TYPE_CHECKING:
    from agent_deploy.client import Bundle

_MEMORY_EVERY_S = 0.02


def command_agent(
    spec: str, bundle: Bundle, folder: Path, timeout_s: float, memory_limit_mb: int | None, talk: Talk
) -> CommandAgent:
    """The agent. Raises BadInput for a program that is not there."""
    return CommandAgent(spec, words_of(spec, folder), bundle, folder, timeout_s, memory_limit_mb, talk)


class CommandAgent:
    """Starts its program for each question. See `ports.Agent`. Latency counts the start of the program too."""

    provider = ""

    def __init__(
        self,
        name: str,
        argv: tuple[str, ...],
        bundle: Bundle,
        folder: Path,
        timeout_s: float,
        memory_limit_mb: int | None,
        talk: Talk,
    ) -> None:
        self.name = name
        self._argv = argv
        self._bundle = bundle_json(bundle)
        self._model = main_model(bundle)
        self._folder = folder
        self._timeout_s = timeout_s
        self._memory_limit_mb = memory_limit_mb
        self._talk = talk

    async def answer(self, question: Question) -> Reply:
        """The reply; raises CaseError. Whatever way it ends, its process and what that started are ended."""
        started = time.perf_counter()
        run = _Run(self._talk)
        try:
            async with asyncio.timeout(self._timeout_s):
                await run.start(self._argv, self._folder)
                run.write(request_bytes(question, self._bundle))
                run.close_stdin()
                if self._memory_limit_mb is not None:
                    await run.within(self._memory_limit_mb)
                await asyncio.shield(run.gone)
        except TimeoutError as error:
            raise CaseError(f"no answer within {self._timeout_s:g} s", kind="timeout", retry=True) from error
        except OSError as error:
            raise CaseError(f"cannot start {self._argv[0]}: {error.strerror}", retry=True) from error
        finally:
            await run.end()
        return reply_of(run.answer(), self._model, (time.perf_counter() - started) * 1000)

    async def close(self) -> None:
        """Nothing is kept between questions."""


class _Run(Child):
    def __init__(self, talk: Talk) -> None:
        super().__init__(talk)
        self._output = bytearray()

    def wrote(self, data: bytes) -> None:
        self._output += data
        if len(self._output) > MAX_BYTES:
            self.kill()

    async def within(self, limit_mb: int) -> None:
        """Wait for its end, and end it when it holds more than that."""
        while not self.gone.done():
            if (self.memory_mb() or 0) > limit_mb:
                self.over_memory_mb = limit_mb
                self.kill()
            await asyncio.wait([self.gone], timeout=_MEMORY_EVERY_S)

    async def end(self) -> None:
        """End it if it still runs, and wait until it has."""
        self.kill()
        if self.pid is not None:
            await asyncio.shield(self.gone)

    def answer(self) -> dict[str, object]:
        """What it wrote, as long as it ended well."""
        if self.returncode != 0 and len(self._output) <= MAX_BYTES:
            retry = self.over_memory_mb is None
            raise CaseError(f"the agent's process ended ({self.how_it_ended()})", retry=retry)
        return decode(self._output)
