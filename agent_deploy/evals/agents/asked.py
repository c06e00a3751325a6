"""A question under way with a persistent process, and what passes between that process and the agent that owns it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from agent_deploy.evals.errors import CaseError
from agent_deploy.evals.results import Reply

if TYPE_CHECKING:
    from agent_deploy.evals.agents.channel import Channel


@dataclass(slots=True, eq=False)
class Asked:
    """A question under way.

    fields: as `question_fields` wrote it. reasked: how often a neighbour's time-out took it."""

    key: tuple[str, int]
    fields: str
    answer: asyncio.Future[Reply]
    channel: Channel | None = None
    id: int = 0
    sent_at: float = 0.0
    reasked: int = 0
    timer: asyncio.TimerHandle | None = None

    def settle(self, outcome: Reply | CaseError) -> None:
        """Give the outcome to whoever waits, if anybody still does."""
        if self.answer.done():
            return
        if isinstance(outcome, Reply):
            self.answer.set_result(outcome)
        else:
            self.answer.set_exception(outcome)


class Owner(Protocol):
    """Who is told what a channel cannot decide alone."""

    def broke(self, channel: Channel, asked: list[Asked], failure: CaseError) -> None:
        """The process is no more, or cannot be used; these questions were with it, and one of them may be why."""

    def stuck(self, channel: Channel, neighbours: list[Asked]) -> None:
        """It works on a question that nobody waits for: ask it nothing more. neighbours: to be asked elsewhere."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How a process is spoken to.

    model: provider and name for usage that names none. cancels: it answers `{"cancel": id}`, as our own worker does.
    """

    timeout_s: float
    model: tuple[str, str]
    memory_limit_mb: int | None = None
    cancels: bool = False
