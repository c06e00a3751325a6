"""The openai adapter against a server that answers well, badly, and not at all."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from agent_deploy.costs.usage import ModelCall, Usage
from agent_deploy.evals.errors import CaseError
from agent_deploy.evals.ports import Completion, Embeddings, Request
from agent_deploy.evals.providers import Providers
from agent_deploy.evals.results import ToolCall
from registry.errors import BadInput
from tests.evals.asking import Told
from tests.evals.endpoint import Answer, endpoint

_USAGE = {
    "prompt_tokens": 100, "completion_tokens": 20, "prompt_tokens_details": {"cached_tokens": 60},
    "completion_tokens_details": {"reasoning_tokens": 15},
}  # fmt: skip


def _chat(content: Any, finish: str = "stop", usage: Any = _USAGE, **message: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": content, **message}, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion", "choices": [choice], "usage": usage}


def _request(url: str, messages: tuple[tuple[str, str], ...] = (("user", "hi"),), **more: Any) -> Request:
    tools = more.pop("tools", {})
    return Request("openai", "tiny", messages, {"base_url": url, **more}, tools)


async def _complete(request: Request, timeout_s: float, environ: Mapping[str, str]) -> Completion | Told:
    providers = Providers(timeout_s=timeout_s, environ=environ)
    try:
        return await providers.get("openai").complete(request)
    except CaseError as error:
        return Told(error.message, error.kind, error.retry, error.retry_after_s)
    finally:
        await providers.close()


def _ask(answer: Answer, timeout_s: float = 20.0, **more: Any) -> Completion | Told:
    with endpoint(answer) as server:
        return asyncio.run(_complete(_request(server.url + "/v1", **more), timeout_s, {"OPENAI_API_KEY": "k"}))


pytestmark = pytest.mark.slow


def test_a_chat_request_carries_messages_parameters_tools_and_the_key() -> None:
    schema = {"type": "object", "description": "Give money back."}
    messages = (("system", "Be brief."), ("user", "hi"))
    with endpoint(Answer(_chat("refund"))) as server:
        request = _request(
            server.url + "/v1", messages, temperature=0.0, max_tokens=64, top_k=3, tools={"refund": schema}
        )
        asyncio.run(_complete(request, 20.0, {"OPENAI_API_KEY": "s3cret"}))
    ((path, headers, body),) = server.asked
    assert (path, headers["authorization"]) == ("/v1/chat/completions", "Bearer s3cret")
    assert body == {
        "model": "tiny", "temperature": 0.0, "max_tokens": 64, "top_k": 3,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}],
        "tools": [{"type": "function",
                   "function": {"name": "refund", "description": "Give money back.", "parameters": schema}}],
    }  # fmt: skip


def test_text_and_tokens_by_class_come_back() -> None:
    completion = _ask(Answer(_chat("refund")))
    assert isinstance(completion, Completion)
    call = ModelCall("openai", "tiny", Usage(input=100, output=20, cache_read=60, reasoning=15))
    assert completion == Completion("refund", call, latency_ms=completion.latency_ms)
    assert 0 < completion.latency_ms < 10_000


def test_tools_that_it_asks_for_come_back_parsed_and_what_is_no_json_as_it_is() -> None:
    called = [
        {"id": str(number), "type": "function", "function": {"name": "refund", "arguments": arguments}}
        for number, arguments in enumerate(['{"amount": 3}', "", "{broken"])
    ]
    completion = _ask(Answer(_chat(None, "tool_calls", tool_calls=called)))
    assert isinstance(completion, Completion)
    assert (completion.text, completion.tool_calls) == (
        "",
        (ToolCall("refund", {"amount": 3}), ToolCall("refund", {}), ToolCall("refund", "{broken")),
    )


def test_a_base_model_is_given_one_plain_prompt_and_may_be_cut_off() -> None:
    body = {"choices": [{"index": 0, "text": " refund\n", "finish_reason": "length"}], "usage": _USAGE}
    with endpoint(Answer(body)) as server:
        messages = (("system", "Q: x\nA: y"), ("user", "Q: hi\nA:"))
        request = _request(server.url + "/v1", messages, api="completions", max_tokens=3)
        completion = asyncio.run(_complete(request, 20.0, {}))
    ((path, _, asked),) = server.asked
    assert path == "/v1/completions"
    assert asked == {"model": "tiny", "prompt": "Q: x\nA: y\n\nQ: hi\nA:", "max_tokens": 3}
    assert isinstance(completion, Completion)
    assert (completion.text, completion.call.usage.output) == (" refund\n", 20)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer({"error": {"message": "slow down", "code": "rate_limit_exceeded"}}, 429, {"retry-after": "3"}),
         Told("the provider answered 429: slow down", "rate_limit", True, 3.0)),
        (Answer({"error": {"message": "pay", "code": "insufficient_quota"}}, 429),
         Told("the provider answered 429: pay", "rate_limit")),
        (Answer({"error": {"message": "boom"}}, 500),
         Told("the provider answered 500: boom", "downstream_error", True)),
        (Answer({"error": {"message": "bad key"}}, 401),
         Told("the provider answered 401: bad key", "downstream_error")),
        (Answer(b"<html>", 502, {"content-type": "text/html"}),
         Told("the provider answered 502: <html>", "downstream_error", True)),
        (Answer({"error": {"message": "overloaded", "type": "server_error"}}),
         Told("the provider answered 200, and in it an error: overloaded", "downstream_error", True)),
        (Answer({"error": {"message": "slow down", "code": 429}}),
         Told("the provider answered 200, and in it an error: slow down", "rate_limit", True)),
        (Answer({"error": "no model"}),
         Told("the provider answered 200, and in it an error: no model", "downstream_error", True)),
        (Answer({"choices": []}), Told("the provider's answer has not the shape it should (IndexError: "
                                       "list index out of range): {\"choices\": []}", "downstream_error", True)),
        (Answer(b"[]"), Told("the provider's answer is not a JSON object: []", "downstream_error", True)),
        (Answer(b'{"choices": [{"mess'),
         Told("the provider's answer is not JSON: {\"choices\": [{\"mess", "downstream_error", True)),
        (Answer(_chat("", "content_filter")), Told("the provider's content filter withheld the answer")),
        (Answer(_chat("", "length")), Told("the model used up max_tokens before it said anything; raise it in the "
                                           "bundle's model table")),
    ],
    ids=["429", "quota", "500", "401", "502", "200 error", "200 with 429", "200 text", "no choices", "list",
         "half JSON", "filtered", "no room"],
)  # fmt: skip
def test_whatever_it_answers_amiss_is_told_and_nothing_is_retried(answer: Answer, told: Told) -> None:
    assert _ask(answer) == told


def test_half_a_body_is_a_downstream_error_worth_another_try() -> None:
    told = _ask(Answer(_chat("refund"), cut=20))
    assert isinstance(told, Told)
    assert (told.kind, told.retry) == ("downstream_error", True)
    assert told.message.startswith("the connection to the provider failed: RemoteProtocolError")


def test_no_answer_in_time_is_a_timeout() -> None:
    assert _ask(Answer(hang=True), timeout_s=0.2) == Told("the provider did not answer in time", "timeout", True)


def test_a_server_that_says_nothing_of_tokens_is_taken_at_its_word() -> None:
    completion = _ask(Answer(_chat("refund", usage=None)))
    assert isinstance(completion, Completion)
    assert completion.call.usage == Usage()


def test_embeddings_come_back_in_the_order_of_their_texts() -> None:
    rows = [{"index": 1, "embedding": [0, 1]}, {"index": 0, "embedding": [1, 0.5]}]

    async def embed(url: str) -> Embeddings:
        providers = Providers(environ={})
        found = await providers.get("openai").embed("small", ("a", "b"), {"base_url": url, "dimensions": 2})
        await providers.close()
        return found

    with endpoint(Answer({"data": rows, "usage": {"prompt_tokens": 4}})) as server:
        found = asyncio.run(embed(server.url))
    assert found == Embeddings(((1.0, 0.5), (0.0, 1.0)), ModelCall("openai", "small", Usage(4)))
    assert server.bodies == [{"model": "small", "input": ["a", "b"], "dimensions": 2, "encoding_format": "float"}]


@pytest.mark.parametrize(
    ("parameters", "environ", "message"),
    [
        ({}, {}, "provider 'openai' needs a key"),
        ({"api": "responses"}, {"OPENAI_API_KEY": "k"}, "api = 'responses': there are 'chat' and 'completions'"),
        ({"stream": True}, {"OPENAI_API_KEY": "k"},
         "a model of provider 'openai' has a parameter 'stream', which is not its to set"),
    ],
)  # fmt: skip
def test_a_model_that_could_not_be_asked_is_refused_beforehand(
    parameters: dict[str, Any], environ: dict[str, str], message: str
) -> None:
    with pytest.raises(BadInput) as raised:
        Providers(environ=environ).check("openai", parameters)
    assert raised.value.message == message


@pytest.mark.parametrize(
    ("parameters", "environ"),
    [
        ({"base_url": "http://127.0.0.1:1"}, {}),
        ({}, {"OPENAI_BASE_URL": "http://vllm:8000/v1"}),
        ({}, {"OPENAI_API_KEY": "k"}),
    ],
)
def test_a_server_of_one_s_own_needs_no_key(parameters: dict[str, Any], environ: dict[str, str]) -> None:
    Providers(environ=environ).check("openai", parameters)


def test_without_its_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(BadInput) as raised:
        Providers(environ={}).get("openai")
    assert (raised.value.message, raised.value.next_command) == (
        "provider 'openai' needs the package openai",
        'pip install "agent-deploy[openai]"',
    )
