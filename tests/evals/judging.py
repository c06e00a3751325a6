"""Cases, replies and model providers for the tests of scorers."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent_deploy.costs.usage import ModelCall, Usage
from agent_deploy.evals.cases import Case
from agent_deploy.evals.errors import CaseError
from agent_deploy.evals.ports import Completion, Embeddings, Request
from agent_deploy.evals.results import Reply, Score
from agent_deploy.evals.scorers import build_scorer
from agent_deploy.evals.scorers.findings import BuiltScorer
from agent_deploy.evals.scorers.options import OpenProvider, spec_of

CALL = ModelCall("fake", "judge-1", Usage(100, 10))


def case_of(expected: Any = None, **fields: Any) -> Case:
    """A case that expects this."""
    return Case(**{"id": "c1", "input": "Where is my card?", "expected": expected, **fields})


def built(form: Any, providers: OpenProvider | None = None, folder: Path = Path()) -> BuiltScorer:
    """The scorer that is written so."""
    return build_scorer(spec_of(form), providers=providers, folder=folder, modules=folder)


def scored(form: Any, output: Any, expected: Any = None, **reply: Any) -> Score:
    """What the scorer written so says of the output."""
    return score_by(built(form), Reply(output, **reply), case_of(expected))


def score_by(scorer: BuiltScorer, reply: Reply, case: Case | None = None) -> Score:
    """What the scorer says, waited for where it has to be."""

    async def score() -> Score:
        answer = scorer.score(case or case_of(), reply)
        return await answer if inspect.isawaitable(answer) else answer

    return asyncio.run(score())


def verdict(form: Any, output: Any, expected: Any = None, **reply: Any) -> tuple[bool, str]:
    """Whether the output passes, and the reason."""
    score = scored(form, output, expected, **reply)
    return score.passed, score.reason


class FakeProvider:
    """Gives the answers that it was given, one by one, and keeps what it was asked."""

    def __init__(self, *answers: str | CaseError, vectors: tuple[tuple[float, ...], ...] = ()) -> None:
        self._answers = list(answers)
        self._vectors = vectors
        self.requests: list[Request] = []
        self.embedded: list[tuple[str, tuple[str, ...], Mapping[str, Any]]] = []

    def open(self, name: str) -> FakeProvider:
        """Itself, whatever the name."""
        return self

    async def complete(self, request: Request) -> Completion:
        self.requests.append(request)
        answer = self._answers.pop(0)
        if isinstance(answer, CaseError):
            raise answer
        return Completion(answer, CALL)

    async def embed(self, model: str, texts: tuple[str, ...], parameters: Mapping[str, Any]) -> Embeddings:
        self.embedded.append((model, texts, parameters))
        return Embeddings(self._vectors, CALL)

    async def close(self) -> None:
        """Nothing is open."""
