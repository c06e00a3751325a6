"""A Python agent answers from a worker process; what it prints, raises or returns amiss is told of its case alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent_deploy.costs.usage import ModelCall, Usage
from agent_deploy.evals.results import Reply, ToolCall
from tests.evals.asking import Asking, Told
from tests.evals.workers import at

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("spec", "outputs"),
    [
        ("agent:quick", ["A", "B"]),
        ("agent:answer", ["a", "b"]),
        ("agent:later", ["a", "b"]),
        ("agent:desk", ["a!", "b!"]),
    ],
)
def test_functions_answer_be_they_async_or_not(asking: Asking, spec: str, outputs: list[str]) -> None:
    assert replace(asking, spec=spec).outputs("a", "b") == outputs


def test_it_is_given_the_bundle_that_production_code_is_given(asking: Asking) -> None:
    assert replace(asking, spec="agent:described").outputs("") == [
        ["agent_deploy.client.bundle", 7, "1.2.0", "Be brief.\n", "gpt-5-mini"]
    ]


def test_a_reply_tells_calls_tools_and_latency_too(asking: Asking) -> None:
    assert asking.ask("whole refund") == [
        Reply(
            {"intent": "refund"},
            (ModelCall("openai", "gpt-5-mini", Usage(10, 2, cache_read=4)),),
            (ToolCall("refund", {"amount": 1}),),
            5.5,
        )
    ]


def test_latency_is_that_of_the_function_alone(asking: Asking) -> None:
    (reply,) = asking.ask("sleep 0.2")
    assert isinstance(reply, Reply)
    assert 200 <= reply.latency_ms < 400


def test_what_it_prints_goes_to_stderr_and_is_no_answer(asking: Asking) -> None:
    assert asking.outputs("print hello") == ["hello"]
    assert asking.said == ["straight to the pipe", "{} and more"] or asking.said == [
        "{} and more",
        "straight to the pipe",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("raise it", Told(f"ValueError: cannot read it ({at('do_raise')})")),
        ("quit 4", Told(f"SystemExit: 4 ({at('do_quit')})")),
        ("set", Told("returned set, which is not JSON: Object of type set is not JSON serializable", "parse_error")),
        ("nan",
         Told("returned float, which is not JSON: Out of range float values are not JSON compliant", "parse_error")),
        ("busy", Told("busy", "rate_limit", True, 7.0)),
        ("status 429", Told(f"RuntimeError: refused ({at('do_status')})", "rate_limit", True)),
        ("status 503", Told(f"RuntimeError: refused ({at('do_status')})", "downstream_error", True)),
        ("status 400", Told(f"RuntimeError: refused ({at('do_status')})", "downstream_error")),
        ("timeout", Told(f"TimeoutError: too slow ({at('do_timeout')})", "timeout", True)),
    ],
)  # fmt: skip
def test_what_it_raises_or_returns_amiss_is_its_case_s_error(asking: Asking, text: str, told: Told) -> None:
    assert asking.outputs("a", text, "b") == ["a", told, "b"]


def test_half_a_character_is_no_text(asking: Asking) -> None:
    (told,) = asking.outputs("half")
    assert isinstance(told, Told)
    assert (told.kind, told.message[:29]) == ("parse_error", "the agent's answer is not UTF")
