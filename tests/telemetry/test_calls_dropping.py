"""Telemetry never breaks the call: bad values, late ones, failing providers and a missing library cost nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from agent_deploy import Call
from tests.client.releases import WORKFLOW
from tests.telemetry.traced import Traced, ours, said

ROOT = f"invoke_workflow {WORKFLOW}"


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Traced]:
    for name in ("USER", "CONTENT_KEY"):
        monkeypatch.delenv(f"AGENT_DEPLOY_{name}", raising=False)
    monkeypatch.setenv("AGENT_DEPLOY_CONTENT", "full")
    made = Traced(tmp_path / "store")
    yield made
    made.client.close()


class Unspeakable:
    """A value that cannot be turned into anything."""

    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__
    # And, as with an array of numpy's, neither true nor false, nor equal to anything or not.
    __bool__ = __eq__ = __hash__ = __str__  # type: ignore[assignment]


def as_any(value: Any) -> Any:
    """A value that the types do not promise to take."""
    return value


def bad_usage(value: Any) -> Callable[[Call], None]:
    def use(call: Call) -> None:
        with call.model() as model:
            model.usage(input=value, output=5)

    return use


@pytest.mark.parametrize("tokens", [-1, 1.5, "7", True, 10**9 + 1, 2**64, float("nan"), Unspeakable()])
def test_a_count_that_is_none_is_dropped_and_the_others_kept(app: Traced, tokens: Any) -> None:
    with app.client.call(WORKFLOW) as call:
        bad_usage(tokens)(call)
    told = said(app.span("chat model-1"))
    assert "gen_ai.usage.input_tokens" not in told
    assert told["gen_ai.usage.output_tokens"] == 5
    assert app.dropped() == {"bad_value": 1}


@pytest.mark.parametrize(
    "note",
    [
        lambda call: call.confidence(1.5),
        lambda call: call.confidence("high"),
        lambda call: call.confidence(float("nan")),
        lambda call: call.outcome(["resolved"]),
        lambda call: call.outcome(Unspeakable()),
        lambda call: call.score("good", float("inf")),
        lambda call: call.score("good", passed="yes"),
        lambda call: call.score(Unspeakable(), 1.0),
        lambda call: call.failed(Unspeakable()),
        lambda call: call.input(Unspeakable()),
        lambda call: call.model().cost(-1),
        lambda call: call.model().response(finish_reason=[{}]),
        lambda call: call.model("no such step"),
        lambda call: call.tool({"name": "lookup"}),
        lambda call: call.retrieval().documents(7),
        lambda call: call.attempt(["answer"]).__enter__().__exit__(None, None, None),
        lambda call: call.attempt(Unspeakable()).__enter__().__exit__(None, None, None),
        lambda call: call.model(prompt=Unspeakable()),
        lambda call: call.tool("lookup", arguments=Unspeakable(), id=Unspeakable()).failed(Unspeakable()),
    ],
)
def test_a_bad_value_is_counted_and_never_raised(app: Traced, note: Callable[[Call], None]) -> None:
    with app.client.call(WORKFLOW) as call:
        note(call)
        call.outcome("resolved")
    assert said(app.span(ROOT))["agent_deploy.outcome"] == "resolved"
    assert set(app.dropped()) == {"bad_value"}


@pytest.mark.parametrize("who", ["tenant", "user", "request_id", "conversation"])
def test_a_call_for_somebody_without_a_name_is_a_call_all_the_same(app: Traced, who: str) -> None:
    with app.client.call(WORKFLOW, **{who: as_any(Unspeakable())}) as call:
        call.outcome("resolved")
    assert said(app.span(ROOT))["agent_deploy.outcome"] == "resolved"
    assert app.dropped() == {"bad_value": 1}


def test_numbers_of_other_libraries_are_numbers(app: Traced) -> None:
    with app.client.call(WORKFLOW) as call:
        with call.model() as model:
            model.usage(input=as_any(np.int64(7)))
            model.cost(as_any(Decimal("0.25")))
        call.confidence(as_any(np.float32(0.5)))
        call.score("good", passed=as_any(np.bool_(True)))
    assert (said(app.span(ROOT))["agent_deploy.confidence"], app.dropped()) == (0.5, {})
    assert said(app.span("chat model-1"))["agent_deploy.cost.usd"] == 0.25


def test_ids_may_be_numbers_and_uuids(app: Traced) -> None:
    number = uuid.UUID(int=7)
    with app.client.call(WORKFLOW, tenant=as_any(17), request_id=as_any(number)):
        pass
    root = said(app.span(ROOT))
    assert (root["agent_deploy.tenant.id"], root["agent_deploy.request.id"]) == ("17", str(number))


def test_text_that_cannot_be_encoded_does_not_cost_the_batch(app: Traced) -> None:
    """One lone surrogate in one attribute would make the exporter lose every span of the batch."""
    lone = "half of \ud83d"
    with pytest.raises(ValueError, match="half"), app.client.call(WORKFLOW, tenant=lone, request_id=lone) as call:
        use_everywhere(call, lone)
    assert encode_spans(app.spans()).SerializeToString()
    assert app.dropped() == {}


def use_everywhere(call: Call, text: str) -> None:
    call.input(text)
    call.outcome(text)
    call.score(text, 1.0)
    with call.tool(text, arguments={text: text}) as tool:
        tool.result([text])
    with call.retrieval(text) as retrieval:
        retrieval.documents([text])
    with call.attempt(text), call.model(prompt=text) as model:
        model.output(text, parsed={text: text})
        model.response(model=text, finish_reason=[text])
    raise ValueError(text)


def test_long_values_are_cut(app: Traced) -> None:
    with app.client.call(WORKFLOW, request_id="r" * 10_000) as call:
        call.input("x" * 10_000_000)
    root = said(app.span(ROOT))
    assert len(root["agent_deploy.request.id"]) == 512
    assert 65_000 < len(root["gen_ai.input.messages"]) <= 65_536
    assert json.loads(root["gen_ai.input.messages"])[0]["role"] == "user"


def test_what_is_noted_after_the_end_is_counted(app: Traced) -> None:
    with app.client.call(WORKFLOW) as call:
        with call.model() as model:
            pass
        model.usage(input=1)
    call.outcome("resolved")
    call.score("good", 1.0)
    call.failed("timeout")
    assert app.dropped() == {"too_late": 4}


def test_a_step_may_still_be_made_after_its_call_has_ended(app: Traced) -> None:
    with app.client.call(WORKFLOW) as call:
        pass
    with call.tool("late"):
        pass
    assert said(app.span("execute_tool late"))["agent_deploy.call.id"] == call.id


class Failing(SpanProcessor):
    """A processor of the application's that is broken."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        raise RuntimeError("broken")

    def on_end(self, span: ReadableSpan) -> None:
        raise RuntimeError("broken")


