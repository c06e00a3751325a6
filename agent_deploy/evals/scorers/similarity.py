"""Scorers of likeness: levenshtein, by edits, and semantic, by embeddings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent_deploy.evals.cases import Case
from agent_deploy.evals.errors import CaseError, ScorerFailed
from agent_deploy.evals.ports import Provider
from agent_deploy.evals.results import Reply, Score
from agent_deploy.evals.scorers.asking import ask_failed, open_provider
from agent_deploy.evals.scorers.findings import Check, Finding, Wanted, score_of, text_of
from agent_deploy.evals.scorers.options import Options
from agent_deploy.evals.scorers.text import contrast, prepared, wanted_text


def levenshtein(options: Options) -> Check:
    """The output resembles the text: 1 - edits / length of the longer ≥ threshold, or edits ≤ max_edits."""
    wanted = wanted_text(options)
    ignore_case, strip = options.flag("ignore_case"), options.flag("strip", True)
    most = options.number("max_edits") if options.has("max_edits") else None
    if most is not None and options.has("threshold"):
        raise options.fault("'threshold' and 'max_edits' are two measures; give one")
    threshold = options.number("threshold", 0.8, most=1.0)

    def find(case: Case, reply: Reply) -> Finding:
        from rapidfuzz.distance import Levenshtein

        expected = prepared(wanted.of(case), ignore_case, strip)
        output = prepared(text_of(reply.output), ignore_case, strip)
        value = Levenshtein.normalized_similarity(expected, output)
        passed = value >= threshold if most is None else Levenshtein.distance(expected, output) <= most
        return Finding(passed, value, "" if passed else f"similarity {value:.2f}: {contrast(expected, output)}")

    return options.check(find, wanted)


def semantic(options: Options) -> Semantic:
    """The output means the same as the text: the cosine of their embeddings ≥ threshold."""
    provider, model = options.text("provider"), options.text("model")
    return Semantic(
        name=options.label,
        wanted=wanted_text(options),
        provider=provider,
        model=model,
        parameters=dict(options.mapping("parameters")),
        threshold=options.number("threshold", 0.8, least=-1.0, most=1.0),
        negated=options.negated,
        asked=open_provider(options, provider),
    )


@dataclass(frozen=True, slots=True)
class Semantic:
    """Semantic similarity by an embedding endpoint. asked: the provider, None where none is open."""

    name: str
    wanted: Wanted
    provider: str
    model: str
    parameters: Mapping[str, Any]
    threshold: float
    negated: bool
    asked: Provider | None
    digest: str = ""

    async def score(self, case: Case, reply: Reply) -> Score:
        """The score; raises ScorerFailed where the endpoint gives no two vectors."""
        if self.asked is None:
            raise ScorerFailed(f"scorer {self.name!r} has no provider {self.provider!r} to ask")
        texts = (self.wanted.of(case), text_of(reply.output))
        try:
            answer = await self.asked.embed(self.model, texts, self.parameters)
        except CaseError as error:
            raise ask_failed(self.name, error) from error
        try:
            likeness = cosine(*answer.vectors)
        except (TypeError, ValueError) as error:
            message = f"scorer {self.name!r}: {self.model} gave no two vectors that compare: {error}"
            raise ScorerFailed(message, kind="parse_error", calls=(answer.call,)) from error
        passed = likeness >= self.threshold
        reason = "" if passed and not self.negated else f"cosine {likeness:.3f}, threshold {self.threshold:g}"
        finding = Finding(passed, max(0.0, likeness), reason)
        return score_of(self.name, finding, negated=self.negated, calls=(answer.call,))


def cosine(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """The cosine of the angle between two vectors, -1 to 1; raises ValueError for lengths that differ and for zeros."""
    if len(one) != len(other):
        raise ValueError(f"their lengths are {len(one)} and {len(other)}")
    lengths = math.hypot(*one) * math.hypot(*other)
    if not lengths or not math.isfinite(lengths):
        raise ValueError("one of them has no length")
    return max(-1.0, min(1.0, sum(a * b for a, b in zip(one, other, strict=True)) / lengths))
