"""Scorers as files write them: ours, promptfoo's assertions, pydantic-evals' evaluators."""

from __future__ import annotations

from typing import Any

import pytest

from agent_deploy.evals.cases import ScorerSpec
from agent_deploy.evals.reading.asserts import asserts_of
from agent_deploy.evals.reading.specs import evaluators_of, specs_of


@pytest.mark.parametrize(
    ("written", "spec"),
    [
        ("exact", ScorerSpec("exact")),
        ({"contains": "x"}, ScorerSpec("contains", {"value": "x"})),
        ({"not-contains": ["x", "y"]}, ScorerSpec("not_contains", {"value": ["x", "y"]})),
        ({"regex": {"value": "x", "full": True}}, ScorerSpec("regex", {"value": "x", "full": True})),
        ({"name": "contains", "value": "x"}, ScorerSpec("contains", {"value": "x"})),
        ({"name": "json"}, ScorerSpec("json")),
    ],
)  # fmt: skip
def test_a_scorer_is_written_in_any_of_three_ways(written: Any, spec: ScorerSpec) -> None:
    assert (specs_of(written), specs_of([written, "exact"])) == ((spec,), (spec, ScorerSpec("exact")))


@pytest.mark.parametrize("written", [3, "", {}, None, {"a": 1, "b": 2}, {"name": 3}, {"name": ""}, [["exact"]]])
def test_what_is_no_scorer_is_refused(written: Any) -> None:
    with pytest.raises(ValueError, match="scorer"):
        specs_of(written)


@pytest.mark.parametrize(
    ("assertion", "spec"),
    [
        ({"type": "equals", "value": "a"}, ScorerSpec("exact", {"value": "a"})),
        ({"type": "equals", "value": {"a": 1}}, ScorerSpec("json", {"value": {"a": 1}})),
        ({"type": "not-equals", "value": "a"}, ScorerSpec("exact", {"value": "a", "not": True})),
        ({"type": "contains", "value": "a", "metric": "m"}, ScorerSpec("contains", {"value": "a", "label": "m"})),
        ({"type": "not-icontains", "value": "a"},
         ScorerSpec("contains", {"value": "a", "ignore_case": True, "not": True})),
        ({"type": "contains-any", "value": ["a"]}, ScorerSpec("contains", {"value": ["a"], "match": "any"})),
        ({"type": "icontains-all", "value": ["a"]}, ScorerSpec("contains", {"value": ["a"], "ignore_case": True})),
        ({"type": "starts-with", "value": "a"}, ScorerSpec("starts_with", {"value": "a"})),
        ({"type": "regex", "value": "a+"}, ScorerSpec("regex", {"value": "a+"})),
        ({"type": "is-json"}, ScorerSpec("json_schema")),
        ({"type": "is-json", "value": '{"type": "object"}'}, ScorerSpec("json_schema", {"value": {"type": "object"}})),
        ({"type": "levenshtein", "value": "a"}, ScorerSpec("levenshtein", {"value": "a", "max_edits": 5})),
        ({"type": "levenshtein", "value": "a", "threshold": 2},
         ScorerSpec("levenshtein", {"value": "a", "max_edits": 2})),
        ({"type": "similar", "value": "a", "threshold": 0.7, "provider": "openai:embeddings:small"},
         ScorerSpec("semantic", {"value": "a", "provider": "openai", "model": "small", "threshold": 0.7})),
        ({"type": "llm-rubric", "value": "is kind", "provider": "openai:gpt-5-mini"},
         ScorerSpec("judge", {"rubric": "is kind", "provider": "openai", "model": "gpt-5-mini"})),
        ("Paris", ScorerSpec("exact", {"value": "Paris"})),
        ("Note: Paris", ScorerSpec("exact", {"value": "Note: Paris"})),
        ("equals: Paris", ScorerSpec("exact", {"value": " Paris"})),
        ("contains: Paris", ScorerSpec("contains", {"value": "Paris"})),
        ("contains-any: a, b", ScorerSpec("contains", {"value": ["a", "b"], "match": "any"})),
        ("levenshtein(3): a", ScorerSpec("levenshtein", {"value": "a", "max_edits": 3})),
        ("is-json", ScorerSpec("json_schema")),
    ],
)  # fmt: skip
def test_an_assertion_of_promptfoo_becomes_a_scorer(assertion: Any, spec: ScorerSpec) -> None:
    assert asserts_of([assertion]) == (spec,)


@pytest.mark.parametrize(
    ("assertion", "told"),
    [
        ({"type": "rouge-n", "value": "a"}, "no scorer here does what assertion 'rouge-n' does"),
        ("rouge-n(0.5): a", "no scorer here does what assertion 'rouge-n' does"),
        ("javascript: output.length < 3", "no scorer here does what assertion 'javascript' does"),
        ({"type": "contains"}, "assertion 'contains' has no value"),
        ({"type": "contains", "value": "{{name}}"}, "its value is a template or a file"),
        ({"type": "is-json", "value": "file://a.json"}, "its value is a template or a file"),
        ({"type": "is-json", "value": "{"}, "its schema is not JSON"),
        ({"type": "contains", "value": "a", "weight": 2}, "there are no weights"),
        ({"type": "contains", "value": "a", "transform": "b"}, "nothing here does what 'transform' does"),
        ({"type": "llm-rubric", "value": "a"}, "the model that judges must be named: `provider: openai:gpt-5-mini`"),
        ({"type": "llm-rubric", "value": "a", "threshold": 0.5}, "a threshold needs a `scale`"),
        ({"value": "a"}, "an assertion is a mapping with `type`"),
        (3, "an assertion is a mapping with `type`"),
    ],
)  # fmt: skip
def test_an_assertion_that_no_scorer_stands_for_is_an_error_naming_it(assertion: Any, told: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011  (the message is what the test is about)
        asserts_of([assertion])
    assert told in str(raised.value)


def test_evaluators_of_pydantic_evals_become_scorers() -> None:
    written = [
        "EqualsExpected", {"Equals": 3}, {"Contains": "a"}, {"Contains": {"value": "a", "case_sensitive": False}},
        {"LLMJudge": {"rubric": "is kind", "model": "openai:gpt-5-mini"}},
    ]  # fmt: skip
    assert evaluators_of(written) == (
        ScorerSpec("exact"),
        ScorerSpec("exact", {"value": 3}),
        ScorerSpec("contains", {"value": "a"}),
        ScorerSpec("contains", {"value": "a", "ignore_case": True}),
        ScorerSpec("judge", {"rubric": "is kind", "provider": "openai", "model": "gpt-5-mini"}),
    )
    for unknown in ({"IsInstance": "str"}, "MaxDuration", {"Contains": {"value": "a", "as_strings": True}}):
        with pytest.raises(ValueError, match="no scorer here does what evaluator"):
            evaluators_of([unknown])
