"""What a reviewer would ask about an eval set, and what is wrong with its scorers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent_deploy.evals.cases import Case, EvalSet, ScorerSpec
from agent_deploy.evals.lint import doubts, scorer_faults

_HERE = Path()


def _case(line: int, text: Any, **fields: Any) -> Case:
    given: dict[str, Any] = {"expected": "a", "tags": ("t",), "line": line} | fields
    return Case(f"case {line}", text, **given)


@pytest.mark.parametrize(
    ("cases", "told"),
    [
        ([_case(1, "one"), _case(2, "two")], []),
        ([_case(1, "one", tags=()), _case(2, "two", tags=())],
         [(1, "no case has tags; without them no report can say which kind got worse")]),
        ([_case(1, "one"), _case(2, "two", expected=None)],
         [(2, "case 'case 2': nothing judges it but the bundle's output schema, if it has one")]),
        ([_case(1, "Card lost!"), _case(2, "card  LOST")],
         [(2, "case 'case 2' has the input of line 1, or nearly; it counts twice")]),
        ([_case(1, {"q": "x", "r": [1]}), _case(2, {"r": [1], "q": "X."}, expected="b")],
         [(2, "case 'case 2' has the input of line 1, and expects something else")]),
        ([_case(1, "x", cluster="c"), _case(2, "X", cluster="c")], []),
        ([_case(1, "one", cluster="c"), _case(2, "two")], [(1, "case 'case 1' is alone in cluster 'c'")]),
        ([_case(1, "?"), _case(2, "!")], []),
    ],
)  # fmt: skip
def test_doubts_are_told_by_line(cases: list[Case], told: list[tuple[int, str]]) -> None:
    assert [(doubt.line, doubt.message) for doubt in doubts(EvalSet("set.yaml", tuple(cases)))] == told


def test_scorers_that_cannot_be_built_or_cannot_judge_their_case_are_faults() -> None:
    cases = (
        _case(1, "one", scorers=(ScorerSpec("exakt"),)),
        _case(2, "two", scorers=(ScorerSpec("regex", {"value": "("}), ScorerSpec("exact"))),
        _case(3, "three", expected=None, scorers=(ScorerSpec("exact"),)),
        _case(4, "four"),
    )
    faults = scorer_faults(EvalSet("set.yaml", cases), _HERE, _HERE)
    assert faults[0].message.startswith("case 'case 1': unknown scorer 'exakt'; did you mean 'exact'?")
    assert [fault.line for fault in faults] == [1, 2, 3]
