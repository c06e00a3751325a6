"""Attributes of spans as tests send them, and what is read of a few spans."""

from __future__ import annotations

from typing import Any

from agent_deploy.telemetry import names
from agent_deploy.telemetry.facts.fact import Fact
from tests.telemetry.otlp import Sent, facts, span_id

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