def test_a_provider_that_fails_is_counted_and_the_call_goes_on(app: Traced) -> None:
    app.provider.add_span_processor(Failing())
    with app.client.call(WORKFLOW) as call:
        with call.model() as model:
            model.usage(input=1)
        call.outcome("resolved")
        assert call.bundle.version == 1
    assert set(app.dropped()) == {"internal_error"}
    assert (call.id, call.trace_id) == ("", "")


def run(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def test_without_a_provider_a_call_pins_and_nothing_is_traced(app: Traced) -> None:
    told = run(
        """
        import sys
        from agent_deploy import Client
        with Client(sys.argv[1], environment="production", cache=False) as client:
            with client.call("support-triage", tenant="acme") as call, call.model() as model:
                model.usage(input=1)
                print(client.bundle("support-triage") is call.bundle, repr(call.id), client.telemetry_dropped())
        """,
        str(app.folder),
    )
    assert told == "True '' {}"


@pytest.mark.slow
def test_without_opentelemetry_a_call_pins_and_nothing_is_traced(app: Traced) -> None:
    told = run(
        """
        import sys
        sys.modules["opentelemetry"] = None
        from agent_deploy import BadSettings, Client, instrument
        with Client(sys.argv[1], environment="production", cache=False) as client:
            with client.call("support-triage", tenant="acme", user="ann") as call:
                call.input("hello")
                call.retrieved(["one"])
                with call.attempt(), call.model() as model, call.tool("lookup") as tool:
                    model.usage(input=1)
                    tool.result(1)
                call.outcome("resolved")
                call.score("good", 1.0)
                print(client.bundle("support-triage") is call.bundle, repr(call.id), client.telemetry_dropped())
        try:
            instrument()
        except BadSettings as error:
            print(error.next_step)
        """,
        str(app.folder),
    )
    assert told == "True '' {}\npip install 'agent-deploy[otel]'"


@pytest.mark.slow
def test_the_client_does_not_import_opentelemetry_until_something_is_called(app: Traced) -> None:
    told = run(
        """
        import sys
        from agent_deploy import Client, instrument
        with Client(sys.argv[1], environment="production", cache=False) as client:
            client.bundle("support-triage")
            with client.pin("support-triage"):
                print([name for name in sys.modules if name.startswith("opentelemetry")])
            with client.call("support-triage"):
                print("opentelemetry.trace" in sys.modules, "opentelemetry.sdk" in sys.modules)
        """,
        str(app.folder),
    )
    assert told == "[]\nTrue False"


def test_notes_of_a_span_that_said_nothing_are_those_of_its_start(app: Traced) -> None:
    with app.client.call(WORKFLOW):
        pass
    assert ours(app.span(ROOT)) == {"gen_ai.operation.name": "invoke_workflow", "gen_ai.agent.name": WORKFLOW}
