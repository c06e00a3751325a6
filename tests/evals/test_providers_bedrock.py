"""The Bedrock adapter against a stand-in for the Converse API, spoken to by botocore's own serializer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agent_deploy.costs.usage import ModelCall, Usage
from agent_deploy.evals.errors import CaseError
from agent_deploy.evals.ports import Completion, Request
from agent_deploy.evals.providers import Providers
from agent_deploy.evals.results import ToolCall
from registry.errors import BadInput
from tests.evals.asking import Told
from tests.evals.endpoint import Answer, endpoint

pytestmark = pytest.mark.slow

_USAGE = {
    "inputTokens": 40, "outputTokens": 20, "totalTokens": 160, "cacheReadInputTokens": 60, "cacheWriteInputTokens": 40,
}  # fmt: skip


def _converse(*content: dict[str, Any], stop: str = "end_turn") -> dict[str, Any]:
    message = {"role": "assistant", "content": list(content)}
    return {"output": {"message": message}, "stopReason": stop, "usage": _USAGE, "metrics": {"latencyMs": 5}}


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test-access-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-secret-key")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def _request(**more: Any) -> Request:
    tools = more.pop("tools", {})
    messages = (("system", "Be brief."), ("user", "hi"))
    return Request("bedrock", "eu.amazon.nova-lite-v1:0", messages, more, tools)


def _ask(
    monkeypatch: pytest.MonkeyPatch, answer: Answer, request: Request | None = None, timeout_s: float = 20.0
) -> tuple[Completion | Told, list[tuple[str, dict[str, str], Any]]]:
    async def ask() -> Completion | Told:
        providers = Providers(timeout_s=timeout_s)
        try:
            return await providers.get("bedrock").complete(request or _request())
        except CaseError as error:
            return Told(error.message, error.kind, error.retry, error.retry_after_s)
        finally:
            await providers.close()

    with endpoint(answer) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", server.url)
        return asyncio.run(ask()), server.asked


def test_a_request_is_put_as_converse_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    schema = {"type": "object", "description": "Give money back."}
    request = _request(
        temperature=0.0, max_tokens=64, top_p=0.9, stop="END", top_k=3, region="eu-west-1", tools={"refund": schema}
    )
    _, ((path, headers, body),) = _ask(monkeypatch, Answer(_converse({"text": "refund"})), request)
    assert path == "/model/eu.amazon.nova-lite-v1%3A0/converse"
    assert "eu-west-1/bedrock/aws4_request" in headers["authorization"]
    assert body == {
        "system": [{"text": "Be brief."}],
        "messages": [{"role": "user", "content": [{"text": "hi"}]}],
        "inferenceConfig": {"temperature": 0.0, "maxTokens": 64, "topP": 0.9, "stopSequences": ["END"]},
        "additionalModelRequestFields": {"top_k": 3},
        "toolConfig": {"tools": [{"toolSpec": {
            "name": "refund", "description": "Give money back.", "inputSchema": {"json": schema}}}]},
    }  # fmt: skip


def test_text_tools_and_tokens_come_back_and_input_counts_what_was_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = _converse(
        {"reasoningContent": {"reasoningText": {"text": "hm"}}},
        {"text": "ref"},
        {"text": "und"},
        {"toolUse": {"toolUseId": "1", "name": "refund", "input": {"amount": 3}}},
    )
    completion, _ = _ask(monkeypatch, Answer(answer))
    assert isinstance(completion, Completion)
    usage = Usage(input=140, output=20, cache_read=60, cache_write=40)
    assert completion == Completion(
        "refund",
        ModelCall("bedrock", "eu.amazon.nova-lite-v1:0", usage),
        (ToolCall("refund", {"amount": 3}),),
        completion.latency_ms,
    )


def _error(code: str, status: int, **headers: str) -> Answer:
    return Answer({"message": "no"}, status, {"x-amzn-errortype": code, **headers})


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (_error("ThrottlingException", 429, **{"retry-after": "4"}),
         Told("the provider answered ThrottlingException: no", "rate_limit", True, 4.0)),
        (_error("ModelTimeoutException", 408),
         Told("the provider answered ModelTimeoutException: no", "timeout", True)),
        (_error("ServiceUnavailableException", 503),
         Told("the provider answered ServiceUnavailableException: no", "downstream_error", True)),
        (_error("ValidationException", 400), Told("the provider answered ValidationException: no", "downstream_error")),
        (_error("AccessDeniedException", 403),
         Told("the provider answered AccessDeniedException: no", "downstream_error")),
        (Answer({"message": "all is lost"}), Told("the provider's answer has not the shape it should (KeyError: "
                                                  "'output')", "downstream_error", True)),
        (Answer(_converse(stop="guardrail_intervened")), Told("a guardrail withheld the answer")),
        (Answer(_converse(stop="max_tokens")), Told("the model used up max_tokens before it said anything; raise it "
                                                    "in the bundle's model table")),
    ],
    ids=["throttled", "timeout", "away", "invalid", "denied", "200 error", "guardrail", "no room"],
)  # fmt: skip
def test_whatever_it_answers_amiss_is_told(monkeypatch: pytest.MonkeyPatch, answer: Answer, told: Told) -> None:
    found, asked = _ask(monkeypatch, answer)
    assert (found, len(asked)) == (told, 1)


@pytest.mark.parametrize(
    "answer", [Answer(_converse({"text": "a" * 500}), cut=300), Answer(b'{"output": {"mess')], ids=["cut", "half JSON"]
)
def test_half_an_answer_is_a_downstream_error_worth_another_try(
    monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    told, asked = _ask(monkeypatch, answer)
    assert isinstance(told, Told)
    assert (told.kind, told.retry, len(asked)) == ("downstream_error", True, 1)


def test_no_answer_in_time_is_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    told, _ = _ask(monkeypatch, Answer(hang=True), timeout_s=0.3)
    assert told == Told("the provider did not answer in time", "timeout", True)


def test_without_a_region_it_is_refused_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    with pytest.raises(BadInput) as raised:
        Providers().check("bedrock", {})
    assert (raised.value.message, raised.value.next_command) == (
        "provider 'bedrock': You must specify a region.",
        "export AWS_REGION=…",
    )


def test_it_has_no_embeddings_and_says_which_has() -> None:
    async def embed() -> None:
        await Providers().get("bedrock").embed("titan", ("a",), {})

    with pytest.raises(CaseError, match="use provider 'openai' with an endpoint that has"):
        asyncio.run(embed())
