"""Whose conventions a span follows, and what kind of step it is."""

from __future__ import annotations

from typing import Literal

from agent_deploy.telemetry import names
from agent_deploy.telemetry.facts.fact import Kind
from agent_deploy.telemetry.reading.meaning import OPENLLMETRY, Parts
from agent_deploy.telemetry.reading.span import Span

Origin = Literal["agent_deploy", "gen_ai", "openinference", "openllmetry"]

# agent: what steers other steps, an agent or a chain; the call itself where nothing stands above it.
_Role = Literal["model", "tool", "retrieval", "workflow", "agent", "step"]

# gen_ai.operation.name: the conventions' own, then those that OpenLLMetry adds.
_BY_OPERATION: dict[str, _Role] = {
    names.INVOKE_WORKFLOW: "workflow",
    "invoke_agent": "agent",
    "create_agent": "step",
    names.CHAT: "model",
    "text_completion": "model",
    "generate_content": "model",
    "embeddings": "model",
    names.EXECUTE_TOOL: "tool",
    names.RETRIEVAL: "retrieval",
    "llm_request": "model",
    "completion": "model",
    "execute_task": "step",
    "vector_db_retrieve": "retrieval",
}

# openinference.span.kind (OpenInference, "Span Kinds").
_BY_OPENINFERENCE: dict[str, _Role] = {
    "LLM": "model",
    "EMBEDDING": "model",
    "TOOL": "tool",
    "RETRIEVER": "retrieval",
    "CHAIN": "agent",
    "AGENT": "agent",
}

# traceloop.span.kind and, before it had gen_ai.operation.name, llm.request.type (OpenLLMetry).
_BY_TRACELOOP: dict[str, _Role] = {"workflow": "workflow", "agent": "agent", "tool": "tool", "task": "step"}
_BY_REQUEST: dict[str, _Role] = {"chat": "model", "completion": "model", "embedding": "model", "rerank": "step"}


def kind_of(span: Span, told: Parts) -> Kind | None:
    """The kind of step; None for a span of no LLM workflow: an HTTP server's, say, that our processor did not stamp."""
    role = _role(told)
    call_id = told.get("call_id", "")
    if call_id:
        return _inside_a_call(span, told, role, call_id)
    if role == "workflow":
        return "call"
    if role == "agent":
        return "step" if span.parent_span_id else "call"
    return role


def _inside_a_call(span: Span, told: Parts, role: _Role | None, call_id: str) -> Kind:
    """Of a span that says which call it is inside: that call's root is the call, and nothing else is."""
    if span.span_id == call_id:
        return "call"
    if role is None:
        return "attempt" if "attempt" in told else "step"
    if role == "workflow" or role == "agent":
        return "step"
    return role


def _role(told: Parts) -> _Role | None:
    if "openinference_kind" in told:
        return _BY_OPENINFERENCE.get(told["openinference_kind"].upper(), "step")
    if "operation" in told:
        return _BY_OPERATION.get(told["operation"].lower()) or _by_content(told)
    if "traceloop_kind" in told:
        return _BY_TRACELOOP.get(told["traceloop_kind"].lower(), "step")
    if "request_type" in told:
        return _BY_REQUEST.get(told["request_type"].lower()) or _by_content(told)
    return _by_content(told) if "model" in told or "provider" in told or "tool" in told else None


def _by_content(told: Parts) -> _Role:
    """Where nothing names the operation, as in GenAI conventions before 1.28."""
    if "tool" in told:
        return "tool"
    return "model" if "model" in told and ("input" in told or "output" in told) else "step"


def origin_of(span: Span, told: Parts) -> Origin:
    """Whose conventions the span is read by."""
    if span.scope == names.SCOPE:
        return "agent_deploy"
    if "openinference_kind" in told:
        return "openinference"
    if not OPENLLMETRY.isdisjoint(span.attributes):
        return "openllmetry"
    return "gen_ai" if "operation" in told or "provider" in told else "agent_deploy"
