"""Agents opened on a bundle and asked, and what came of every question; nothing may be left running."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent_deploy.client.bundle import Bundle, content_of
from agent_deploy.evals.agents import open_agent
from agent_deploy.evals.errors import CaseError
from agent_deploy.evals.ports import Agent, Question
from agent_deploy.evals.results import Reply

DIGEST = "sha256:" + "ab" * 32


def bundle_of(
    prompts: Mapping[str, str] | None = None, tools: Mapping[str, str] | None = None, **models: Any
) -> Bundle:
    """A bundle of these prompts, by default one that says hello; models by step, by default one of openai."""
    texts = {"system": "Be brief.\n"} if prompts is None else dict(prompts)
    config: dict[str, Any] = {
        "workflow": "support-triage",
        "prompts": {name: f"prompts/{name}.md" for name in texts},
        "models": models or {"default": {"provider": "openai", "name": "gpt-5-mini", "temperature": 0.0}},
        "tools": {name: f"tools/{name}.json" for name in tools or {}},
    }
    files = {f"prompts/{name}.md": text.encode() for name, text in texts.items()}
    files |= {f"tools/{name}.json": text.encode() for name, text in (tools or {}).items()}
    content = content_of(DIGEST, config, files)
    return Bundle("support-triage", "staging", 0, 7, "1.2.0", DIGEST, "store", content)


@dataclass(frozen=True)
class Told:
    """A CaseError, comparable."""

    message: str
    kind: str = "other"
    retry: bool = False
    retry_after_s: float | None = None


@dataclass(frozen=True)
class Asking:
    """An agent's spec and how it is opened. said: what its processes wrote to stderr."""

    spec: str
    folder: Path
    bundle: Bundle = field(default_factory=bundle_of)
    timeout_s: float = 20.0
    concurrency: int = 8
    settings: Mapping[str, Any] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    async def open(self) -> Agent:
        """The agent, open."""
        return await open_agent(
            self.spec,
            self.bundle,
            timeout_s=self.timeout_s,
            concurrency=self.concurrency,
            folder=self.folder,
            talk=self.said.append,
            **self.settings,
        )

    def ask(self, *inputs: Any) -> list[Reply | Told]:
        """What came of these inputs, asked all at once, `concurrency` at a time; the agent is closed then."""
        return asyncio.run(self._ask(inputs))

    def outputs(self, *inputs: Any) -> list[Any]:
        """The outputs alone, of replies; a Told stays what it is."""
        return [reply.output if isinstance(reply, Reply) else reply for reply in self.ask(*inputs)]

    async def _ask(self, inputs: Iterable[Any]) -> list[Reply | Told]:
        agent = await self.open()
        turns = asyncio.Semaphore(self.concurrency)

        async def one(number: int, value: Any) -> Reply | Told:
            async with turns:
                return await answered(agent, Question(f"case-{number}", 0, value))

        try:
            return await asyncio.gather(*(one(number, value) for number, value in enumerate(inputs)))
        finally:
            await agent.close()


async def answered(agent: Agent, question: Question) -> Reply | Told:
    """The reply, or the error that came instead."""
    try:
        return await agent.answer(question)
    except CaseError as error:
        return Told(error.message, error.kind, error.retry, error.retry_after_s)


def running_in(folder: Path) -> list[str]:
    """The command lines of the processes whose working directory is the folder."""
    found = []
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if process.name.isdigit() and (process / "cwd").readlink() == folder:
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found
