"""What an application records by `client.call` is what is read of it: through the SDK, on the wire, as facts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from agent_deploy.telemetry.facts.fact import Fact
from agent_deploy.telemetry.reading import Tally, facts_of, read_export
from tests.client.releases import WORKFLOW
from tests.telemetry.traced import Traced


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Traced]:
    for name in ("CONTENT", "USER", "CONTENT_KEY"):
        monkeypatch.delenv(f"AGENT_DEPLOY_{name}", raising=False)
    made = Traced(tmp_path / "store")
    yield made
    made.client.close()


def read(app: Traced) -> dict[str, Fact]:
    """The facts by name; nothing of what our own client writes is ignored."""
    tally = Tally()
    data = encode_spans(app.spans()).SerializeToString()
    facts = {fact.name: fact for fact in facts_of(read_export(data, "application/x-protobuf", tally), tally)}
    assert (tally.refused, tally.ignored) == ({}, {})
    return facts


def test_every_step_of_a_call_is_read_as_it_was_recorded(app: Traced) -> None:
    with app.client.call(WORKFLOW, tenant="acme", request_id="r-1", conversation="c-9") as call:
        with call.attempt(), call.model("default", attempt=1) as model:
            model.usage(input=100, output=7, cache_read=60, cache_write=20, reasoning=3)
            model.output("{}", parsed={})
            model.response(model="model-1-2026", tier="batch")
            model.cost(0.25)
        with call.tool("lookup") as tool:
            tool.result("found")
        call.retrieved(["one"])
        call.score("helpful", 0.75, True)
        call.confidence(0.83)
        call.outcome("resolved")
    facts = read(app)
    assert {fact.kind for fact in facts.values()} == {"call", "attempt", "model", "tool", "retrieval"}
    assert {(fact.workflow, fact.environment, fact.version, fact.generation) for fact in facts.values()} == {
        (WORKFLOW, "production", 1, 1)
    }
    assert {(fact.digest, fact.tenant, fact.call_id, fact.origin) for fact in facts.values()} == {
        (app.releases.digests[1], "acme", call.id, "agent_deploy")
    }
    root = facts[f"invoke_workflow {WORKFLOW}"]
    assert (root.span_id, root.request_id, root.conversation) == (call.id, "r-1", "c-9")
    assert (root.outcome, root.confidence, root.score, root.score_passed) == ("resolved", 0.83, 0.75, True)
    step = facts["chat model-1"]
    assert (step.model, step.tier, step.reported_cost_usd, step.parse_ok) == ("model-1-2026", "batch", 0.25, True)
    assert (step.input_tokens, step.output_tokens) == (100, 7)
    assert (step.cache_read_tokens, step.cache_write_tokens, step.reasoning_tokens) == (60, 20, 3)
    assert facts["execute_tool lookup"].tool == "lookup"


def test_a_failed_call_is_read_as_failed_by_the_same_mode(app: Traced) -> None:
    with pytest.raises(TimeoutError), app.client.call(WORKFLOW) as call, call.model():
        raise TimeoutError
    facts = read(app)
    assert [(fact.failed, fact.failure_mode, fact.error_type) for fact in facts.values()] == [
        (True, "timeout", "TimeoutError")
    ] * 2


def test_a_model_step_around_an_instrumented_client_counts_its_tokens_once(app: Traced) -> None:
    with app.client.call(WORKFLOW) as call, call.model() as model:
        app.foreign("ChatCompletion", **{"openinference.span.kind": "LLM", "llm.token_count.prompt": 100})
        model.usage(input=100, output=7)
    facts = read(app)
    assert {name: (fact.kind, fact.input_tokens, fact.version) for name, fact in facts.items()} == {
        "ChatCompletion": ("model", 100, 1),
        "chat model-1": ("step", None, 1),
        f"invoke_workflow {WORKFLOW}": ("call", None, 1),
    }


def test_a_rollback_in_the_middle_changes_nothing_of_the_call_under_way(app: Traced) -> None:
    with app.client.call(WORKFLOW) as call:
        app.release(2)
        with call.tool("lookup"):
            pass
    assert {fact.version for fact in read(app).values()} == {1}
