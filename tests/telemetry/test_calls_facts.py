"""What an application records is what the control plane reads: spans out of the SDK's exporter, facts in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from agent_deploy import Call
from agent_deploy.telemetry.facts.fact import Fact
from agent_deploy.telemetry.reading import facts_of, read_export
from tests.client.releases import WORKFLOW
from tests.telemetry.traced import Traced


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Traced]:
    for name in ("CONTENT", "USER", "CONTENT_KEY"):
        monkeypatch.delenv(f"AGENT_DEPLOY_{name}", raising=False)
    made = Traced(tmp_path / "store")
    yield made
    made.client.close()


def facts(app: Traced) -> list[Fact]:
    """By the order in which their spans began."""
    data = encode_spans(app.spans()).SerializeToString()
    return sorted(facts_of(read_export(data, "application/x-protobuf")), key=lambda fact: fact.started_at)


def test_a_call_is_read_as_it_was_recorded(app: Traced) -> None:
    with app.client.call(WORKFLOW, tenant="acme", request_id="r-1", conversation="c-9") as call:
        with call.model() as model:
            model.usage(input=100, output=7, cache_read=60, cache_write=20, reasoning=3)
            model.response(model="model-1-2026", tier="batch")
            model.output("{}", parsed=None)
            model.cost(0.25)
        with call.tool("lookup"):
            pass
        call.retrieved(["one"])
        call.confidence(0.83)
        call.outcome("resolved")
        call.score("helpful", 0.5, True)
    root, model_fact, tool, retrieval = facts(app)
    assert [fact.kind for fact in (root, model_fact, tool, retrieval)] == ["call", "model", "tool", "retrieval"]
    assert {
        (f.workflow, f.environment, f.version, f.tag, f.digest, f.generation, f.tenant, f.call_id, f.origin)
        for f in (root, model_fact, tool, retrieval)
    } == {(WORKFLOW, "production", 1, "1.1.0", app.releases.digests[1], 1, "acme", call.id, "agent_deploy")}
    assert (root.span_id, root.trace_id, root.request_id, root.conversation) == (call.id, call.trace_id, "r-1", "c-9")
    assert (root.outcome, root.confidence, root.score, root.score_passed) == ("resolved", 0.83, 0.5, True)
    assert (root.failed, root.failure_mode, root.input_tokens) == (False, "", None)
    assert (model_fact.provider, model_fact.model, model_fact.tier) == ("openai", "model-1-2026", "batch")
    tokens = ("input", "output", "cache_read", "cache_write", "reasoning")
    assert [getattr(model_fact, f"{name}_tokens") for name in tokens] == [100, 7, 60, 20, 3]
    assert (model_fact.parse_ok, model_fact.reported_cost_usd, tool.tool) == (False, 0.25, "lookup")


def test_failures_and_retries_are_read_as_they_were_recorded(app: Traced) -> None:
    def try_twice(call: Call) -> None:
        with pytest.raises(ConnectionError), call.attempt():
            raise ConnectionError
        with call.attempt(), call.model(attempt=2):
            raise TimeoutError

    with pytest.raises(TimeoutError), app.client.call(WORKFLOW) as call:
        try_twice(call)
    told = [(fact.kind, fact.attempt, fact.failed, fact.failure_mode, fact.error_type) for fact in facts(app)]
    assert told == [
        ("call", 0, True, "timeout", "TimeoutError"),
        ("attempt", 1, True, "downstream_error", "ConnectionError"),
        ("attempt", 2, True, "timeout", "TimeoutError"),
        ("model", 2, True, "timeout", "TimeoutError"),
    ]


def test_a_request_that_another_instrumentation_tells_too_is_counted_once(app: Traced) -> None:
    with app.client.call(WORKFLOW) as call, call.model() as model:
        usage = {"gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 7}
        app.foreign("chat", **{"gen_ai.operation.name": "chat", "gen_ai.request.model": "model-1", **usage})
        model.usage(input=100, output=7)
    assert [(fact.kind, fact.input_tokens) for fact in facts(app)] == [("call", None), ("step", None), ("model", 100)]


def test_a_span_of_another_kind_inside_a_call_is_a_step_of_it(app: Traced) -> None:
    with app.client.call(WORKFLOW, tenant="acme") as call:
        app.foreign("GET /orders", **{"http.request.method": "GET"})
    step = facts(app)[1]
    assert (step.kind, step.name, step.call_id, step.tenant, step.version) == (
        "step",
        "GET /orders",
        call.id,
        "acme",
        1,
    )
