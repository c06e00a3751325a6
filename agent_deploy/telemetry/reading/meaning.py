"""What each attribute means: one table for all conventions, from an attribute's name to the part of a fact it tells.

Conventions: ours (`agent_deploy.*`); OpenTelemetry GenAI as of semantic-conventions-genai 0.1, and the names that it
had in semantic-conventions 1.27 to 1.40; OpenInference 0.1.42; OpenLLMetry (opentelemetry-semantic-conventions-ai
0.5.1 and the `llm.*` names before it).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from agent_deploy.costs.usage import MOST_TOKENS
from agent_deploy.telemetry import names
from agent_deploy.telemetry.reading.span import Tally

_LONGEST = 256
_MOST_DIGITS = 18  # what fits into 64 bits for certain
_LAST = 99  # behind every rank
# What is beyond is no measure of anything, and two of the greatest fractions already add up to infinity.
_MOST_REAL = 10**15
_MOST_USD = 10**6  # of one request to a model


def text(value: Any) -> str | None:
    """Text of at most 256 characters: these are names and ids, and a longer one is not what it claims to be."""
    return value[:_LONGEST] if isinstance(value, str) else None


def whole(value: Any) -> int | None:
    """A whole number from 0 up; also as digits, for resource attributes set by environment variables are text."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if 0 <= value < 10**_MOST_DIGITS else None
    if isinstance(value, float):
        return int(value) if value.is_integer() and 0 <= value < 10**_MOST_DIGITS else None
    if isinstance(value, str) and len(value) <= _MOST_DIGITS and value.isascii() and value.isdecimal():
        return int(value)
    return None


def tokens(value: Any) -> int | None:
    """A count of tokens, as `whole`, that one request to a model can have taken."""
    count = whole(value)
    return count if count is not None and count <= MOST_TOKENS else None


