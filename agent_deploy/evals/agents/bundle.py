"""`bundle`, `bundle:prompt`: the bundle itself, its prompts rendered and sent to its own model."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agent_deploy.costs.usage import Usage
from agent_deploy.evals.errors import CaseError
from agent_deploy.evals.ports import Completion, Provider, Question, Request
from agent_deploy.evals.results import Reply
from registry.errors import BadInput

if TYPE_CHECKING:
    from agent_deploy.client import Bundle, Model, Prompt
    from agent_deploy.evals.providers import Providers
    from agent_deploy.evals.providers.cache import ResponseCache

SYSTEM = "system"
USER = "user"
INPUT = "input"


def bundle_agent(
    spec: str, bundle: Bundle, providers: Providers | None, cache: ResponseCache | None, timeout_s: float
) -> BundleAgent:
    """The agent. Raises BadInput when it is not plain which prompt or model to use, or the provider is not usable."""
    if providers is None:
        raise BadInput(f"agent {spec!r} needs a model provider, and there is none here")
    user = user_prompt(spec, bundle)
    model = _model(spec, bundle)
    providers.check(model.provider, model.parameters)
    return BundleAgent(spec, bundle, user, model, providers.get(model.provider), cache, timeout_s)


def user_prompt(spec: str, bundle: Bundle) -> Prompt | None:
    """The prompt that makes the user message: the one named, else `user`, else the only one besides `system`.

    None when there is no other: then the input is the message. Raises BadInput naming those there are.
    """
    named = spec.partition(":")[2]
    others = {name: prompt for name, prompt in bundle.prompts.items() if name != SYSTEM}
    if named:
        if named not in others:
            there = ", ".join(sorted(others)) or f"none besides {SYSTEM!r}"
            raise BadInput(f"agent {spec!r}: the bundle has no such prompt for a user message (there: {there})")
        return others[named]
    if USER in others or not others:
        return others.get(USER)
    if len(others) > 1:
        names = sorted(others)
        raise BadInput(
            f"agent {spec!r}: which of the prompts {', '.join(names)} is the user message? Say bundle:{names[0]}"
        )
    return next(iter(others.values()))


def _model(spec: str, bundle: Bundle) -> Model:
    models = list(bundle.models.values())
    if "default" in bundle.models:
        return bundle.models["default"]
    if len(models) != 1:
        there = ", ".join(sorted(bundle.models)) or "none"
        raise BadInput(f"agent {spec!r} asks the model 'default', and the bundle has none (there: {there})")
    return models[0]


class BundleAgent:
    """Renders the prompts and asks the model. See `ports.Agent`."""

    def __init__(
        self,
        name: str,
        bundle: Bundle,
        user: Prompt | None,
        model: Model,
        adapter: Provider,
        cache: ResponseCache | None,
        timeout_s: float,
    ) -> None:
        self.name = name
        self.provider = model.provider
        self._bundle = bundle
        self._system = bundle.prompts.get(SYSTEM)
        self._user = user
        self._model = model
        self._adapter = adapter
        self._cache = cache
        self._timeout_s = timeout_s

    async def answer(self, question: Question) -> Reply:
        """The reply; raises CaseError, of kind other for a variable that the prompt needs and the input lacks."""
        request = Request(
            provider=self._model.provider,
            model=self._model.name,
            messages=self._messages(question.input),
            parameters=self._model.parameters,
            tools=self._bundle.tools,
        )
        started = time.perf_counter()
        try:
            async with asyncio.timeout(self._timeout_s):
                completion, cached = await self._complete(question, request)
        except TimeoutError as error:
            raise CaseError(f"no answer within {self._timeout_s:g} s", kind="timeout", retry=True) from error
        return _reply(completion, cached, (time.perf_counter() - started) * 1000)

    async def close(self) -> None:
        """The providers are not this agent's to close."""

    async def _complete(self, question: Question, request: Request) -> tuple[Completion, bool]:
        if self._cache is None:
            return await self._adapter.complete(request), False
        from agent_deploy.evals.providers.cache import cache_key

        key = cache_key(
            request,
            bundle=self._bundle.digest,
            case=question.case,
            input=question.input,
            repeat=question.repeat,
        )
        return await self._cache.complete(self._adapter, request, key)

    def _messages(self, input_: Any) -> tuple[tuple[str, str], ...]:
        variables = self._variables(input_)
        messages = [(SYSTEM, _rendered(self._system, variables))] if self._system is not None else []
        said = _as_text(input_) if self._user is None else _rendered(self._user, variables)
        return (*messages, (USER, said))

    def _variables(self, input_: Any) -> Mapping[str, Any]:
        if isinstance(input_, Mapping):
            return input_
        prompts = [prompt for prompt in (self._user, self._system) if prompt is not None]
        needed = next((prompt.variables for prompt in prompts if prompt.variables), frozenset())
        name = next(iter(needed)) if len(needed) == 1 else INPUT
        return {name: input_}


def _rendered(prompt: Prompt, variables: Mapping[str, Any]) -> str:
    from agent_deploy.client.errors import PromptError

    try:
        return prompt.render(**variables)
    except PromptError as error:
        raise CaseError(str(error)) from error


def _as_text(input_: Any) -> str:
    return input_ if isinstance(input_, str) else json.dumps(input_, ensure_ascii=False)


def _reply(completion: Completion, cached: bool, took_ms: float) -> Reply:
    output = None if completion.tool_calls and not completion.text else completion.text
    said_tokens = completion.call.usage != Usage()  # no call takes none: the provider did not say
    return Reply(
        output=output,
        calls=(completion.call,) if said_tokens else (),
        tool_calls=completion.tool_calls,
        latency_ms=completion.latency_ms or took_ms,
        cached=cached,
    )
