"""Each token counts once, whoever reports it, and however often."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_deploy.telemetry import names
from agent_deploy.telemetry.reading import Nesting
from tests.telemetry.otlp import TRACE, Sent, facts, span_id
from tests.telemetry.spans import CHAT, OI_CHAT, STAMP, USED, kinds, only


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        pytest.param(
            {"gen_ai.provider.name": "anthropic", "gen_ai.usage.input_tokens": 12,
             "gen_ai.usage.cache_read.input_tokens": 900, "gen_ai.usage.cache_creation.input_tokens": 60},
            972, id="an-input-smaller-than-its-cached-part-leaves-it-out",
        ),
        pytest.param(
            {"gen_ai.provider.name": "anthropic", "gen_ai.usage.input_tokens": 1000,
             "gen_ai.usage.cache_read.input_tokens": 900},
            1000, id="the-conventions-hold-otherwise",
        ),
        pytest.param(
            {"gen_ai.provider.name": "aws.bedrock", "gen_ai.usage.input_tokens": 1000, "gen_ai.is_streaming": False,
             "gen_ai.usage.cache_read.input_tokens": 900},
            1900, id="openllmetry-hands-on-what-bedrock-says",
        ),
        pytest.param(
            {"openinference.span.kind": "LLM", "llm.token_count.prompt": 1000, "llm.token_count.completion": 20,
             "llm.token_count.prompt_details.cache_read": 900, "llm.token_count.total": 1920},
            1900, id="the-total-shows-that-it-is-left-out",
        ),
        pytest.param(
            {"openinference.span.kind": "LLM", "llm.token_count.prompt": 1000, "llm.token_count.completion": 20,
             "llm.token_count.prompt_details.cache_read": 900, "llm.token_count.total": 1020},
            1000, id="the-total-shows-that-it-is-included",
        ),
    ],
)  # fmt: skip
def test_input_includes_what_a_cache_read_and_wrote_whoever_reports_it(
    attributes: dict[str, Any], expected: int
) -> None:
    fact = only(Sent(2, 1, {"gen_ai.operation.name": "chat", "gen_ai.usage.output_tokens": 20} | attributes))
    assert fact.input_tokens == expected


def test_our_own_spans_say_the_whole_input() -> None:
    step = Sent(2, 1, STAMP | CHAT | {names.USAGE_INPUT: 10, names.USAGE_CACHE_READ: 900})
    assert only(step, scope=names.SCOPE).input_tokens == 10  # wrong, but said; pricing reports it as unknown


def test_an_agent_that_repeats_the_sum_of_its_model_calls_adds_nothing() -> None:
    agent = Sent(1, 0, {"gen_ai.operation.name": "invoke_agent", "gen_ai.usage.cost": 1.0, **USED}, took=9)
    found = facts(agent, Sent(2, 1, CHAT | USED, at=1), Sent(3, 1, CHAT | USED, at=3))
    assert [fact.input_tokens for fact in found] == [100, 100, None]
    assert found[-1].reported_cost_usd is None


def test_of_model_calls_one_around_the_other_the_innermost_counts() -> None:
    outer = Sent(2, 1, STAMP | CHAT | USED, name="ours", took=3)
    between = Sent(3, 2, {"http.request.method": "POST"}, name="a span of no LLM", at=0.5, took=2)
    inner = Sent(4, 3, OI_CHAT | {"llm.token_count.prompt": 100}, name="theirs", at=1)
    found = {fact.name: (fact.kind, fact.input_tokens) for fact in facts(outer, between, inner)}
    assert found == {"ours": ("step", None), "theirs": ("model", 100)}


def test_it_counts_once_too_where_the_two_come_in_different_requests() -> None:
    nesting = Nesting()
    inner = facts(Sent(4, 2, CHAT | USED, at=1), nesting=nesting)
    outer = facts(Sent(2, 1, CHAT | USED, took=3), nesting=nesting)
    again = facts(Sent(2, 1, CHAT | USED, took=3), nesting=nesting)
    assert [fact.input_tokens for fact in inner + outer + again] == [100, None, None]


def test_an_inner_call_that_says_no_tokens_leaves_them_to_the_outer_one() -> None:
    outer, streamed = Sent(2, 1, CHAT | USED, name="outer", took=3), Sent(3, 2, CHAT, name="inner", at=1)
    found = {fact.name: (fact.kind, fact.input_tokens) for fact in facts(outer, streamed)}
    assert found == {"inner": ("step", None), "outer": ("model", 100)}


def test_a_failed_request_that_is_told_twice_is_one_failed_model_call() -> None:
    failed = CHAT | {"error.type": "timeout"}
    outer, inner = Sent(2, 1, failed, name="outer", took=3), Sent(3, 2, failed, name="inner", at=1)
    assert kinds(outer, inner) == {"inner": "model", "outer": "step"}


def test_a_failed_try_inside_a_call_that_succeeds_without_telling_takes_none_of_its_tokens() -> None:
    tries = [
        Sent(3, 2, CHAT | {"error.type": "timeout"}, name="first", at=1),
        Sent(4, 2, CHAT | USED, name="second", at=2.5),
    ]
    found = {
        fact.name: (fact.kind, fact.input_tokens) for fact in facts(Sent(2, 1, CHAT, name="outer", took=9), *tries)
    }
    assert found == {"first": ("model", None), "second": ("model", 100), "outer": ("step", None)}


def test_a_failed_try_inside_a_call_that_tells_its_tokens_is_a_model_call_of_its_own() -> None:
    outer = Sent(2, 1, CHAT | USED, name="outer", took=9)
    tries = [Sent(3, 2, CHAT | {"error.type": "timeout"}, name="first", at=1), Sent(4, 2, CHAT, name="second", at=2.5)]
    assert kinds(outer, *tries) == {"first": "model", "second": "step", "outer": "model"}


def test_an_embedding_inside_a_model_call_is_no_repetition_of_it() -> None:
    outer = Sent(2, 1, CHAT | USED, took=3)
    lookup = Sent(3, 2, {"gen_ai.operation.name": "embeddings", "gen_ai.usage.input_tokens": 7}, at=1)
    assert [(fact.kind, fact.input_tokens) for fact in facts(outer, lookup)] == [("model", 7), ("model", 100)]


def test_the_same_ids_in_another_trace_are_other_spans() -> None:
    nesting = Nesting()
    facts(Sent(4, 2, CHAT | USED), nesting=nesting)
    assert only(Sent(2, 1, CHAT | USED, trace="f" * 32), nesting=nesting).kind == "model"


def test_nesting_is_remembered_within_bounds() -> None:
    nesting = Nesting(most=10)
    for number in range(1, 1000):
        nesting.note(TRACE, span_id(number), 1)
    assert nesting.inside(TRACE, span_id(999)) == 1
    assert nesting.inside(TRACE, span_id(1)) == 0


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.booleans())
def test_the_cached_part_never_exceeds_the_input_of_others(given: int, read: int, written: int, total: bool) -> None:
    said = {
        "gen_ai.usage.input_tokens": given,
        "gen_ai.usage.cache_read.input_tokens": read,
        "gen_ai.usage.cache_write.input_tokens": written,
    }
    fact = only(Sent(2, 1, CHAT | said | ({"gen_ai.usage.total_tokens": given + read + written} if total else {})))
    assert fact.input_tokens in (given, given + read + written)
    assert fact.input_tokens is not None
    assert fact.input_tokens >= read + written
