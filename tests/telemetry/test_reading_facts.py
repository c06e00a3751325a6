"""What spans of each convention become: the same facts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from agent_deploy.telemetry import names
from agent_deploy.telemetry.facts.fact import Fact
from agent_deploy.telemetry.reading import Tally
from tests.telemetry.otlp import TRACE, Sent, facts, span_id
from tests.telemetry.spans import CHAT, OI_CHAT, STAMP, USED, kinds, only, tokens


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
