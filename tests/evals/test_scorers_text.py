"""Scorers of text and numbers: what passes, what does not, and the reason that the person reads."""

from __future__ import annotations

from typing import Any

import pytest

from agent_deploy.evals.errors import ScorerFailed
from agent_deploy.evals.results import Score
from tests.evals.judging import scored, verdict

_LONG = "The parcel left our warehouse on Monday and will reach you by "


def test_a_score_says_who_judged_how_well_and_why() -> None:
    assert scored("exact", "card", "refund") == Score("exact", False, 0.0, "expected 'refund', got 'card'")
    assert scored("exact", "refund", "refund") == Score("exact", True, 1.0)


@pytest.mark.parametrize(
    ("form", "output", "expected", "passed", "reason"),
    [
        ("exact", " refund\n", "refund", True, ""),
        ({"exact": {"strip": False}}, " refund", "refund", False, "expected 'refund', got ' refund'"),
        ("exact", "Refund", "refund", False, "expected 'refund', got 'Refund'"),
        ({"exact": {"ignore_case": True}}, "STRASSE", "straße", True, ""),
        ({"exact": "card"}, "card", "refund", True, ""),
        ("exact", {"a": 1.0}, {"a": 1}, True, ""),
        ("exact", "42", 42, False, "$: expected 42, got '42'"),
        ("exact", 1, True, False, "$: expected true, got 1"),
        ("exact", None, "", False, "$: expected '', got null"),
        ({"exact": None}, None, "x", True, ""),
        ("exact", _LONG + "Friday.", _LONG + "Tuesday.", False,
         f"differs at char {len(_LONG)}: expected …'d will reach you by Tuesday.', got …'d will reach you by Friday.'"),
        ({"contains": "refund"}, "Your refund is on its way", None, True, ""),
        ({"contains": "refund"}, "Refunds", None, False, "does not hold 'refund'"),
        ({"contains": {"value": "refund", "ignore_case": True}}, "Refunds", None, True, ""),
        ({"contains": ["a", "b"]}, "a", None, False, "does not hold 'b'"),
        ({"contains": {"value": ["a", "b"], "match": "any"}}, "b", None, True, ""),
        ({"contains": {"value": ["a", "b"], "match": "any"}}, "c", None, False, "does not hold 'a', 'b'"),
        ({"contains": '"queue":"card"'}, {"queue": "card"}, None, True, ""),
        ({"contains": "x"}, None, None, False, "does not hold 'x'"),
        ({"not_contains": ["a", "b"]}, "only b", None, False, "must not pass, and does: holds 'b'"),
        ({"not_contains": ["a", "b"]}, "none", None, True, ""),
        ({"contains": {"value": "a", "not": True}}, "a", None, False, "must not pass, and does: holds 'a'"),
        ({"not_contains": {"value": ["a", "b"], "match": "all"}}, "only b", None, True, ""),
        ({"starts_with": "Dear"}, "\n dear", None, False, "begins with 'dear', not with 'Dear'"),
        ({"starts_with": {"value": "dear", "ignore_case": True}}, "\n Dear Ann", None, True, ""),
        ({"regex": r"\b\d{4}\b"}, "order 1204", None, True, ""),
        ({"regex": {"pattern": "REFUND", "ignore_case": True}}, "refund", None, True, ""),
        ({"regex": {"pattern": "refund", "full": True}}, "a refund", None, False, "does not match 'refund'"),
        ({"not_regex": r"\d+"}, "order 1204", None, False, "must not pass, and does: holds '1204'"),
        ({"one_of": ["card", "refund"]}, " refund ", None, True, ""),
        ({"one_of": {"value": ["card"], "ignore_case": True}}, "CARD", None, True, ""),
        ("one_of", "top_up", ["card", "refund"], False, "'top_up' is none of 'card', 'refund'"),
        ({"not_exact": "I do not know"}, "I do not know", None, False, "must not pass, and does"),
    ],
)  # fmt: skip
def test_text(form: Any, output: Any, expected: Any, passed: bool, reason: str) -> None:
    assert verdict(form, output, expected) == (passed, reason)


