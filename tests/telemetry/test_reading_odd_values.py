"""Odd values break nothing and are counted; and content never becomes part of a fact."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_deploy.telemetry import names
from agent_deploy.telemetry.reading import Tally
from agent_deploy.telemetry.reading.meaning import MEANINGS
from tests.telemetry.otlp import SECOND_NS, START_NS, TRACE, Sent, facts, span_id
from tests.telemetry.spans import CHAT, only, tokens


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (names.USAGE_INPUT, "many"), (names.USAGE_INPUT, -1), (names.USAGE_INPUT, 1.5), (names.USAGE_INPUT, True),
        (names.USAGE_INPUT, 2**62), (names.USAGE_INPUT, ["1"]), (names.USAGE_INPUT, None), (names.USAGE_INPUT, b"1"),
        (names.TENANT, 7), (names.TENANT, ["a"]), (names.CONFIDENCE, "high"), (names.CONFIDENCE, float("nan")),
        (names.CONFIDENCE, float("inf")), (names.PARSE_OK, "true"), (names.BUNDLE_VERSION, "forty-two"),
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_type_is_ignored_and_counted(name: str, value: Any) -> None:
    tally = Tally()
    assert only(Sent(2, 1, CHAT | {name: value}), tally=tally) == only(Sent(2, 1, CHAT))
    assert tally.ignored == {name: 1}


def test_whole_numbers_come_as_fractions_and_text_too() -> None:
    assert tokens(only(Sent(2, 1, CHAT | {names.USAGE_INPUT: 12.0, names.USAGE_OUTPUT: "7"})))[:2] == (12, 7)


def test_overlong_text_is_cut() -> None:
    fact = only(Sent(2, 1, CHAT | {names.TENANT: "x" * 10_000}, name="y" * 10_000))
    assert (len(fact.tenant), len(fact.name)) == (256, 256)


def test_a_clock_that_was_set_back_gives_no_negative_duration() -> None:
    tally = Tally()
    assert only(Sent(2, 1, CHAT, took=-5), tally=tally).duration_ms == 0.0
    assert tally.ignored == {"end time before the start": 1}


def test_times_keep_their_microseconds() -> None:
    fact = only(Sent(2, 1, CHAT, at=0.123456))
    assert START_NS % SECOND_NS == 0
    assert fact.started_at.microsecond == 123456


def test_no_content_ever_becomes_part_of_a_fact() -> None:
    secret = "4111-1111"
    content = {
        "gen_ai.input.messages": secret, "gen_ai.output.messages": secret, "gen_ai.system_instructions": secret,
        "gen_ai.tool.call.arguments": secret, "gen_ai.tool.call.result": secret, "gen_ai.prompt.0.content": secret,
        "gen_ai.completion.0.content": secret, "input.value": secret, "output.value": secret, "metadata": secret,
        "llm.input_messages.0.message.content": secret, "traceloop.entity.input": secret,
        "traceloop.entity.output": secret, "gen_ai.evaluation.explanation": secret, "exception.message": secret,
    }  # fmt: skip
    events = [("exception", content), (names.EVALUATION_EVENT, content), ("gen_ai.content.prompt", content)]
    fact = only(Sent(2, 1, CHAT | content, error=True, events=events))
    assert secret not in str(asdict(fact))


@given(
    st.dictionaries(
        st.sampled_from(sorted(MEANINGS)),
        st.one_of(st.text(max_size=9), st.integers(-(2**63), 2**63 - 1), st.floats(), st.booleans(), st.none()),
        max_size=12,
    )
)
def test_no_values_break_the_reader(attributes: dict[str, Any]) -> None:
    for fact in facts(Sent(2, 1, attributes, events=[("exception", attributes), (names.EVALUATION_EVENT, attributes)])):
        assert (fact.trace_id, fact.span_id) == (TRACE, span_id(2))
        assert fact.failed == (fact.failure_mode != "")
