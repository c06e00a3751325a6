"""Spans made by real instrumentations, against an OpenAI-compatible server, are read as the facts that they are."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from itertools import permutations
from typing import Any

import pytest

from agent_deploy.telemetry.facts.fact import Fact
from agent_deploy.telemetry.reading import facts_of, read_export

pytestmark = pytest.mark.slow

OPENLLMETRY = "opentelemetry.instrumentation.openai"
OPENINFERENCE = "openinference.instrumentation.openai"
OPENTELEMETRY = "opentelemetry.instrumentation.openai_v2"  # tells no cached tokens and no reasoning
SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)

# The attributes of today and messages on spans, which the third has only when it is asked.
LATEST = {
    "OTEL_SEMCONV_STABILITY_OPT_IN": "gen_ai_latest_experimental",
    "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY",
}

each = pytest.mark.parametrize(
    ("package", "origin"), [(OPENLLMETRY, "openllmetry"), (OPENINFERENCE, "openinference"), (OPENTELEMETRY, "gen_ai")]
)


@cache
def facts_from(*packages: str, latest: bool = False) -> list[Fact]:
    """What is read of the spans of `peers`, which uses the OpenAI client with these instrumentations."""
    command, environ = (
        [sys.executable, "-m", "tests.telemetry.peers", *packages],
        os.environ | (LATEST if latest else {}),
    )
    done = subprocess.run(command, env=environ, check=True, capture_output=True)
    assert b"SECRET" in done.stdout  # all send content, if only in what the server said of an error
    return facts_of(read_export(done.stdout, "application/x-protobuf"))


def told(fact: Fact) -> Fact:
    """The fact without what differs from run to run."""
    same: Any = {"trace_id": "", "span_id": "", "parent_span_id": "", "name": "", "duration_ms": 0.0}
    return replace(fact, started_at=SOME_DAY, **same)


@each
def test_a_chat_is_one_model_call_with_its_tokens(package: str, origin: str) -> None:
    cached, reasoned = (None, None) if package == OPENTELEMETRY else (900, 20)
    chat = facts_from(package)[0]
    assert told(chat) == Fact(
        trace_id="", span_id="", parent_span_id="", call_id="", kind="model", name="", started_at=SOME_DAY,
        duration_ms=0.0, workflow="triage", environment="staging", provider="openai", model="gpt-5-mini-2025-08-07",
        input_tokens=1000, output_tokens=50, cache_read_tokens=cached, reasoning_tokens=reasoned, origin=origin,
    )  # fmt: skip
    assert chat.duration_ms > 0


@each
def test_a_refused_chat_failed_by_its_rate_limit(package: str, origin: str) -> None:
    refused = facts_from(package)[1]
    assert (refused.kind, refused.failed, refused.failure_mode) == ("model", True, "rate_limit")
    assert refused.error_type.rpartition(".")[2] == "RateLimitError"
    assert (refused.input_tokens, refused.output_tokens, refused.origin) == (None, None, origin)


@each
def test_an_embedding_is_a_model_call_too(package: str, origin: str) -> None:
    embedding = facts_from(package)[2]
    assert (embedding.kind, embedding.model) == ("model", "text-embedding-3-small")
    assert (embedding.input_tokens, embedding.origin) == (7, origin)


@each
def test_nothing_else_becomes_a_fact_and_no_content_does(package: str, origin: str) -> None:
    found = facts_from(package)
    assert len(found) == 3  # and none of the application's own span
    assert "SECRET" not in repr(found)


def test_the_attributes_of_today_say_the_same_as_those_before() -> None:
    before, today = facts_from(OPENTELEMETRY), facts_from(OPENTELEMETRY, latest=True)
    assert [told(fact) for fact in today] == [told(fact) for fact in before]
    assert "SECRET" not in repr(today)


@pytest.mark.parametrize("packages", [*permutations((OPENLLMETRY, OPENINFERENCE, OPENTELEMETRY), 2)])
def test_two_instrumentations_of_one_client_count_each_request_once(packages: tuple[str, str]) -> None:
    alone, both = facts_from(OPENLLMETRY), facts_from(*packages)
    assert (len(alone), len(both)) == (3, 6)
    assert _counted(both) == _counted(alone) == (3, 1, 1007, 50)


def _counted(facts: list[Fact]) -> tuple[int, int, int, int]:
    """Model calls, those that failed, and their tokens in and out."""
    calls = [fact for fact in facts if fact.kind == "model"]
    input_tokens = sum(fact.input_tokens or 0 for fact in calls)
    return len(calls), sum(fact.failed for fact in calls), input_tokens, sum(fact.output_tokens or 0 for fact in calls)
