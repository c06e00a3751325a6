"""A call: its bundle pinned, its steps traced, and every span inside stamped with the bundle that served it."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode

from agent_deploy import Call, ClientError, NotServed
from tests.client.releases import WORKFLOW, Releases
from tests.telemetry.traced import STAMPED, Traced, events_of, id_of, ours, parent_of, said

ROOT = f"invoke_workflow {WORKFLOW}"


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Traced]:
    for name in ("CONTENT", "USER", "CONTENT_KEY"):
        monkeypatch.delenv(f"AGENT_DEPLOY_{name}", raising=False)
    made = Traced(tmp_path / "store")
    yield made
    made.client.close()


def test_a_call_leaves_one_root_and_a_span_for_each_step(app: Traced) -> None:
    with app.client.call(WORKFLOW, tenant="acme", request_id="r-1", conversation="c-9") as call:
        with call.model("default", prompt="classify") as model:
            model.usage(input=100, output=7, cache_read=60, cache_write=20, reasoning=3)
            model.output("{}", parsed={})
            model.response(model="model-1-2026", id="resp-1", finish_reason="stop", tier="batch")
            model.cost(0.0021, price_table="own")
        with call.tool("lookup", id="call-1") as tool:
            tool.result("found")
        call.retrieved(["one", "two"], source="kb")
        call.confidence(0.83)
        call.outcome("resolved")
    root, model_span = app.span(ROOT), app.span("chat model-1")
    digest = app.releases.digests[1]
    stamp = ("support-triage", "production", 1, 1, "1.1.0", digest, "acme", id_of(root))
    assert [tuple(said(span)[name] for name in STAMPED) for span in app.spans()] == [stamp] * 4
    assert ours(root) == {
        "gen_ai.operation.name": "invoke_workflow",
        "gen_ai.agent.name": WORKFLOW,
        "gen_ai.conversation.id": "c-9",
        "agent_deploy.request.id": "r-1",
        "agent_deploy.confidence": 0.83,
        "agent_deploy.outcome": "resolved",
    }
    assert ours(model_span) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "model-1",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.stop_sequences": ("END",),
        "gen_ai.response.model": "model-1-2026",
        "gen_ai.response.id": "resp-1",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.prompt.name": "classify",
        "gen_ai.prompt.version": "1",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 7,
        "gen_ai.usage.cache_read.input_tokens": 60,
        "gen_ai.usage.cache_write.input_tokens": 20,
        "gen_ai.usage.reasoning.output_tokens": 3,
        "agent_deploy.step": "default",
        "agent_deploy.tier": "batch",
        "agent_deploy.cost.usd": 0.0021,
        "agent_deploy.price_table": "own",
        "agent_deploy.output.parse_ok": True,
    }
    assert ours(app.span("execute_tool lookup")) == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "lookup",
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.id": "call-1",
    }
    assert ours(app.span("retrieval kb")) == {
        "gen_ai.operation.name": "retrieval",
        "gen_ai.data_source.id": "kb",
        "agent_deploy.retrieval.count": 2,
    }
    assert [parent_of(span) for span in app.spans()] == [id_of(root)] * 3 + [""]
    assert (root.kind, model_span.kind) == (SpanKind.INTERNAL, SpanKind.CLIENT)
    assert app.dropped() == {}


def test_the_pinned_bundle_is_stamped_though_a_rollback_happens_meanwhile(app: Traced) -> None:
    app.release(2)
    with app.client.call(WORKFLOW) as call:
        app.release(1)
        with call.model():
            app.foreign("by another")
        assert (call.bundle.version, app.client.bundle(WORKFLOW).version) == (2, 2)
    with app.client.call(WORKFLOW):
        app.foreign("by another, later")
    versions = {span.name: said(span)["agent_deploy.bundle.version"] for span in app.spans()[:3]}
    assert versions == {"by another": 2, "chat model-2": 2, ROOT: 2}
    later = said(app.span("by another, later"))
    assert (later["agent_deploy.bundle.version"], later["agent_deploy.release.generation"]) == (1, 3)


def test_a_span_of_another_instrumentation_is_stamped_inside_a_call_and_left_alone_outside(app: Traced) -> None:
    app.foreign("before", size=1)
    with app.client.call(WORKFLOW, tenant="acme"):
        app.foreign("inside", size=1)
    app.foreign("after", size=1)
    assert said(app.span("before")) == said(app.span("after")) == {"size": 1}
    inside = said(app.span("inside"))
    assert inside == {"size": 1} | {name: said(app.span(ROOT))[name] for name in STAMPED}


def test_a_call_inside_a_call_stamps_its_own(app: Traced) -> None:
    Releases(app.releases.store, "billing").release(1)
    with app.client.call(WORKFLOW, tenant="acme") as outer:
        with app.client.call("billing") as inner:
            app.foreign("within inner")
        app.foreign("within outer")
    assert said(app.span("within inner"))["agent_deploy.call.id"] == inner.id
    assert "agent_deploy.tenant.id" not in said(app.span("within inner"))
    assert "agent_deploy.tenant.id" not in said(app.span("invoke_workflow billing"))
    assert said(app.span("within outer"))["agent_deploy.call.id"] == outer.id
    assert parent_of(app.span("invoke_workflow billing")) == outer.id
    assert inner.trace_id == outer.trace_id


def test_a_call_is_part_of_the_trace_that_it_is_made_in(app: Traced) -> None:
    with app.provider.get_tracer("web").start_as_current_span("POST /triage") as request:
        with app.client.call(WORKFLOW) as call:
            pass
        assert trace.get_current_span() is request
    assert parent_of(app.span(ROOT)) == id_of(app.span("POST /triage"))
    assert call.id == id_of(app.span(ROOT))


def test_steps_in_threads_that_were_not_given_the_context_belong_to_the_call(app: Traced) -> None:
    def work(call: Call, version: int) -> None:
        with call.tool(f"tool-{version}"):
            app.foreign(f"inside tool-{version}")

    with app.client.call(WORKFLOW, tenant="acme") as call:
        threads = [threading.Thread(target=contextvars.Context().run, args=(work, call, n)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for number in range(8):
        tool, inside = app.span(f"execute_tool tool-{number}"), app.span(f"inside tool-{number}")
        assert (parent_of(tool), parent_of(inside)) == (call.id, id_of(tool))
        assert said(inside)["agent_deploy.call.id"] == call.id


def test_calls_that_run_at_once_do_not_mix(app: Traced) -> None:
    async def one(tenant: str) -> None:
        async with app.client.call(WORKFLOW, tenant=tenant) as call:
            await asyncio.sleep(0)
            async with call.model() as model:
                await asyncio.sleep(0)
                await asyncio.to_thread(app.foreign, f"of {tenant}")
                model.usage(input=int(tenant))

    async def all_of_them() -> None:
        await asyncio.gather(*(one(str(number)) for number in range(20)))

    asyncio.run(all_of_them())
    roots = {said(span)["agent_deploy.tenant.id"]: id_of(span) for span in app.spans() if span.name == ROOT}
    models = {said(s)["gen_ai.usage.input_tokens"]: parent_of(s) for s in app.spans() if s.name == "chat model-1"}
    assert {str(number): parent for number, parent in models.items()} == roots
    assert {said(app.span(f"of {n}"))["agent_deploy.tenant.id"] for n in range(20)} == set(roots)


def test_attempts_are_numbered_and_hold_their_steps(app: Traced) -> None:
    with app.client.call(WORKFLOW) as call:
        for _ in range(2):
            with call.attempt("answer") as attempt, call.model():
                pass
        with call.attempt("rank"):
            pass
        with call.model("rank", attempt=2):
            pass
    assert attempt.number == 2
    numbers = [(s.name, said(s).get("agent_deploy.attempt")) for s in app.spans() if s.name != "chat model-1"]
    assert numbers == [
        ("attempt answer", 1),
        ("attempt answer", 2),
        ("attempt rank", 1),
        ("chat ranker-1", 2),
        (ROOT, None),
    ]
    attempts = [id_of(span) for span in app.spans() if span.name == "attempt answer"]
    assert [parent_of(span) for span in app.spans() if span.name == "chat model-1"] == attempts


def test_a_bundles_word_for_a_provider_becomes_that_of_the_conventions(app: Traced) -> None:
    with app.client.call(WORKFLOW) as call, call.model("rank"):
        pass
    assert said(app.span("chat ranker-1"))["gen_ai.provider.name"] == "aws.bedrock"


def test_an_exception_goes_on_and_is_recorded_by_type_alone(app: Traced) -> None:
    error = TimeoutError("the customer's secret")
    with pytest.raises(TimeoutError) as caught, app.client.call(WORKFLOW) as call, call.model():
        raise error
    assert caught.value is error
    for span in app.spans():
        assert span.status.status_code is StatusCode.ERROR
        assert span.status.description is None
        told = said(span)
        assert (told["error.type"], told["agent_deploy.failure.mode"]) == ("TimeoutError", "timeout")
        assert events_of(span) == [("exception", {"exception.type": "TimeoutError"})]
    assert len(app.spans()) == 2


def test_a_step_that_failed_and_was_made_good_fails_itself_alone(app: Traced) -> None:
    with app.client.call(WORKFLOW) as call:
        with pytest.raises(ConnectionError), call.model(attempt=1):
            raise ConnectionError
        with call.model(attempt=2):
            pass
    modes = [said(span).get("agent_deploy.failure.mode") for span in app.spans()]
    assert modes == ["downstream_error", None, None]
    assert app.span(ROOT).status.status_code is StatusCode.UNSET


def test_what_the_application_says_of_a_failure_stands(app: Traced) -> None:
    with app.client.call(WORKFLOW) as call:
        call.failed("low_confidence")

    def fail(call: Call) -> None:
        call.failed("parse_error")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"), app.client.call(WORKFLOW) as call:
        fail(call)
    told = [(said(s)["agent_deploy.failure.mode"], said(s)["error.type"], s.status.status_code) for s in app.spans()]
    error = StatusCode.ERROR
    assert told == [("low_confidence", "low_confidence", error), ("parse_error", "ValueError", error)]


def test_a_failure_of_an_unknown_mode_is_other(app: Traced) -> None:
    with app.client.call(WORKFLOW) as call:
        call.failed("bored")
    assert said(app.span(ROOT))["agent_deploy.failure.mode"] == "other"
    assert app.dropped() == {"bad_value": 1}


def test_output_that_could_not_be_parsed_is_told_on_its_step(app: Traced) -> None:
    with app.client.call(WORKFLOW) as call, call.model() as model:
        model.output("junk", parsed=None)
    assert said(app.span("chat model-1"))["agent_deploy.output.parse_ok"] is False


def test_scores_are_evaluation_events_of_the_conventions(app: Traced) -> None:
    with app.client.call(WORKFLOW) as call:
        call.score("helpful", 0.5, True)
        call.score("polite", passed=False)
    assert events_of(app.span(ROOT)) == [
        (
            "gen_ai.evaluation.result",
            {
                "gen_ai.evaluation.name": "helpful",
                "gen_ai.evaluation.score.value": 0.5,
                "gen_ai.evaluation.score.label": "passed",
            },
        ),
        ("gen_ai.evaluation.result", {"gen_ai.evaluation.name": "polite", "gen_ai.evaluation.score.label": "failed"}),
    ]


def test_a_stream_that_its_reader_gives_up_is_no_failure(app: Traced) -> None:
    def stream() -> Iterator[str]:
        with app.client.call(WORKFLOW), app.provider.get_tracer("web").start_as_current_span("web"):
            yield "one"
            yield "two"

    words = stream()
    next(words)
    words.close()  # type: ignore[attr-defined]  # a generator's own
    assert "agent_deploy.failure.mode" not in said(app.span(ROOT))


def test_a_call_left_in_another_context_ends_without_a_word(app: Traced, caplog: pytest.LogCaptureFixture) -> None:
    call = app.client.call(WORKFLOW)
    context = contextvars.copy_context()
    context.run(call.__enter__)
    with caplog.at_level(logging.DEBUG):
        context.copy().run(call.__exit__, None, None, None)
    assert [record.message for record in caplog.records] == []
    assert app.span(ROOT).name == ROOT
    assert app.dropped() == {}


def test_calls_that_end_out_of_turn_leave_the_other_one_current(app: Traced) -> None:
    Releases(app.releases.store, "billing").release(1)
    one, other = app.client.call(WORKFLOW), app.client.call("billing")
    one.__enter__()
    other.__enter__()
    one.__exit__(None, None, None)
    app.foreign("still in the other")
    other.__exit__(None, None, None)
    assert said(app.span("still in the other"))["agent_deploy.call.id"] == other.id


def test_the_callers_pin_is_honoured(app: Traced) -> None:
    with app.client.call(WORKFLOW):
        headers: dict[str, str] = app.client.inject({})
    app.release(2)
    with app.client.call(WORKFLOW, headers=headers) as call:
        assert call.bundle.version == 1
    assert [said(span)["agent_deploy.bundle.version"] for span in app.spans()] == [1, 1]


def test_entering_raises_what_a_pin_raises_and_leaves_no_span(app: Traced) -> None:
    with pytest.raises(NotServed), app.client.call("unheard-of"):
        pass
    assert app.spans() == []


def test_a_call_is_entered_once(app: Traced) -> None:
    call = app.client.call(WORKFLOW)
    with call, pytest.raises(ClientError, match="entered once"):
        call.__enter__()


def test_the_bundle_of_a_call_that_was_not_entered_cannot_be_had(app: Traced) -> None:
    with pytest.raises(RuntimeError, match="enter the call first"):
        _ = app.client.call(WORKFLOW).bundle


def test_what_is_not_sampled_is_pinned_all_the_same(tmp_path: Path) -> None:
    app = Traced(tmp_path / "store", TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False))
    with app.client.call(WORKFLOW) as call, call.model() as model:
        model.usage(input=1)
        assert app.client.bundle(WORKFLOW) is call.bundle
    assert (app.spans(), app.dropped()) == ([], {})
    app.client.close()
