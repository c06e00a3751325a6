"""What spans of each convention become: the same facts, each token once, and nothing of their content."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_deploy.telemetry import names
from agent_deploy.telemetry.facts.fact import Fact
from agent_deploy.telemetry.reading import Nesting, Tally
from agent_deploy.telemetry.reading.meaning import MEANINGS
from tests.telemetry.otlp import SECOND_NS, START_NS, TRACE, Sent, facts, span_id

STAMP = {
    names.WORKFLOW: "support-triage",
    names.ENVIRONMENT: "production",
    names.TENANT: "acme",
    names.GENERATION: 3,
    names.BUNDLE_VERSION: 42,
    names.BUNDLE_TAG: "1.4.0",
    names.BUNDLE_DIGEST: "sha256:ab",
    names.CALL_ID: span_id(1),
}
CHAT = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-5-mini"}
USED = {"gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 20}
OI_CHAT = {"openinference.span.kind": "LLM", "llm.model_name": "gpt-5-mini", "llm.provider": "openai"}


def only(*spans: Sent, **more: Any) -> Fact:
    (fact,) = facts(*spans, **more)
    return fact


def tokens(fact: Fact) -> tuple[int | None, ...]:
    """Input, output, cache read, cache write, reasoning."""
    return (
        fact.input_tokens, fact.output_tokens, fact.cache_read_tokens, fact.cache_write_tokens, fact.reasoning_tokens,
    )  # fmt: skip


def kinds(*spans: Sent, **more: Any) -> dict[str, str]:
    """Kind by span name."""
    return {fact.name: fact.kind for fact in facts(*spans, **more)}


# --- Our own ----------------------------------------------------------------------------------------------------------


def test_a_call_of_ours_is_told_whole() -> None:
    root = Sent(
        1, 0,
        STAMP | {
            names.OPERATION: names.INVOKE_WORKFLOW, names.AGENT_NAME: "support-triage", names.REQUEST_ID: "r-1",
            names.USER_ID: "hmac:7", names.CONVERSATION: "c-9", names.OUTCOME: "resolved", names.CONFIDENCE: 0.83,
        },
        name="invoke_workflow support-triage", took=1.5,
    )  # fmt: skip
    assert only(root, scope=names.SCOPE) == Fact(
        trace_id=TRACE, span_id=span_id(1), parent_span_id="", call_id=span_id(1), kind="call",
        name="invoke_workflow support-triage", started_at=datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC),
        duration_ms=1500.0, workflow="support-triage", environment="production", version=42, tag="1.4.0",
        digest="sha256:ab", generation=3, tenant="acme", user="hmac:7", request_id="r-1", conversation="c-9",
        outcome="resolved", confidence=0.83,
    )  # fmt: skip


def test_a_model_step_of_ours_is_told_whole() -> None:
    step = Sent(
        2, 1,
        STAMP | CHAT | {
            names.RESPONSE_MODEL: "gpt-5-mini-2025-08-07", names.USAGE_INPUT: 1000, names.USAGE_OUTPUT: 50,
            names.USAGE_CACHE_READ: 900, names.USAGE_CACHE_WRITE: 60, names.USAGE_REASONING: 20, names.ATTEMPT: 2,
            names.PARSE_OK: False, names.COST_USD: 0.25, names.TIER: "batch",
        },
        name="chat gpt-5-mini",
    )  # fmt: skip
    fact = only(step, scope=names.SCOPE)
    assert (fact.kind, fact.provider, fact.model, fact.tier) == ("model", "openai", "gpt-5-mini-2025-08-07", "batch")
    assert tokens(fact) == (1000, 50, 900, 60, 20)
    assert (fact.attempt, fact.parse_ok, fact.reported_cost_usd, fact.origin) == (2, False, 0.25, "agent_deploy")


def test_steps_of_ours_are_sorted_by_kind() -> None:
    found = kinds(
        Sent(2, 1, STAMP | {names.OPERATION: names.EXECUTE_TOOL, names.TOOL_NAME: "lookup"}, name="tool"),
        Sent(3, 1, STAMP | {names.OPERATION: names.RETRIEVAL}, name="retrieval"),
        Sent(4, 1, STAMP | {names.ATTEMPT: 1}, name="attempt"),
        Sent(5, 1, STAMP, name="httpx, stamped by our processor"),
        Sent(6, 5, STAMP | {"gen_ai.operation.name": "invoke_agent"}, name="an agent inside"),
        Sent(7, 5, STAMP | {"traceloop.span.kind": "workflow"}, name="a workflow inside"),
        scope=names.SCOPE,
    )
    assert found == {
        "tool": "tool", "retrieval": "retrieval", "attempt": "attempt", "httpx, stamped by our processor": "step",
        "an agent inside": "step", "a workflow inside": "step",
    }  # fmt: skip


# --- Others' conventions ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attributes", "origin"),
    [
        pytest.param(
            {
                "gen_ai.operation.name": "chat", "gen_ai.provider.name": "azure.ai.openai",
                "gen_ai.request.model": "prod-deployment", "gen_ai.response.model": "gpt-5-mini",
                "gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 50,
                "gen_ai.usage.cache_read.input_tokens": 900, "gen_ai.usage.cache_write.input_tokens": 60,
                "gen_ai.usage.reasoning.output_tokens": 20, "openai.response.service_tier": "flex",
            },
            "gen_ai", id="genai-of-today",
        ),
        pytest.param(
            {
                "gen_ai.operation.name": "chat", "gen_ai.system": "az.ai.openai", "gen_ai.response.model": "gpt-5-mini",
                "gen_ai.usage.prompt_tokens": 1000, "gen_ai.usage.completion_tokens": 50,
                "gen_ai.usage.cache_read.input_tokens": 900, "gen_ai.usage.cache_creation.input_tokens": 60,
                "gen_ai.usage.reasoning_tokens": 20, "gen_ai.openai.response.service_tier": "flex",
            },
            "gen_ai", id="genai-of-yesterday",
        ),
        pytest.param(
            {
                "llm.request.type": "chat", "gen_ai.system": "Azure", "gen_ai.request.model": "gpt-5-mini",
                "gen_ai.usage.prompt_tokens": 1000, "gen_ai.usage.completion_tokens": 50,
                "gen_ai.usage.cache_read_input_tokens": 900, "gen_ai.usage.cache_creation_input_tokens": 60,
                "llm.usage.total_tokens": 1050, "llm.usage.reasoning_tokens": 20,
                "gen_ai.openai.request.service_tier": "flex", "traceloop.workflow.name": "triage",
            },
            "openllmetry", id="openllmetry",
        ),
        pytest.param(
            {
                "openinference.span.kind": "LLM", "llm.provider": "azure", "llm.system": "openai",
                "llm.model_name": "gpt-5-mini", "llm.token_count.prompt": 1000, "llm.token_count.completion": 50,
                "llm.token_count.total": 1050, "llm.token_count.prompt_details.cache_read": 900,
                "llm.token_count.prompt_details.cache_write": 60,
                "llm.token_count.completion_details.reasoning": 20, "openai.response.service_tier": "flex",
            },
            "openinference", id="openinference",
        ),
    ],
)  # fmt: skip
def test_a_model_call_is_the_same_fact_in_every_convention(attributes: dict[str, Any], origin: str) -> None:
    fact = only(Sent(2, 1, attributes))
    assert (fact.kind, fact.provider, fact.model, fact.tier) == ("model", "azure.ai.openai", "gpt-5-mini", "flex")
    assert (tokens(fact), fact.origin) == ((1000, 50, 900, 60, 20), origin)


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        ({"gen_ai.operation.name": "invoke_workflow"}, "call"),
        ({"gen_ai.operation.name": "text_completion"}, "model"),
        ({"gen_ai.operation.name": "embeddings"}, "model"),
        ({"gen_ai.operation.name": "something new", "gen_ai.request.model": "m", **USED}, "model"),
        ({"gen_ai.operation.name": "something new"}, "step"),
        ({"gen_ai.operation.name": "execute_tool"}, "tool"),
        ({"gen_ai.system": "openai", "gen_ai.request.model": "m", "gen_ai.usage.prompt_tokens": 1}, "model"),
        ({"openinference.span.kind": "EMBEDDING"}, "model"),
        ({"openinference.span.kind": "RETRIEVER"}, "retrieval"),
        ({"openinference.span.kind": "TOOL"}, "tool"),
        ({"openinference.span.kind": "GUARDRAIL"}, "step"),
        ({"traceloop.span.kind": "workflow"}, "call"),
        ({"traceloop.span.kind": "task"}, "step"),
        ({"llm.request.type": "completion"}, "model"),
        ({"llm.request.type": "rerank"}, "step"),
    ],
)
def test_spans_of_others_are_sorted_by_kind(attributes: dict[str, Any], kind: str) -> None:
    assert only(Sent(2, 1, attributes)).kind == kind


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai.operation.name": "invoke_agent"},
        {"openinference.span.kind": "AGENT"},
        {"openinference.span.kind": "CHAIN"},
    ],
)
def test_an_agent_is_the_call_where_nothing_is_above_it_and_a_step_elsewhere(attributes: dict[str, Any]) -> None:
    assert (only(Sent(1, 0, attributes)).kind, only(Sent(2, 1, attributes)).kind) == ("call", "step")


def test_spans_of_no_llm_workflow_are_left_out_and_counted() -> None:
    tally = Tally()
    assert facts(Sent(1, 0, {"user.id": "u", "service.name": "x"}, name="GET /"), tally=tally) == []
    assert (tally.spans, tally.left_out) == (1, {"of no LLM workflow": 1})


def test_steps_without_our_stamp_take_what_holds_for_the_call_from_its_root() -> None:
    root = Sent(1, 0, {
        "openinference.span.kind": "AGENT", "agent.name": "triage", "session.id": "c-9", "user.id": "u-17",
    }, took=5)  # fmt: skip
    step = Sent(2, 1, OI_CHAT | {"session.id": "c-10"})
    found = facts(root, step, resource={"service.name": "api", "deployment.environment.name": "staging"})
    assert [(fact.workflow, fact.environment, fact.user, fact.conversation) for fact in found] == [
        ("triage", "staging", "u-17", "c-10"),
        ("triage", "staging", "u-17", "c-9"),
    ]


def test_an_application_without_our_client_says_its_bundle_in_its_resource() -> None:
    # As OTEL_RESOURCE_ATTRIBUTES has it: all text.
    resource = {names.WORKFLOW: "support-triage", names.BUNDLE_VERSION: "42", names.ENVIRONMENT: "production"}
    fact = only(Sent(2, 1, CHAT), resource=resource)
    assert (fact.workflow, fact.version, fact.environment) == ("support-triage", 42, "production")


def test_the_service_stands_for_a_workflow_that_nobody_names() -> None:
    assert only(Sent(2, 1, CHAT), resource={"service.name": "api"}).workflow == "api"
    assert only(Sent(2, 1, CHAT), resource={"service.name": "unknown_service:python"}).workflow == ""


# --- Tokens, each once ------------------------------------------------------------------------------------------------


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


# --- Failures and verdicts --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attributes", "more", "mode", "error_type"),
    [
        ({}, {}, "", ""),
        ({"error.type": "timeout"}, {}, "timeout", "timeout"),
        ({"error.type": "429"}, {"error": True}, "rate_limit", "429"),
        ({"error.type": "openai.RateLimitError"}, {}, "rate_limit", "openai.RateLimitError"),
        ({names.FAILURE_MODE: "low_confidence"}, {}, "low_confidence", ""),
        ({names.FAILURE_MODE: "parse_error", "error.type": "ValueError"}, {}, "parse_error", "ValueError"),
        ({names.FAILURE_MODE: "bad mood", "error.type": "503"}, {}, "downstream_error", "503"),
        ({}, {"error": True}, "other", ""),
        ({}, {"error": True, "events": [("exception", {"exception.type": "A"}),
                                        ("exception", {"exception.type": "httpx.ReadTimeout"})]},
         "timeout", "httpx.ReadTimeout"),
        ({}, {"events": [("exception", {"exception.type": "KeyError"})]}, "", ""),  # it was handled
    ],
)  # fmt: skip
def test_what_failed_and_why(attributes: dict[str, Any], more: dict[str, Any], mode: str, error_type: str) -> None:
    fact = only(Sent(2, 1, CHAT | attributes, **more))
    assert (fact.failed, fact.failure_mode, fact.error_type) == (mode != "", mode, error_type)


def evaluation(value: float | None = None, label: str = "") -> tuple[str, dict[str, Any]]:
    said = {names.EVALUATION_VALUE: value, names.EVALUATION_LABEL: label or None}
    return (names.EVALUATION_EVENT, {name: held for name, held in said.items() if held is not None})


@pytest.mark.parametrize(
    ("events", "score", "passed"),
    [
        ([], None, None),
        ([evaluation(0.5, "passed")], 0.5, True),
        ([evaluation(1.0, "Pass"), evaluation(0.5, "failed")], 0.75, False),
        ([evaluation(4.0)], 4.0, None),  # what is enough, nobody says
        ([evaluation(label="fail")], None, False),
        ([evaluation(0.9, "relevant"), evaluation(0.9, "pass")], 0.9, True),
    ],
)
def test_evaluations_become_a_score_and_a_verdict(events: list[Any], score: float | None, passed: bool | None) -> None:
    fact = only(Sent(1, 0, STAMP, events=events))
    assert (fact.score, fact.score_passed) == (score, passed)


# --- Odd values -------------------------------------------------------------------------------------------------------


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