@pytest.mark.parametrize(
    ("options", "output", "expected", "passed", "reason"),
    [
        ({}, 42, 42, True, ""),
        ({}, 42.0, 42, True, ""),
        ({}, "42", 42, True, ""),
        ({}, "The total is $1,204.50.", 1204.5, True, ""),
        ({}, "-3 °C", -3, True, ""),
        ({}, "6.02e23 of them", 6.02e23, True, ""),
        ({}, "9007199254740993", 9007199254740993, True, ""),
        ({}, "9007199254740992", 9007199254740993, False, "expected 9007199254740993, got 9007199254740992"),
        ({"abs": 0.1}, "1.1", 1.0, True, ""),
        ({"abs": 0.1}, "1.11", 1.0, False, "expected 1.0 ± 0.1, got 1.11"),
        ({"rel": 0.05}, 105, 100, True, ""),
        ({"rel": 0.05, "abs": 7}, 107, 100, True, ""),
        ({"rel": 0.05}, -105.1, -100, False, "expected -100 ± 5, got -105.1"),
        ({"value": 7}, "7", 8, True, ""),
        ({}, "3 of 4", 3, False, "'3 of 4' holds 2 numbers, not one"),
        ({}, "3-4", 3, False, "'3-4' holds 2 numbers, not one"),
        ({}, "1,5", 1.5, False, "'1,5' holds no number, not one"),
        ({}, "v1.2.3", 1.2, False, "'v1.2.3' holds no number, not one"),
        ({}, "gpt4", 4, False, "'gpt4' holds no number, not one"),
        ({}, True, 1, False, "true is not a number"),
        ({}, None, 1, False, "null is not a number"),
        ({}, [1], 1, False, "[1] is not a number"),
        ({}, "1e999999999", 1, False, "expected 1, got 1E+999999999"),
        ({}, "7" * 10_001, 7, False, "a text of 10001 characters is not a number"),
        ({"not": True}, 7, 7, False, "must not pass, and does"),
    ],
)
def test_numbers(options: dict[str, Any], output: Any, expected: Any, passed: bool, reason: str) -> None:
    assert verdict({"numeric": options}, output, expected) == (passed, reason)


@pytest.mark.parametrize(
    ("options", "output", "value", "passed"),
    [
        ({}, "kitten", 1.0, True),
        ({"threshold": 0.5}, "sitting", 4 / 7, True),
        ({}, "sitting", 4 / 7, False),
        ({"max_edits": 3}, "sitting", 4 / 7, True),
        ({"max_edits": 2}, "sitting", 4 / 7, False),
        ({"ignore_case": True}, " KITTEN ", 1.0, True),
        ({}, None, 0.0, False),
    ],
)
def test_likeness_by_edits(options: dict[str, Any], output: Any, value: float, passed: bool) -> None:
    score = scored({"levenshtein": options}, output, "kitten")
    assert (score.passed, round(score.value, 9)) == (passed, round(value, 9))
    assert bool(score.reason) is not passed


def test_likeness_tells_how_far_off() -> None:
    assert verdict("levenshtein", "sitting", "kitten") == (
        False, "similarity 0.57: expected 'kitten', got 'sitting'",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("form", "expected", "message"),
    [
        ("exact", None, "scorer 'exact' compares with 'expected', and the case has none"),
        ("numeric", "ten", "scorer 'numeric' compares with a number, and the case expects 'ten'"),
        ("levenshtein", 3, "scorer 'levenshtein' compares with text, and the case expects 3"),
    ],
)
def test_without_anything_to_compare_with_there_is_no_score(form: Any, expected: Any, message: str) -> None:
    with pytest.raises(ScorerFailed) as failed:
        scored(form, "x", expected)
    assert failed.value.message == message
