"""Which scorers judge a case, how they are written, and what is refused before a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent_deploy.evals.cases import Case, EvalSet, ScorerSpec
from agent_deploy.evals.scorers import SCORERS
from agent_deploy.evals.scorers.assembly import judges_of, scorers_for
from agent_deploy.evals.scorers.options import spec_of
from registry.errors import BadInput
from tests.evals.judging import built, case_of

_SCHEMA = {"type": "object"}
_PATH = "evals/triage.yaml"


def _judge(rubric: str, **options: Any) -> ScorerSpec:
    return ScorerSpec("judge", {"provider": "openai", "model": "judge-1", "rubric": rubric, **options})


def _names(*cases: Case, scorers: tuple[ScorerSpec, ...] = (), schema: Any = None) -> list[list[str]]:
    judged = scorers_for(EvalSet(_PATH, cases, scorers), output_schema=schema)
    return [[scorer.name for scorer in judged[case.id]] for case in cases]


@pytest.mark.parametrize(
    ("expected", "scorer"),
    [
        ("card", "exact"),
        ("", "exact"),
        (3, "numeric"),
        (0.5, "numeric"),
        (True, "json"),
        ({"a": 1}, "json"),
        ([], "json"),
    ],
)
def test_what_is_expected_says_who_judges(expected: Any, scorer: str) -> None:
    assert _names(case_of(expected)) == [[scorer]]


def test_the_output_schema_judges_every_case_and_then_the_case_s_own_scorers_else_the_set_s() -> None:
    own = case_of("a", id="own", scorers=(ScorerSpec("levenshtein"),))
    cases = (own, case_of("b", id="of-set"))
    assert _names(*cases, scorers=(ScorerSpec("regex", {"value": "b"}),), schema=_SCHEMA) == [
        ["output_schema", "levenshtein"], ["output_schema", "regex"],
    ]  # fmt: skip
    assert _names(case_of(), schema=_SCHEMA) == [["output_schema"]]


def test_each_distinct_spec_is_built_once() -> None:
    cases = tuple(
        case_of("x", id=f"c{number}", scorers=(ScorerSpec("contains", {"value": "x"}), ScorerSpec("exact")))
        for number in range(50)
    )
    judged = scorers_for(EvalSet(_PATH, cases))
    assert len({id(scorer) for scorers in judged.values() for scorer in scorers}) == 2


def test_scorers_of_one_name_in_a_case_are_told_apart() -> None:
    contains = [ScorerSpec("contains", {"value": value}) for value in "abc"]
    labelled = ScorerSpec("contains", {"value": "d", "label": "polite"})
    negated = ScorerSpec("contains", {"value": "e", "not": True})
    own = case_of(scorers=(*contains, labelled, negated), id="own")
    assert _names(own, case_of(scorers=(contains[2],), id="other")) == [
        ["contains", "contains 2", "contains 3", "polite", "not_contains"], ["contains"],
    ]  # fmt: skip


def test_judges_are_known_by_name_and_digest_and_one_name_never_means_two_rubrics() -> None:
    one, other, tone = _judge("It apologises."), _judge("It thanks."), _judge("It is kind.", label="tone")
    digests = [built({"name": spec.name, **spec.options}).digest for spec in (one, other, tone)]
    short = [digest[7:15] for digest in digests]
    judged = scorers_for(
        EvalSet(_PATH, (case_of(id="a", scorers=(one, tone)), case_of(id="b", scorers=(other, one, tone))))
    )
    assert [[scorer.name for scorer in scorers] for scorers in judged.values()] == [
        [f"judge:{short[0]}", "tone"], [f"judge:{short[1]}", f"judge:{short[0]}", "tone"],
    ]  # fmt: skip
    assert judges_of(judged) == {
        f"judge:{short[0]}": digests[0], f"judge:{short[1]}": digests[1], "tone": digests[2],
    }  # fmt: skip
    assert list(judges_of(scorers_for(EvalSet(_PATH, (case_of(scorers=(one,)),))))) == ["judge"]


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (case_of(line=7), f"{_PATH}:7: case 'c1': nothing judges it: give it 'expected' or 'scorers'"),
        (
            case_of(line=7, scorers=(ScorerSpec("contians", {"value": "x"}),)),
            f"{_PATH}:7: case 'c1': unknown scorer 'contians'; did you mean 'contains'? (there: {', '.join(SCORERS)})",
        ),
        (
            case_of("ten", scorers=(ScorerSpec("numeric"),)),
            f"{_PATH}: case 'c1': scorer 'numeric' compares with a number, and the case expects 'ten'",
        ),
        (
            case_of(line=2, scorers=(ScorerSpec("exact"),)),
            f"{_PATH}:2: case 'c1': scorer 'exact' compares with 'expected', and the case has none",
        ),
    ],
)
def test_a_case_that_cannot_be_judged_is_refused_by_its_line(case: Case, message: str) -> None:
    with pytest.raises(BadInput) as refused:
        scorers_for(EvalSet(_PATH, (case,)))
    assert refused.value.message == message


def test_an_output_schema_that_cannot_be_held_to_is_refused() -> None:
    with pytest.raises(BadInput) as refused:
        scorers_for(EvalSet(_PATH, (case_of("x"),)), output_schema={"$ref": "https://example.com/s"})
    assert refused.value.message.startswith("the bundle's output schema: the schema refers to 'https://example.com/s'")


@pytest.mark.parametrize(
    ("form", "spec"),
    [
        ("exact", ScorerSpec("exact")),
        ({"contains": "x"}, ScorerSpec("contains", {"value": "x"})),
        ({"contains": {"value": "x", "match": "any"}}, ScorerSpec("contains", {"value": "x", "match": "any"})),
        ({"name": "contains", "value": "x"}, ScorerSpec("contains", {"value": "x"})),
        ({"name": "exact"}, ScorerSpec("exact")),
    ],
)
def test_the_forms_a_scorer_is_written_in(form: Any, spec: ScorerSpec) -> None:
    assert spec_of(form) == spec


@pytest.mark.parametrize("form", [3, None, [], {}, {"a": 1, "b": 2}, {"name": 3, "value": 1}, {3: "x"}])
def test_anything_else_is_no_scorer(form: Any) -> None:
    with pytest.raises(BadInput, match="is not a scorer"):
        spec_of(form)


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"exact": {"ignorecase": True}},
         "'exact': unknown option 'ignorecase'; did you mean 'ignore_case'? "
         "(there: ignore_case, label, not, strip, value)"),
        ({"exact": {"strip": "yes"}}, "'exact': 'strip' must be true or false, not 'yes'"),
        ("contains", "'contains': needs the option 'value'"),
        ({"contains": 3}, "'contains': its value must be text or a list of texts, not 3"),
        ({"contains": []}, "'contains': its value must be text or a list of texts, not []"),
        ({"contains": ""}, "'contains': its value must be text or a list of texts, not ''"),
        ({"contains": {"value": "x", "match": "some"}}, "'contains': 'match' must be all or any, not 'some'"),
        ({"not_contains": {"value": "x", "not": True}},
         "'not_contains': says 'not' twice; write 'contains' with not: true"),
        ({"regex": "("}, "'regex': '(' is not a regular expression: missing ), unterminated subpattern at position 0"),
        ({"regex": 3}, "'regex': its value must be a regular expression, not 3"),
        ("regex", "'regex': needs the option 'pattern'"),
        ({"one_of": "card"}, "'one_of': 'value' must be a list of texts, not 'card'"),
        ({"numeric": "ten"}, "'numeric': 'value' must be a number, not 'ten'"),
        ({"numeric": True}, "'numeric': 'value' must be a number, not true"),
        ({"numeric": {"abs": -1}}, "'numeric': 'abs' must be a number of at least 0, not -1"),
        ({"levenshtein": {"threshold": 80}}, "'levenshtein': 'threshold' must be a number from 0 to 1, not 80"),
        ({"levenshtein": {"threshold": 0.8, "max_edits": 3}},
         "'levenshtein': 'threshold' and 'max_edits' are two measures; give one"),
        ({"tool_calls": [{"nme": "x"}]},
         "'tool_calls': 'value' must be a list of tool calls, each a name or {name, arguments}, not [{\"nme\":\"x\"}]"),
        ({"fields": {"fields": ["a"]}}, "'fields': 'fields' must be a mapping, not [\"a\"]"),
        ({"semantic": {"model": "m"}}, "'semantic': needs the option 'provider'"),
        ({"exact": {"label": 3}}, "'exact': 'label' must be text, not 3"),
    ],
)  # fmt: skip
def test_an_option_that_cannot_be_is_named(form: Any, message: str) -> None:
    with pytest.raises(BadInput) as refused:
        built(form)
    assert refused.value.message == f"scorer {message}"


def test_the_document_names_every_scorer() -> None:
    page = (Path(__file__).parents[2] / "docs" / "scorers.md").read_text()
    assert [name for name in SCORERS if f"| `{name}` |" not in page] == []


def test_a_spec_s_options_may_be_anything_that_a_file_can_say() -> None:
    value = json.loads('{"a": [1, {"b": null}]}')
    specs = (ScorerSpec("json", {"value": value}), ScorerSpec("json", {"value": {**value, "c": 1}}))
    assert _names(case_of(scorers=specs)) == [["json", "json 2"]]
