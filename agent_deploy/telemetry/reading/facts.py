"""Facts, from spans of any origin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from agent_deploy.costs.providers import one_name
from agent_deploy.telemetry.facts.fact import Fact, Kind
from agent_deploy.telemetry.reading.kinds import Origin, kind_of, origin_of
from agent_deploy.telemetry.reading.meaning import Parts, parts_of
from agent_deploy.telemetry.reading.nesting import EMBEDDING, NOTHING, TEXT, UNTOLD, Nesting, repeats
from agent_deploy.telemetry.reading.span import Span, Tally
from agent_deploy.telemetry.reading.tokens import NONE, tokens_of
from agent_deploy.telemetry.reading.verdicts import failure_of, is_failure, judgement_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_NAME = 256

_PLAIN_TIERS = frozenset({"auto", "default", "standard"})

# What a call's root tells of the call as a whole, and its steps need not repeat.
_OF_THE_CALL = (
    "workflow", "environment", "version", "tag", "digest", "generation", "tenant", "user", "request_id", "conversation",
)  # fmt: skip


class _Read(NamedTuple):
    span: Span
    told: Parts
    kind: Kind
    origin: Origin


def facts_of(spans: Iterable[Span], tally: Tally | None = None, nesting: Nesting | None = None) -> list[Fact]:
    """A fact for each span of an LLM workflow, in the order of their ends; the others are left out, and counted.

    Spans that say nothing of their workflow, tenant and so on have it from their call's root, where that is among
    these spans, then from their resource. nesting: what came before; hand in the same one for all that is read.
    Raises nothing for what spans say.
    """
    tally = Tally() if tally is None else tally
    nesting = Nesting() if nesting is None else nesting
    in_order = sorted(spans, key=lambda span: (span.end_ns, -span.start_ns))  # those inside before those around them
    read = [one for span in in_order if (one := _read(span, tally, nesting))]
    resources = {id(one.span.resource): one.span.resource for one in read}
    senders = {key: _of_the_call(parts_of(resource, tally)) for key, resource in resources.items()}
    roots = {one.span.trace_id: _of_the_call(one.told) for one in read if one.kind == "call"}
    counted = {(one.span.trace_id, one.span.span_id) for one in read if one.kind == "model" and _has_tokens(one.told)}
    return [_fact(_less_repeated(one, counted), senders[id(one.span.resource)], roots, tally) for one in read]


def _read(span: Span, tally: Tally, nesting: Nesting) -> _Read | None:
    told = parts_of(span.attributes, tally)
    kind = kind_of(span, told)
    inside = nesting.inside(span.trace_id, span.span_id)
    own = _request(told) if kind == "model" else NOTHING
    has_tokens = _has_tokens(told)
    if own and repeats(own, has_tokens, inside):
        kind = "step"
    if span.parent_span_id and (own or inside):
        nesting.note(span.trace_id, span.parent_span_id, inside | (own if has_tokens else own << UNTOLD))
    if kind is None:
        tally.left_out["of no LLM workflow"] += 1
        return None
    return _Read(span, told, kind, origin_of(span, told))


def _request(told: Parts) -> int:
    words = (told.get("operation"), told.get("openinference_kind"), told.get("request_type"))
    return EMBEDDING if any(word and word.lower().startswith("embedding") for word in words) else TEXT


def _has_tokens(told: Parts) -> bool:
    return "input" in told or "output" in told


def _less_repeated(one: _Read, counted: set[tuple[str, str]]) -> _Read:
    """A model call right inside one that has its tokens, and without them itself (a streamed one), is told by that one.

    A try that failed is not: the outer call tells of the one that came after it.
    """
    inside = (one.span.trace_id, one.span.parent_span_id) in counted
    repeated = inside and one.kind == "model" and not _has_tokens(one.told) and not is_failure(one.span, one.told)
    return one._replace(kind="step") if repeated else one


def _of_the_call(told: Parts) -> Parts:
    """What holds for all of a call's spans. A name in the last resort: the agent's, or the service's."""
    parts = {part: told[part] for part in _OF_THE_CALL if part in told}
    service = told.get("service", "")
    name = told.get("agent") or ("" if service.startswith("unknown_service") else service)
    return {"workflow": name, **parts} if name else parts


def _fact(one: _Read, sender: Parts, roots: Mapping[str, Parts], tally: Tally) -> Fact:
    span, told, kind, origin = one
    call = {**sender, **told} if "call_id" in told else {**sender, **roots.get(span.trace_id, {}), **told}
    failure = failure_of(span, told, tally)
    judgement = judgement_of(span, told, tally)
    provider = one_name(told.get("provider", ""))
    tokens = tokens_of(told, origin, provider) if kind == "model" else NONE
    get = call.get
    return Fact(
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_span_id=span.parent_span_id,
        call_id=get("call_id", ""),
        kind=kind,
        name=span.name[:_LONGEST_NAME],
        started_at=_EPOCH + timedelta(microseconds=span.start_ns // 1000),
        duration_ms=_duration_ms(span, tally),
        workflow=get("workflow", ""),
        environment=get("environment", ""),
        version=get("version", 0),
        tag=get("tag", ""),
        digest=get("digest", ""),
        generation=get("generation", 0),
        tenant=get("tenant", ""),
        user=get("user", ""),
        request_id=get("request_id", ""),
        conversation=get("conversation", ""),
        provider=provider,
        model=get("model", ""),
        input_tokens=tokens.input,
        output_tokens=tokens.output,
        cache_read_tokens=tokens.cache_read,
        cache_write_tokens=tokens.cache_write,
        reasoning_tokens=tokens.reasoning,
        tier=_tier(told),
        reported_cost_usd=told.get("cost") if kind == "model" else None,
        failed=failure.mode != "",
        failure_mode=failure.mode,
        error_type=failure.error_type,
        attempt=get("attempt", 0),
        tool=get("tool", ""),
        outcome=get("outcome", ""),
        confidence=get("confidence"),
        parse_ok=get("parse_ok"),
        score=judgement.score,
        score_passed=judgement.passed,
        origin=origin,
    )


def _tier(told: Parts) -> str:
    said: str = told.get("tier", "").lower()
    return "" if said in _PLAIN_TIERS else said


def _duration_ms(span: Span, tally: Tally) -> float:
    """0 where a clock was set back meanwhile, or the span never ended."""
    if span.end_ns < span.start_ns:
        tally.ignored["end time before the start"] += 1
        return 0.0
    return (span.end_ns - span.start_ns) / 1e6