def real(value: Any) -> float | None:
    """A number of at most 10^15 either way."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if -_MOST_REAL <= value <= _MOST_REAL else None
    return None


def money(value: Any) -> float | None:
    """What a request to a model may have cost: from 0 to a million dollars."""
    usd = real(value)
    return usd if usd is not None and 0 <= usd <= _MOST_USD else None


def truth(value: Any) -> bool | None:
    """True or False."""
    return value if isinstance(value, bool) else None


# Part -> the attributes that tell it, the most trusted first.
_TEXT: dict[str, tuple[str, ...]] = {
    "operation": (names.OPERATION,),
    "openinference_kind": ("openinference.span.kind",),
    "traceloop_kind": ("traceloop.span.kind",),
    "request_type": ("llm.request.type",),
    "workflow": (names.WORKFLOW, names.OLD_WORKFLOW_NAME, "traceloop.workflow.name"),
    "agent": (names.AGENT_NAME, "traceloop.entity.name", "agent.name"),
    "call_id": (names.CALL_ID,),
    "environment": (names.ENVIRONMENT, "deployment.environment.name", "deployment.environment"),
    "tag": (names.BUNDLE_TAG,),
    "digest": (names.BUNDLE_DIGEST,),
    "tenant": (names.TENANT, "traceloop.association.properties.tenant_id"),
    "user": (names.USER_ID, "traceloop.association.properties.user_id"),
    "request_id": (names.REQUEST_ID,),
    "conversation": (names.CONVERSATION, "session.id", "traceloop.association.properties.session_id"),
    "service": ("service.name",),
    "provider": (names.PROVIDER, names.OLD_SYSTEM, "llm.provider", "llm.system"),
    "model": (
        names.RESPONSE_MODEL,
        "llm.response.model_name",
        names.REQUEST_MODEL,
        "llm.model_name",
        "llm.request.model_name",
        "embedding.model_name",
    ),
    "tier": (
        names.TIER,
        "openai.response.service_tier",
        "gen_ai.openai.response.service_tier",
        "openai.request.service_tier",
        "gen_ai.openai.request.service_tier",
    ),
    "tool": (names.TOOL_NAME, "tool.name"),
    "error_type": (names.ERROR_TYPE, names.EXCEPTION_TYPE),
    "failure_mode": (names.FAILURE_MODE,),
    "outcome": (names.OUTCOME,),
    "score_label": (names.EVALUATION_LABEL, "evaluation.label"),
}  # fmt: skip

_WHOLE: dict[str, tuple[str, ...]] = {
    "version": (names.BUNDLE_VERSION,),
    "generation": (names.GENERATION,),
    "attempt": (names.ATTEMPT,),
}

_TOKENS: dict[str, tuple[str, ...]] = {
    "input": (names.USAGE_INPUT, names.OLD_USAGE_PROMPT, "llm.usage.prompt_tokens", "llm.token_count.prompt"),
    "output": (
        names.USAGE_OUTPUT,
        names.OLD_USAGE_COMPLETION,
        "llm.usage.completion_tokens",
        "llm.token_count.completion",
    ),
    "total": ("gen_ai.usage.total_tokens", "llm.usage.total_tokens", "llm.token_count.total"),
    "cache_read": (
        names.USAGE_CACHE_READ,
        "gen_ai.usage.cache_read_input_tokens",
        "llm.token_count.prompt_details.cache_read",
    ),
    "cache_write": (
        names.USAGE_CACHE_WRITE,
        names.OLD_USAGE_CACHE_CREATION,
        "gen_ai.usage.cache_creation_input_tokens",
        "llm.token_count.prompt_details.cache_write",
    ),
    "reasoning": (
        names.USAGE_REASONING,
        "gen_ai.usage.reasoning_tokens",
        "llm.usage.reasoning_tokens",
        "llm.token_count.completion_details.reasoning",
    ),
}  # fmt: skip

_MONEY: dict[str, tuple[str, ...]] = {"cost": (names.COST_USD, "gen_ai.usage.cost", "llm.cost.total")}

_REAL: dict[str, tuple[str, ...]] = {
    "confidence": (names.CONFIDENCE,),
    "score": (names.EVALUATION_VALUE, "evaluation.score"),
}

_TRUTH: dict[str, tuple[str, ...]] = {"parse_ok": (names.PARSE_OK,)}


class Meaning(NamedTuple):
    """part: what the attribute tells. rank: 0 for the most trusted of several. read: the value, None if of no use."""

    part: str
    rank: int
    read: Callable[[Any], Any]


MEANINGS: dict[str, Meaning] = {
    name: Meaning(part, rank, read)
    for read, parts in (
        (text, _TEXT),
        (whole, _WHOLE),
        (tokens, _TOKENS),
        (money, _MONEY),
        (real, _REAL),
        (truth, _TRUTH),
    )
    for part, attributes in parts.items()
    for rank, name in enumerate(attributes)
}

# Attributes whose very presence says that OpenLLMetry made the span, though its other names are those of GenAI.
OPENLLMETRY = frozenset(
    {
        "gen_ai.is_streaming",
        "llm.is_streaming",
        "llm.request.type",
        "gen_ai.usage.total_tokens",
        "llm.usage.total_tokens",
        "traceloop.span.kind",
        "traceloop.workflow.name",
        "traceloop.entity.name",
    }
)

_MEMBERS: dict[Callable[[Any], Any], str] = {
    text: "string_value", whole: "int_value", tokens: "int_value", money: "double_value", real: "double_value",
    truth: "bool_value",
}  # fmt: skip

# All that is converted of a span, its resource and its events, and the member of OTLP's AnyValue that it should be in;
# whatever else they carry is passed over.
WANTED: dict[str, str] = {
    **dict.fromkeys(OPENLLMETRY, "int_value"),
    **{name: _MEMBERS[meaning.read] for name, meaning in MEANINGS.items()},
}

Parts = dict[str, Any]


def parts_of(attributes: Mapping[str, Any], tally: Tally) -> Parts:
    """What the attributes tell, part by part, each in the words of its most trusted attribute.

    A value of the wrong type, or out of range, is passed over and counted; an empty text says nothing.
    """
    told: Parts = {}
    ranks: dict[str, int] = {}
    for name, raw in attributes.items():
        meaning = MEANINGS.get(name)
        if meaning is None:
            continue
        part, rank, read = meaning
        value = read(raw)
        if value is None:
            tally.ignored[name] += 1
        elif value != "" and rank < ranks.get(part, _LAST):
            told[part], ranks[part] = value, rank
    return told
