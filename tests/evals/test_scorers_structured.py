"""Scorers of JSON: parsed strictly, compared by value, held to a schema, field by field; and tool calls."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_deploy.client.frozen import freeze
from agent_deploy.evals.cases import Case
from agent_deploy.evals.results import Reply, Score, ToolCall
from agent_deploy.evals.scorers.json_values import NotJson, difference, parse_json
from agent_deploy.evals.scorers.schemas import output_schema
from registry.errors import BadInput
from tests.evals.judging import built, case_of, score_by, scored, verdict

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)
_TRIAGE = {
    "type": "object", "properties": {"queue": {"enum": ["card", "other"]}}, "required": ["queue"],
}  # fmt: skip


@given(_VALUES)
def test_what_is_written_as_json_is_read_back_equal_fenced_or_not(value: Any) -> None:
    text = json.dumps(value)
    assert difference(value, parse_json(text)) == ""
    assert difference(value, parse_json(f"\n```json\n{text}\n```  ")) == ""
    assert difference(value, parse_json(f"```\n{text}```")) == ""


@given(_VALUES, _VALUES)
def test_values_differ_one_way_as_the_other(one: Any, other: Any) -> None:
    assert bool(difference(one, other)) is bool(difference(other, one))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Expecting value at char 0"),
        ("Sure! {}", "Expecting value at char 0"),
        ('{"a": 1} I hope this helps', "Extra data at char 9"),
        ('Here:\n```json\n{"a": 1}\n```', "Expecting value at char 0"),
        ("```json\n{}\n```\n```json\n{}\n```", "Extra data at char 11"),
        ("```python\n{}\n```", "Expecting value at char 0"),
        ("\n```json\n[1,]\n```", "Illegal trailing comma before end of array at char 11"),
        ("{'a': 1}", "Expecting property name enclosed in double quotes at char 1"),
        ('{"a": NaN}', "NaN is no JSON number"),
        ('{"a": 1, "b": 2, "a": 3}', "the key 'a' stands there twice"),
        ("[" * 100_000, "nested too deeply"),
        ("1" * 5000, "a number has too many digits"),
    ],
)
def test_what_is_not_json_and_nothing_else_is_told_with_its_place(text: str, message: str) -> None:
    with pytest.raises(NotJson) as refused:
        parse_json(text)
    told = str(refused.value)
    assert told == message or (message.startswith("Illegal") and told == "Expecting value at char 12")  # Python < 3.13


@pytest.mark.parametrize(
    ("output", "expected", "passed", "reason"),
    [
        ('{"b": [1, 2.0], "a": null}', {"a": None, "b": [1.0, 2]}, True, ""),
        ({"a": 1}, {"a": 1}, True, ""),
        ("true", True, True, ""),
        ("1", True, False, "$: expected true, got 1"),
        ('{"a": {"b": [1, 3]}}', {"a": {"b": [1, 2]}}, False, "$.a.b[1]: expected 2, got 3"),
        ('{"a": [1]}', {"a": [1, 2]}, False, "$.a: expected 2 items, got 1"),
        ("{}", {"a": 1}, False, "$.a is missing"),
        ('{"a": 1, "z": 0}', {"a": 1}, False, "$.z is not expected"),
        ("[]", {}, False, "$: expected {}, got []"),
        ('"x"', "x", True, ""),
        ("It is a card.", {"a": 1}, False, "the output is not JSON: Expecting value at char 0"),
    ],
)
def test_json_is_compared_by_value_and_the_first_difference_named(
    output: Any, expected: Any, passed: bool, reason: str
) -> None:
    assert verdict("json", output, expected) == (passed, reason)


@pytest.mark.parametrize(
    ("form", "output", "passed", "reason"),
    [
        ("json_schema", '{"any": ["json"]}', True, ""),
        ("json_schema", "no", False, "the output is not JSON: Expecting value at char 0"),
        ("not_json_schema", "no", True, ""),
        ({"json_schema": {"schema": _TRIAGE}}, '```json\n{"queue": "card"}\n```', True, ""),
        ({"json_schema": {"value": _TRIAGE}}, {"queue": 3}, False, "$.queue: 3 is not one of ['card', 'other']"),
        ({"json_schema": {"schema": _TRIAGE}}, {}, False, "$: 'queue' is a required property"),
        ({"json_schema": {"schema": {"$ref": "#/$defs/n", "$defs": {"n": {"type": "null"}}}}}, "null", True, ""),
        # prefixItems is of 2020-12, the default; draft 7 knows nothing of it
        ({"json_schema": {"schema": {"prefixItems": [{"type": "null"}]}}}, [1], False, "$[0]: 1 is not of type 'null'"),
        (
            {"json_schema": {"schema": {"$schema": "http://json-schema.org/draft-07/schema#",
                                        "prefixItems": [{"type": "null"}]}}}, [1], True, "",
        ),
    ],
)  # fmt: skip
def test_json_is_held_to_a_schema(form: Any, output: Any, passed: bool, reason: str) -> None:
    assert verdict(form, output) == (passed, reason)


def test_a_schema_may_be_a_file_beside_the_set(tmp_path: Path) -> None:
    (tmp_path / "triage.json").write_text(json.dumps(_TRIAGE))
    scorer = built({"json_schema": {"file": "triage.json"}}, folder=tmp_path)
    assert score_by(scorer, Reply('{"queue": "other"}')) == Score("json_schema", True, 1.0)
    (tmp_path / "triage.json").write_text('{\n"type": }')
    with pytest.raises(BadInput) as refused:
        built({"json_schema": {"file": "triage.json"}}, folder=tmp_path)
    assert refused.value.message == "scorer 'json_schema': triage.json:2: not JSON: Expecting value"


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "objekt"}, "not a JSON Schema: $.type: 'objekt' is not valid under any of the given schemas"),
        ([], "a JSON Schema is an object, not []"),
        (
            {"$ref": "https://example.com/x.json"},
            "the schema refers to 'https://example.com/x.json', which is not in it; "
            "nothing is fetched, put it under $defs",
        ),
        (
            {"properties": {"a": {"$ref": "#/$defs/missing"}}},
            "the schema refers to '#/$defs/missing', which is not in it; nothing is fetched, put it under $defs",
        ),
    ],
)
def test_a_schema_that_cannot_be_held_to_is_refused_before_any_case(schema: Any, message: str) -> None:
    with pytest.raises(BadInput) as refused:
        built({"json_schema": {"schema": schema}})
    assert refused.value.message == f"scorer 'json_schema': {message}"


def test_the_schema_of_a_served_bundle_is_a_scorer() -> None:
    scorer = output_schema(freeze(_TRIAGE))
    assert scorer.score(case_of(), Reply('{"queue": "card"}')) == Score("output_schema", True, 1.0)
    assert scorer.score(case_of(), Reply('{"queue": 3}')) == Score(
        "output_schema", False, 0.0, "$.queue: 3 is not one of ['card', 'other']"
    )


_EXPECTED = {"queue": "card", "amount": 19.99, "reply": "Sorry for that."}
_BY_FIELD = {"amount": {"numeric": {"abs": 0.01}}, "reply": {"contains": {"value": "sorry", "ignore_case": True}}}


@pytest.mark.parametrize(
    ("options", "output", "value", "passed", "reason"),
    [
        ({}, {**_EXPECTED, "more": 1}, 1.0, True, ""),
        ({"fields": _BY_FIELD}, '{"queue": "card", "amount": 20, "reply": "We are sorry"}', 1.0, True, ""),
        ({"fields": _BY_FIELD}, {"queue": "top_up", "amount": 21, "reply": "sorry"}, 1 / 3, False,
         "1 of 3 fields right: $.queue: expected 'card', got 'top_up'; $.amount: expected 19.99 ± 0.01, got 21"),
        ({"threshold": 0.6}, {**_EXPECTED, "queue": "x"}, 2 / 3, True,
         "2 of 3 fields right: $.queue: expected 'card', got 'x'"),
        ({}, {"queue": "card"}, 1 / 3, False, "1 of 3 fields right: $.amount is missing; $.reply is missing"),
        ({}, "[1]", 0.0, False, "[1] is not an object"),
        ({}, "card", 0.0, False, "the output is not JSON: Expecting value at char 0"),
        ({"value": {"queue": "top"}, "fields": {"tone": {"one_of": ["warm"]}}}, {"queue": "top", "tone": "cold"}, 0.5,
         False, "1 of 2 fields right: $.tone: 'cold' is none of 'warm'"),
    ],
)  # fmt: skip
def test_structured_outputs_are_scored_field_by_field(
    options: dict[str, Any], output: Any, value: float, passed: bool, reason: str
) -> None:
    assert scored({"fields": options}, output, _EXPECTED) == Score("fields", passed, value, reason)


def test_a_field_scorer_that_asks_a_model_is_refused() -> None:
    with pytest.raises(BadInput) as refused:
        built({"fields": {"fields": {"reply": {"judge": {"rubric": "Kind.", "provider": "p", "model": "m"}}}}})
    assert refused.value.message == (
        "scorer 'fields': field 'reply' cannot be scored by 'judge': it asks a model or runs your code"
    )


_LOOKUP = ToolCall("lookup_order", {"order": "1204"})
_REFUND = ToolCall("refund", {"order": "1204", "amount": 5})
_L, _R = ({"name": call.name, "arguments": call.arguments} for call in (_LOOKUP, _REFUND))


@pytest.mark.parametrize(
    ("options", "calls", "value", "passed", "reason"),
    [
        ({"value": [_L, "refund"]}, (_LOOKUP, _REFUND), 1.0, True, ""),
        ({"value": [_L, "refund"]}, (_REFUND, _LOOKUP), 1 / 3, False,
         "not called: refund; called: refund({\"order\":\"1204\",\"amount\":5}), lookup_order({\"order\":\"1204\"})"),
        ({"value": [_L, "refund"], "order": False}, (_REFUND, _LOOKUP), 1.0, True, ""),
        ({"value": [_L]}, (_LOOKUP, _REFUND), 0.5, False, "called too: refund({\"order\":\"1204\",\"amount\":5})"),
        ({"value": [_R], "subset": True}, (_LOOKUP, _REFUND), 1.0, True, ""),
        ({"value": [{"name": "refund", "arguments": {"amount": 5.0}}]}, (_REFUND,), 0.0, False,
         "not called: refund({\"amount\":5.0}); called: refund({\"order\":\"1204\",\"amount\":5})"),
        ({"value": [{"name": "refund", "arguments": {"amount": 5.0}}], "arguments": "subset"}, (_REFUND,),
         1.0, True, ""),
        ({"value": ["refund"]}, (), 0.0, False, "not called: refund; called: nothing"),
        ({"value": []}, (), 1.0, True, ""),
        ({"value": []}, (_LOOKUP,), 0.0, False, "called too: lookup_order({\"order\":\"1204\"})"),
        # whichever stands first, the free one must not take the call that the particular one needs
        ({"value": ["lookup_order", _L], "order": False}, (_LOOKUP, ToolCall("lookup_order", {"order": "9"})),
         1.0, True, ""),
    ],
)  # fmt: skip
def test_tool_calls(
    options: dict[str, Any], calls: tuple[ToolCall, ...], value: float, passed: bool, reason: str
) -> None:
    score = scored({"tool_calls": options}, None, tool_calls=calls)
    assert score == Score("tool_calls", passed, value, reason)


def test_a_case_may_expect_tool_calls() -> None:
    scorer = built("tool_calls")
    case = Case("c1", "x", expected=["lookup_order"])
    assert score_by(scorer, Reply("", tool_calls=(_LOOKUP,)), case).passed
    with pytest.raises(BadInput, match="compares with a list of tool calls"):
        scorer.wanted.check(Case("c1", "x", expected="card"))  # type: ignore[union-attr]
