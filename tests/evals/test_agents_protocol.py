"""What agents write is read strictly: an answer has the shape it should, or it is a parse_error that quotes it."""

from __future__ import annotations

import json

import pytest

from agent_deploy.costs.usage import ModelCall, Usage
from agent_deploy.evals.agents.protocol import bundle_json, decode, main_model, reply_of, request_bytes
from agent_deploy.evals.errors import CaseError
from agent_deploy.evals.ports import Question
from agent_deploy.evals.results import Reply, ToolCall
from tests.evals.asking import DIGEST, bundle_of

_MODEL = ("openai", "gpt-5-mini")


def test_a_request_holds_the_question_and_the_whole_bundle() -> None:
    bundle = bundle_of(tools={"refund": '{"type": "object"}'})
    question = Question("lost-card", 2, {"query": "wo ist sie? ä"}, {"channel": "mail"})
    assert json.loads(request_bytes(question, bundle_json(bundle))) == {
        "id": "lost-card/2", "case": "lost-card", "repeat": 2, "input": {"query": "wo ist sie? ä"},
        "metadata": {"channel": "mail"},
        "bundle": {
            "workflow": "support-triage", "version": 7, "tag": "1.2.0", "digest": DIGEST,
            "prompts": {"system": "Be brief.\n"},
            "models": {"default": {"provider": "openai", "name": "gpt-5-mini", "temperature": 0.0}},
            "tools": {"refund": {"type": "object"}}, "output_schema": None, "inputs": {}, "metadata": {},
        },
    }  # fmt: skip


def test_an_answer_with_all_that_an_agent_may_say_is_a_whole_reply() -> None:
    answer = {
        "output": {"intent": "refund"},
        "calls": [{"provider": "bedrock", "model": "nova", "usage": {"input": 9, "cache_read": 4}}, {"usage": {}}],
        "tool_calls": [{"name": "refund", "arguments": {"amount": 3}}, {"name": "close"}],
        "latency_ms": 12,
    }
    assert reply_of(answer, _MODEL, 99.0) == Reply(
        output={"intent": "refund"},
        calls=(ModelCall("bedrock", "nova", Usage(9, 0, 4)), ModelCall("openai", "gpt-5-mini", Usage())),
        tool_calls=(ToolCall("refund", {"amount": 3}), ToolCall("close")),
        latency_ms=12.0,
    )


def test_usage_alone_is_one_call_of_the_bundles_own_model() -> None:
    reply = reply_of({"output": None, "usage": {"input": 5, "output": 2, "reasoning": 1}}, _MODEL, 3.0)
    assert reply == Reply(None, (ModelCall("openai", "gpt-5-mini", Usage(5, 2, reasoning=1)),), latency_ms=3.0)


def test_of_an_agent_that_says_nothing_of_tokens_no_call_is_known() -> None:
    assert reply_of({"output": "refund"}, _MODEL, 3.0) == Reply("refund", latency_ms=3.0)


@pytest.mark.parametrize(
    ("models", "main"),
    [
        ({"default": {"provider": "a", "name": "x"}, "other": {"provider": "b", "name": "y"}}, ("a", "x")),
        ({"only": {"provider": "b", "name": "y"}}, ("b", "y")),
        ({"one": {"provider": "a", "name": "x"}, "two": {"provider": "b", "name": "y"}}, ("", "")),
    ],
)
def test_the_model_of_usage_that_names_none_is_the_default_or_the_only_one(
    models: dict[str, dict[str, str]], main: tuple[str, str]
) -> None:
    assert main_model(bundle_of(**models)) == main


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ({"message": "busy", "kind": "rate_limit", "retry": True, "retry_after_s": 3},
         ("busy", "rate_limit", True, 3.0)),
        ({"message": "no idea"}, ("no idea", "other", False, None)),
        ("no idea", ("no idea", "other", False, None)),
    ],
)  # fmt: skip
def test_an_error_is_told_as_the_agent_sorted_it(error: object, told: tuple[object, ...]) -> None:
    with pytest.raises(CaseError) as raised:
        reply_of({"error": error}, _MODEL, 1.0)
    assert (raised.value.message, raised.value.kind, raised.value.retry, raised.value.retry_after_s) == told


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"ouput": 1}, "has neither 'output' nor 'error'"),
        ({"error": {"text": "x"}}, "has an 'error' that is no object with a 'message'"),
        ({"error": {"message": "x", "retry": "yes"}}, "has an error whose 'retry' is neither true nor false"),
        ({"error": {"message": "x", "retry_after_s": -1}}, "has 'retry_after_s' that is no positive number: -1"),
        ({"output": 1, "usage": [1]}, "has usage that is no object"),
        ({"output": 1, "usage": {"input": 1.5}}, "has usage whose 'input' is no count of tokens: 1.5"),
        ({"output": 1, "usage": {"input": True}}, "has usage whose 'input' is no count of tokens: True"),
        ({"output": 1, "usage": {"tokens": 1}},
         "has usage of 'tokens'; there are input, output, cache_read, cache_write, reasoning"),
        ({"output": 1, "usage": {}, "model": 3}, "has a 'provider' or 'model' that is no text"),
        ({"output": 1, "usage": {"input": 1}, "calls": [{"usage": {}}]},
         "has both 'usage' and 'calls'; say the tokens once"),
        ({"output": 1, "calls": {}}, "has 'calls' that is no list"),
        ({"output": 1, "tool_calls": [{"arguments": {}}]}, "has a tool call without a 'name'"),
        ({"output": 1, "latency_ms": "fast"}, "has 'latency_ms' that is no positive number: 'fast'"),
    ],
)  # fmt: skip
def test_an_answer_of_the_wrong_shape_is_a_parse_error_that_says_how(answer: object, why: str) -> None:
    with pytest.raises(CaseError) as raised:
        reply_of(decode(json.dumps(answer).encode()), _MODEL, 1.0)
    assert (raised.value.kind, raised.value.message) == (
        "parse_error",
        f"the agent's answer {why}: {json.dumps(answer)}",
    )


@pytest.mark.parametrize(
    ("data", "start"),
    [
        (b"Traceback", "the agent's answer is not one JSON object (Expecting value"),
        (b'{"output": 1} {"output": 2}', "the agent's answer is not one JSON object (Extra data"),
        (b"", "the agent's answer is empty"),
        (b" \n", "the agent's answer is empty"),
        (b'["output"]', "the agent's answer is not a JSON object"),
        (b'{"output": "\xff"}', "the agent's answer is not UTF-8"),
        (rb'{"output": "\ud800"}', "the agent's answer is not UTF-8"),
        (b'{"output": NaN}', "the agent's answer is not one JSON object (NaN is not JSON)"),
        (b'{"output": -Infinity}', "the agent's answer is not one JSON object (-Infinity is not JSON)"),
        (b'{"output": 1e999}', "the agent's answer is not one JSON object (1e999 is too large a number)"),
        (b"[" * 100_000, "the agent's answer is not one JSON object (maximum recursion"),
        (b'{"output": "' + b"x" * 17_000_000, "the agent's answer is over 16 MB"),
    ],
    ids=["prose", "two", "nothing", "blank", "list", "bytes", "surrogate", "nan", "infinity", "large", "deep", "long"],
)
def test_what_is_not_one_json_object_is_a_parse_error_that_quotes_its_beginning(data: bytes, start: str) -> None:
    with pytest.raises(CaseError) as raised:
        decode(data)
    message = raised.value.message
    assert (raised.value.kind, message[: len(start)], len(message) < 400) == ("parse_error", start, True)
    assert data[:20].decode(errors="replace").strip() in message
