"""Calls as facts, made in a line, and a store that holds them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from agent_deploy.costs.prices import Prices, open_prices
from agent_deploy.telemetry.facts.fact import Fact, Kind
from agent_deploy.telemetry.facts.store import FactStore
from registry.stores import open_store

NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
MS = timedelta(milliseconds=1)

# USD per million tokens: 1 for input, 10 for output, and a tenth for what the cache held. Nothing else has a price.
PRICES = """\
[[price]]
provider = "acme"
model = "small"
input = 1
output = 10
cache_read = 0.1
"""


def root(number: int, ago: timedelta = timedelta(hours=1), **changes: Any) -> Fact:
    """The root span of a call of its own trace."""
    span_id = f"{number:016x}"
    made = Fact(
        trace_id=f"{number:032x}",
        span_id=span_id,
        parent_span_id="",
        call_id=span_id,
        kind="call",
        name="invoke_workflow support-triage",
        started_at=NOW - ago,
        duration_ms=1000.0,
        workflow="support-triage",
        environment="production",
        version=1,
        tag="1.0.0",
        tenant="acme",
    )
    return replace(made, **changes)


def step(of: Fact, number: int, kind: Kind, after_ms: float = 0.0, **changes: Any) -> Fact:
    """A span right below another one, and of the same call. number: tells the steps of a call apart, 1, 2, 3…"""
    names = {"model": "chat small", "tool": "execute_tool look_up", "attempt": "attempt"}
    made = replace(
        of,
        span_id=f"{number:02x}{of.span_id[2:]}",
        parent_span_id=of.span_id,
        kind=kind,
        name=names.get(kind, kind),
        started_at=of.started_at + after_ms * MS,
        duration_ms=100.0,
        failed=False,
        failure_mode="",
        error_type="",
        outcome="",
        score=None,
        score_passed=None,
        tool="look_up" if kind == "tool" else "",
    )
    return replace(made, **changes)


def chat(of: Fact, number: int, after_ms: float = 0.0, **changes: Any) -> Fact:
    """A model call of 1,000 tokens in and 100 out, which is $0.002."""
    given = {"provider": "acme", "model": "small", "input_tokens": 1000, "output_tokens": 100}
    return step(of, number, "model", after_ms, **{**given, **changes})


def store_of(folder: Path, facts: Iterable[Fact] = ()) -> FactStore:
    """A store in `folder/.agent-deploy`, where commands look, with these facts in its spool."""
    state = folder / ".agent-deploy"
    state.mkdir(exist_ok=True)
    store = FactStore(open_store(str(state)), state / "facts", clock=lambda: NOW)
    store.spool().append(list(facts))
    store.close()
    return store


def prices_of(folder: Path, text: str = PRICES) -> Prices:
    """The prices of a file with this text."""
    path = folder / "prices.toml"
    path.write_text(text)
    return open_prices(path)
