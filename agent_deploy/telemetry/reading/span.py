"""A span as it is read from OTLP, whatever its encoding; and the tally of what was not as it should be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["unset", "ok", "error"]

# Attribute values: text, whole numbers, fractions and booleans. Whatever else a wanted attribute held is None.
Attributes = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened during a span: an exception, an evaluation."""

    name: str
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class Span:
    """One span, with the attributes that a fact is made of and no others: no content is even looked at.

    trace_id, span_id, parent_span_id: lower-case hex of 32, 16 and 16 digits; the parent's empty for a root.
    start_ns, end_ns: nanoseconds since 1970, UTC. resource: the attributes of whoever sent it, shared between spans.
    """

    trace_id: str
    span_id: str
    parent_span_id: str
    name: str
    start_ns: int
    end_ns: int
    status: Status
    attributes: Attributes
    events: tuple[Event, ...]
    resource: Attributes
    scope: str


@dataclass(slots=True)
class Tally:
    """What was read, and what was not taken, by why. Nothing of it is an error.

    spans: those that were well-formed. refused: spans without a good identity or time; a receiver tells their sender.
    left_out: good spans that belong to no LLM workflow. ignored: values of a wrong type, by the attribute's name.
    """

    spans: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    ignored: Counter[str] = field(default_factory=Counter)
