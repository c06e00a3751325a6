"""What the runner asks of an agent, of a scorer and of a model provider. Implementations: `agents`, `scorers`,
`providers`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from agent_deploy.costs.usage import ModelCall
from agent_deploy.evals.cases import Case
from agent_deploy.evals.results import Reply, Score, ToolCall


@dataclass(frozen=True, slots=True)
class Question:
    """What an agent is asked: a case's input, and which case and repeat it is (0, 1, 2…)."""

    case: str
    repeat: int
    input: Any
    metadata: Mapping[str, Any] = field(default_factory=dict)


class Agent(Protocol):
    """Answers questions with one bundle. Asked from one event loop, many questions at once.

    name: as the run records it. provider: whose rate limit its questions share; empty for none.
    """

    name: str
    provider: str

    async def answer(self, question: Question) -> Reply:
        """The reply; raises CaseError. Cancelling it (a time-out, Ctrl-C) leaves nothing running behind."""

    async def close(self) -> None:
        """End processes and connections. May be called more than once."""


class Scorer(Protocol):
    """Judges one output. name: as the score records it, unique within a case."""

    @property
    def name(self) -> str: ...

    def score(self, case: Case, reply: Reply) -> Score | Awaitable[Score]:
        """The score, or an awaitable of it; raises ScorerFailed where it cannot judge."""


@dataclass(frozen=True, slots=True)
class Request:
    """A model request, provider-neutral.

    messages: (role, text) pairs, role `system`, `user` or `assistant`. parameters: as the bundle's model table has
    them (temperature, max_tokens, api, base_url, …). tools: JSON Schemas of arguments by tool name.
    """

    provider: str
    model: str
    messages: tuple[tuple[str, str], ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    tools: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model answered: text, the tools that it asked for, and the call with its tokens."""

    text: str
    call: ModelCall
    tool_calls: tuple[ToolCall, ...] = ()
    latency_ms: float = 0.0


class Provider(Protocol):
    """One model provider's API. Secrets come from the environment and are never stored."""

    async def complete(self, request: Request) -> Completion:
        """Ask once, no retries of its own; raises CaseError (rate_limit with retry_after_s, timeout, …)."""

    async def embed(self, model: str, texts: tuple[str, ...], parameters: Mapping[str, Any]) -> Embeddings:
        """A vector a text; raises CaseError, also where the provider has no embeddings."""

    async def close(self) -> None:
        """Close connections. May be called more than once."""


@dataclass(frozen=True, slots=True)
class Embeddings:
    """One vector a text, and the call that made them."""

    vectors: tuple[tuple[float, ...], ...]
    call: ModelCall
