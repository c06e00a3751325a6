"""The bundle as its own agent: which prompt is said as what, which model is asked, and what its answer becomes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from agent_deploy.client.bundle import Bundle
from agent_deploy.costs.usage import ModelCall, Usage
from agent_deploy.evals.agents import open_agent
from agent_deploy.evals.errors import CaseError
from agent_deploy.evals.ports import Completion, Embeddings, Question, Request
from agent_deploy.evals.providers import Providers
from agent_deploy.evals.providers.cache import ResponseCache
from agent_deploy.evals.results import Reply, ToolCall
from registry.errors import BadInput
from tests.evals.asking import Told, answered, bundle_of

_CALL = ModelCall("openai", "gpt-5-mini", Usage(10, 3))


@dataclass
class FakeProvider:
    """Answers with the same completion always, after `fail` was raised, if any."""

    completion: Completion = field(default_factory=lambda: Completion("refund", _CALL, latency_ms=12.0))
    fail: CaseError | None = None
    hang: bool = False
    asked: list[Request] = field(default_factory=list)

    def check(self, parameters: Mapping[str, Any]) -> None:
        if parameters.get("api") == "none":
            raise BadInput("no such api")

    async def complete(self, request: Request) -> Completion:
        self.asked.append(request)
        if self.hang:
            await asyncio.Event().wait()
        failed, self.fail = self.fail, None
        if failed is not None:
            raise failed
        return self.completion

    async def embed(self, model: str, texts: tuple[str, ...], parameters: Mapping[str, Any]) -> Embeddings:
        raise CaseError("no embeddings")

    async def close(self) -> None:
        pass


def _ask(
    bundle: Bundle, *inputs: Any, spec: str = "bundle", provider: FakeProvider | None = None,
    cache: ResponseCache | None = None, timeout_s: float = 5.0,
) -> tuple[list[Reply | Told], list[Request]]:  # fmt: skip
    fake = provider or FakeProvider()

    async def ask() -> list[Reply | Told]:
        agent = await open_agent(
            spec, bundle, timeout_s=timeout_s, concurrency=2, folder=Path(), cache=cache,
            providers=Providers(given={"openai": fake}),
        )  # fmt: skip
        assert agent.provider == "openai"
        replies = [await answered(agent, Question(f"c{n}", 0, value)) for n, value in enumerate(inputs)]
        await agent.close()
        return replies

    return asyncio.run(ask()), fake.asked


def _messages(prompts: Mapping[str, str], value: Any, spec: str = "bundle") -> tuple[tuple[str, str], ...]:
    _, (request,) = _ask(bundle_of(prompts), value, spec=spec)
    return request.messages


def test_it_asks_the_bundles_model_with_its_parameters_and_tools() -> None:
    tools = {"refund": '{"type": "object", "properties": {"amount": {"type": "number"}}}'}
    replies, asked = _ask(bundle_of(tools=tools), "where is my card?")
    assert asked == [
        Request(
            provider="openai",
            model="gpt-5-mini",
            messages=(("system", "Be brief.\n"), ("user", "where is my card?")),
            parameters={"temperature": 0.0},
            tools={"refund": {"type": "object", "properties": {"amount": {"type": "number"}}}},
        )
    ]
    assert replies == [Reply("refund", (_CALL,), latency_ms=12.0)]


@pytest.mark.parametrize(
    ("prompts", "spec", "value", "messages"),
    [
        ({"user": "Sort: {{ query }}", "other": "x"}, "bundle", "hi", (("user", "Sort: hi"),)),
        ({"system": "S", "classify": "Sort: {{ text }}"}, "bundle", "hi", (("system", "S"), ("user", "Sort: hi"))),
        ({"user": "U", "classify": "Sort: {{ a }}{{ b }}"}, "bundle:classify", {"a": 1, "b": 2},
         (("user", "Sort: 12"),)),
        ({"system": "For {{ who }}", "user": "Sort: {{ query }}"}, "bundle", {"who": "us", "query": "hi"},
         (("system", "For us"), ("user", "Sort: hi"))),
        ({"user": "Say it: {% if input %}{{ input }}{% endif %}"}, "bundle", "hi", (("user", "Say it: hi"),)),
        ({"system": "S"}, "bundle", {"a": "ä"}, (("system", "S"), ("user", '{"a": "ä"}'))),
        ({"system": "Sort {{ text }}"}, "bundle", "hi", (("system", "Sort hi"), ("user", "hi"))),
        ({"user": "Always the same"}, "bundle", "hi", (("user", "Always the same"),)),
    ],
    ids=["user", "only other", "named", "variables", "input", "no prompt", "system variable", "constant"],
)  # fmt: skip
def test_prompts_are_rendered_with_the_input(
    prompts: Mapping[str, str], spec: str, value: Any, messages: tuple[tuple[str, str], ...]
) -> None:
    assert _messages(prompts, value, spec) == messages


def test_a_variable_that_the_input_lacks_is_its_case_s_error_and_named() -> None:
    bundle = bundle_of({"user": "Sort: {{ query }} of {{ customer }}"})
    (told,), asked = _ask(bundle, {"query": "hi"})
    assert (told, asked) == (Told("prompt 'user': 'customer' is undefined (passed: query)"), [])


def test_tools_asked_for_without_a_word_are_a_reply_without_output() -> None:
    call = ToolCall("refund", {"amount": 3})
    (reply,), _ = _ask(bundle_of(), "hi", provider=FakeProvider(Completion("", _CALL, (call,), 1.0)))
    assert reply == Reply(None, (_CALL,), (call,), 1.0)


def test_of_a_model_that_says_nothing_of_tokens_no_call_is_known() -> None:
    silent = Completion("refund", ModelCall("openai", "gpt-5-mini", Usage()), latency_ms=1.0)
    (reply,), _ = _ask(bundle_of(), "hi", provider=FakeProvider(silent))
    assert reply == Reply("refund", latency_ms=1.0)


def test_no_answer_in_time_is_a_timeout() -> None:
    (told,), _ = _ask(bundle_of(), "hi", provider=FakeProvider(hang=True), timeout_s=0.05)
    assert told == Told("no answer within 0.05 s", "timeout", True)


def test_a_response_is_kept_and_an_error_is_not(tmp_path: Path) -> None:
    fake = FakeProvider(fail=CaseError("busy", kind="rate_limit", retry=True))
    cache = ResponseCache(tmp_path)
    first, _ = _ask(bundle_of(), "hi", provider=fake, cache=cache)
    second, _ = _ask(bundle_of(), "hi", provider=fake, cache=cache)
    third, asked = _ask(bundle_of(), "hi", provider=fake, cache=cache)
    fresh = Reply("refund", (_CALL,), latency_ms=12.0)
    kept = Reply("refund", (_CALL,), latency_ms=12.0, cached=True)
    assert (first, second, third, len(asked)) == ([Told("busy", "rate_limit", True)], [fresh], [kept], 2)


@pytest.mark.parametrize(
    ("bundle", "spec", "message"),
    [
        (bundle_of({"a": "A", "b": "B"}), "bundle",
         "agent 'bundle': which of the prompts a, b is the user message? Say bundle:a"),
        (bundle_of({"system": "S", "a": "A"}), "bundle:c",
         "agent 'bundle:c': the bundle has no such prompt for a user message (there: a)"),
        (bundle_of({"system": "S"}), "bundle:system",
         "agent 'bundle:system': the bundle has no such prompt for a user message (there: none besides 'system')"),
        (bundle_of(one={"provider": "openai", "name": "x"}, two={"provider": "openai", "name": "y"}), "bundle",
         "agent 'bundle' asks the model 'default', and the bundle has none (there: one, two)"),
        (bundle_of(default={"provider": "opnai", "name": "x"}), "bundle",
         "there is no adapter for the model provider 'opnai'; did you mean 'openai'? (there: bedrock, openai); "
         "an OpenAI-compatible endpoint is provider 'openai' with a base_url"),
        (bundle_of(default={"provider": "openai", "name": "x", "api": "none"}), "bundle", "no such api"),
    ],
)  # fmt: skip
def test_what_is_not_plain_is_refused_before_anything_is_asked(bundle: Bundle, spec: str, message: str) -> None:
    with pytest.raises(BadInput) as raised:
        _ask(bundle, "hi", spec=spec)
    assert raised.value.message == message
