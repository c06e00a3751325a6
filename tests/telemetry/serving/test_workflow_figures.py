"""Figures about workflows: calls, failures, cost and tokens by version; unknown costs are told, never taken for 0."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from prometheus_client import CollectorRegistry

from agent_deploy.costs.prices import Prices
from agent_deploy.costs.usage import ModelCall, Usage
from agent_deploy.telemetry.facts.fact import Fact
from agent_deploy.telemetry.serving.workflow_figures import Bounded, WorkflowFigures
from agent_deploy.telemetry.spending.pricing import Pricing
from registry.models import Release

AT = datetime(2026, 11, 24, 9, tzinfo=UTC)
PLACE = {"workflow": "support-triage", "environment": "production", "version": "42"}
CALL = Fact("a" * 32, "b" * 16, "", "b" * 16, "call", "invoke", AT, 1500.0, "support-triage", "production", 42)
MODEL = replace(
    CALL, span_id="c" * 16, kind="model", provider="openai", model="gpt-5-mini", input_tokens=1000, output_tokens=100,
    cache_read_tokens=400,
)  # fmt: skip


def shown(*facts: Fact) -> CollectorRegistry:
    registry = CollectorRegistry()
    WorkflowFigures(registry, Pricing(Prices())).taken(facts)
    return registry


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(f"agent_deploy_{name}", labels)


def test_calls_are_counted_by_version_with_their_failures_and_durations() -> None:
    registry = shown(CALL, CALL, replace(CALL, failed=True, failure_mode="timeout"), replace(CALL, version=41), MODEL)
    assert value(registry, "calls_total", **PLACE) == 3
    assert value(registry, "calls_total", **{**PLACE, "version": "41"}) == 1
    assert value(registry, "calls_failed_total", **PLACE, failure_mode="timeout") == 1
    assert value(registry, "call_duration_seconds_sum", **PLACE) == 4.5
    assert value(registry, "call_duration_seconds_bucket", **PLACE, le="2.0") == 3


def test_cost_and_tokens_are_those_of_model_calls() -> None:
    price = Prices().price(ModelCall("openai", "gpt-5-mini", Usage(1000, 100, 400)), AT)
    assert price is not None
    registry = shown(MODEL, MODEL, CALL)
    assert value(registry, "cost_usd_total", **PLACE) == pytest.approx(float(2 * price), rel=1e-12)
    classes = {name: value(registry, "model_tokens_total", **PLACE, **{"class": name}) for name in ("input", "output", "cache_read", "reasoning")}  # fmt: skip  # noqa: E501
    assert classes == {"input": 2000, "output": 200, "cache_read": 800, "reasoning": None}


def test_a_cost_that_is_unknown_is_an_alarm_and_adds_nothing() -> None:
    unknown, silent = replace(MODEL, model="my-own"), replace(MODEL, input_tokens=None, output_tokens=None)
    registry = shown(unknown, silent, replace(silent, failed=True, failure_mode="timeout"))
    assert value(registry, "unpriced_model_calls_total", provider="openai", model="my-own", why="no price") == 1
    told = value(registry, "unpriced_model_calls_total", provider="openai", model="gpt-5-mini", why="no token counts")
    assert (told, value(registry, "cost_usd_total", **PLACE)) == (1, 0)


def test_every_call_has_the_price_of_its_own_day_and_length() -> None:
    prices, pricing = Prices(), Pricing(Prices())
    models = [("openai", "gpt-5-mini"), ("google", "gemini-2.5-pro"), ("anthropic", "claude-sonnet-4-5"), ("x", "y")]
    for provider, model in models:
        for day in (datetime(2025, 9, 1, 3, tzinfo=UTC), AT, datetime(2025, 9, 1, 17, 45, tzinfo=UTC)):
            for tokens in (500, 200_000, 200_001, 900_000):
                fact = replace(MODEL, provider=provider, model=model, started_at=day, input_tokens=tokens)
                price = prices.price(ModelCall(provider, model, Usage(tokens, 100, 400)), day)
                assert pricing.cost(fact) == ("no price" if price is None else price)
    assert isinstance(pricing.cost(MODEL), Decimal)


def test_what_is_live_is_shown_and_what_is_live_no_longer_is_not() -> None:
    registry = CollectorRegistry()
    figures = WorkflowFigures(registry, Pricing(Prices()))
    head = Release(
        "support-triage", "production", 3, 42, "1.1.0", "sha256:", "promote", "ann", "", AT, 41, False, "", ""
    )
    figures.show_live([head, replace(head, environment="staging", version=43)])
    figures.show_live([replace(head, version=41)])
    place = {"workflow": "support-triage", "environment": "production"}
    assert value(registry, "live_version", **place) == 41
    assert value(registry, "live_since_timestamp_seconds", **place) == AT.timestamp()
    assert value(registry, "live_version", workflow="support-triage", environment="staging") is None


def test_a_sender_that_makes_up_names_does_not_fill_the_memory() -> None:
    labels = Bounded(most=2)
    assert [labels("a", "1"), labels("b", "1"), labels("c", "1"), labels("a", "1")] == [
        ("a", "1"), ("b", "1"), ("other", "other"), ("a", "1"),
    ]  # fmt: skip
