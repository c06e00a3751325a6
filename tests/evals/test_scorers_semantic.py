"""Semantic similarity: two texts to an embedding endpoint, the cosine of what it answers."""

from __future__ import annotations

import math
from typing import Any

import pytest

from agent_deploy.evals.errors import CaseError, ScorerFailed
from agent_deploy.evals.ports import Embeddings
from agent_deploy.evals.results import Reply, Score
from agent_deploy.evals.scorers.similarity import cosine
from tests.evals.judging import CALL, FakeProvider, built, case_of, score_by

_OPTIONS = {"provider": "openai", "model": "embed-1"}
_Vectors = tuple[tuple[float, ...], ...]


def _scored(vectors: _Vectors, **options: Any) -> Score:
    scorer = built({"semantic": {**_OPTIONS, **options}}, FakeProvider(vectors=vectors).open)
    return score_by(scorer, Reply("It is on its way"), case_of("It was sent"))


def test_the_expected_text_and_the_output_are_embedded_in_one_call() -> None:
    provider = FakeProvider(vectors=((1.0, 0.0), (1.0, 0.0)))
    scorer = built({"semantic": {**_OPTIONS, "parameters": {"dimensions": 2}}}, provider.open)
    assert scorer.provider == "openai"
    assert score_by(scorer, Reply("B"), case_of("A")) == Score("semantic", True, 1.0, "", (CALL,))
    assert provider.embedded == [("embed-1", ("A", "B"), {"dimensions": 2})]


@pytest.mark.parametrize(
    ("other", "passed", "value", "reason"),
    [
        ((2.0, 0.0), True, 1.0, ""),
        ((0.8, 0.6), True, 0.8, ""),
        ((0.6, 0.8), False, 0.6, "cosine 0.600, threshold 0.8"),
        ((0.0, 3.0), False, 0.0, "cosine 0.000, threshold 0.8"),
        ((-1.0, 0.0), False, 0.0, "cosine -1.000, threshold 0.8"),
    ],
)
def test_the_cosine_passes_from_the_threshold_on(
    other: tuple[float, ...], passed: bool, value: float, reason: str
) -> None:
    assert _scored(((1.0, 0.0), other)) == Score("semantic", passed, value, reason, (CALL,))


def test_negated_it_passes_what_is_unlike() -> None:
    score = _scored(((1.0, 0.0), (1.0, 0.0)), **{"not": True})
    reason = "must not pass, and does: cosine 1.000, threshold 0.8"
    assert score == Score("not_semantic", False, 0.0, reason, (CALL,))


@pytest.mark.parametrize(
    ("vectors", "why"),
    [
        (((1.0,), (1.0, 2.0)), "their lengths are 1 and 2"),
        (((0.0, 0.0), (1.0, 2.0)), "one of them has no length"),
        (((math.nan, 0.0), (1.0, 2.0)), "one of them has no length"),
        (((1.0,),), "missing 1 required positional argument"),
    ],
)
def test_an_answer_that_is_no_two_vectors_is_no_score(vectors: _Vectors, why: str) -> None:
    with pytest.raises(ScorerFailed) as failed:
        _scored(vectors)
    assert why in failed.value.message
    assert (failed.value.kind, failed.value.calls) == ("parse_error", (CALL,))


class _Away(FakeProvider):
    async def embed(self, *_: object) -> Embeddings:
        raise CaseError("connection refused", kind="downstream_error", retry=True)


def test_an_endpoint_that_is_away_is_no_score_and_worth_another_try() -> None:
    with pytest.raises(ScorerFailed) as failed:
        score_by(built({"semantic": _OPTIONS}, _Away().open), Reply("B"), case_of("A"))
    error = failed.value
    assert (error.message, error.kind, error.retry) == (
        "scorer 'semantic' failed: connection refused", "downstream_error", True,
    )  # fmt: skip


def test_cosine_never_leaves_its_range() -> None:
    vector = (0.1,) * 3
    assert cosine(vector, vector) == 1.0
