"""A fact: what is kept of one span. One row for a call as a whole, one for each of its steps; no content, ever.

The columns are the same in the spool (JSON lines), in the segments (Parquet) and in queries (DuckDB).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal

from registry.times import from_text, to_text

# call: one execution of a workflow, its root span. attempt: one try of a step that is retried.
Kind = Literal["call", "model", "tool", "retrieval", "attempt", "step"]


@dataclass(frozen=True, slots=True)
class Fact:
    """One span. Text is empty, and version and generation 0, where the span did not say.

    trace_id, span_id: hex, 32 and 16 digits; together they are the fact's identity, so a span delivered twice counts
    once. call_id: the span id of the call's root, stamped on every span inside; empty for spans of applications
    without our span processor, where the trace stands for the call. Tokens are those of this span's own model call:
    input includes what was read from and written to a cache, output includes reasoning; None where not said.
    reported_cost_usd: what the span itself says that it cost. failure_mode: timeout, rate_limit, parse_error,
    low_confidence, downstream_error or other; empty when it did not fail. attempt: 1, 2, 3… for a retried step, else 0.
    score, score_passed: an evaluation of the call recorded on the span. origin: whose conventions it was read by
    (agent_deploy, gen_ai, openinference, openllmetry).
    """

    trace_id: str
    span_id: str
    parent_span_id: str
    call_id: str
    kind: Kind
    name: str
    started_at: datetime
    duration_ms: float
    workflow: str = ""
    environment: str = ""
    version: int = 0
    tag: str = ""
    digest: str = ""
    generation: int = 0
    tenant: str = ""
    user: str = ""
    request_id: str = ""
    conversation: str = ""
    provider: str = ""
    model: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    tier: str = ""
    reported_cost_usd: float | None = None
    failed: bool = False
    failure_mode: str = ""
    error_type: str = ""
    attempt: int = 0
    tool: str = ""
    outcome: str = ""
    confidence: float | None = None
    parse_ok: bool | None = None
    score: float | None = None
    score_passed: bool | None = None
    origin: str = "agent_deploy"


_TYPES = {
    "str": "VARCHAR",
    "Kind": "VARCHAR",
    "int": "BIGINT",
    "int | None": "BIGINT",
    "float": "DOUBLE",
    "float | None": "DOUBLE",
    "bool": "BOOLEAN",
    "bool | None": "BOOLEAN",
    "datetime": "TIMESTAMP",
}

# Column -> DuckDB type, in order. Moments are UTC without a zone, microseconds.
COLUMNS = {column.name: _TYPES[str(column.type)] for column in fields(Fact)}


def fact_document(fact: Fact) -> dict[str, Any]:
    """The fact as a line of the spool: every column, moments as RFC 3339 text."""
    document = {name: getattr(fact, name) for name in COLUMNS}
    document["started_at"] = to_text(fact.started_at)
    return document


def fact_of(document: dict[str, Any]) -> Fact:
    """The fact that `fact_document` wrote."""
    return Fact(**{**document, "started_at": from_text(document["started_at"])})
