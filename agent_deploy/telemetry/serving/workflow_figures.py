"""Figures about workflows, for /metrics: what is live, and what the calls that came in were like.

Counted as it comes in: a span that is delivered twice is counted twice here, and starting anew starts at 0. Prometheus
can bear both; who wants the exact figures asks the facts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from agent_deploy.costs.usage import Usage
from agent_deploy.telemetry.facts.charging import usage_of
from agent_deploy.telemetry.facts.fact import Fact
from agent_deploy.telemetry.spending.pricing import Pricing
from registry.models import Release

MOST_SERIES = 1000
_OTHER = "other"
_PLACE = ("workflow", "environment", "version")
_CLASSES = ("input", "output", "cache_read", "cache_write", "reasoning")
_BUCKETS_S = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)

Labels = tuple[str, ...]


class Bounded:
    """Labels as spans say them, up to so many different ones; then `other`. Senders make up what they like."""

    def __init__(self, most: int = MOST_SERIES) -> None:
        self._most = most
        self._seen: set[Labels] = set()

    def __call__(self, *labels: str) -> Labels:
        """These labels, or as many times `other`."""
        if labels not in self._seen:
            if len(self._seen) >= self._most:
                return (_OTHER,) * len(labels)
            self._seen.add(labels)
        return labels


class WorkflowFigures:
    """Counts calls, their cost and failures by version, model calls without a cost by model; shows what is live."""

    def __init__(self, registry: CollectorRegistry, pricing: Pricing) -> None:
        self._pricing = pricing
        self._places, self._models = Bounded(), Bounded()
        self._failures = Bounded()

        def counter(name: str, help_text: str, labels: Sequence[str]) -> Counter:
            return Counter(f"agent_deploy_{name}", help_text, labels, registry=registry)

        self._calls = counter("calls", "Workflow calls received.", _PLACE)
        self._failed = counter("calls_failed", "Workflow calls received that failed.", (*_PLACE, "failure_mode"))
        self._cost = counter("cost_usd", "US dollars that model calls cost, as far as they are priced.", _PLACE)
        self._tokens = counter("model_tokens", "Tokens of model calls, by class.", (*_PLACE, "class"))
        self._unpriced = counter(
            "unpriced_model_calls", "Model calls whose cost is unknown.", ("provider", "model", "why")
        )
        self._duration = Histogram(
            "agent_deploy_call_duration_seconds", "How long workflow calls took.", _PLACE, buckets=_BUCKETS_S,
            registry=registry,
        )  # fmt: skip
        self._live = Gauge(
            "agent_deploy_live_version", "The version that is live.", ("workflow", "environment"), registry=registry
        )
        self._live_since = Gauge(
            "agent_deploy_live_since_timestamp_seconds", "When it was released.", ("workflow", "environment"),
            registry=registry,
        )  # fmt: skip

    def taken(self, facts: Sequence[Fact]) -> None:
        """Count facts that came in."""
        costs: dict[Labels, Decimal] = defaultdict(Decimal)
        usages: dict[Labels, Usage] = defaultdict(Usage)
        for fact in facts:
            if fact.kind == "model":
                place = self._place(fact)
                costs[place] += self._cost_of(fact)
                usages[place] += usage_of(fact)
            elif fact.kind == "call":
                self._call(fact, self._place(fact))
        for place, cost in costs.items():
            self._cost.labels(*place).inc(float(cost))
            self._add_tokens(place, usages[place])

    def show_live(self, heads: Sequence[Release]) -> None:
        """What is live now, everywhere."""
        self._live.clear()
        self._live_since.clear()
        for head in heads:
            self._live.labels(head.workflow, head.environment).set(head.version)
            self._live_since.labels(head.workflow, head.environment).set(head.released_at.timestamp())

    def _place(self, fact: Fact) -> Labels:
        return self._places(fact.workflow, fact.environment, str(fact.version))

    def _call(self, fact: Fact, place: Labels) -> None:
        self._calls.labels(*place).inc()
        self._duration.labels(*place).observe(fact.duration_ms / 1000)
        if fact.failed:
            self._failed.labels(*self._failures(*place, fact.failure_mode)).inc()

    def _cost_of(self, fact: Fact) -> Decimal:
        cost = self._pricing.cost(fact)
        if isinstance(cost, Decimal):
            return cost
        self._unpriced.labels(*self._models(fact.provider, fact.model, cost)).inc()
        return Decimal(0)

    def _add_tokens(self, place: Labels, usage: Usage) -> None:
        for name in _CLASSES:
            count = getattr(usage, name)
            if count > 0:
                self._tokens.labels(*place, name).inc(count)
