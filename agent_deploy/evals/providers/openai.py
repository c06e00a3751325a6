"""The `openai` package against OpenAI, or against anything that speaks its API at a `base_url`.

Of a model's parameters, `base_url` says where, and `api` which API: `chat` (the default) or `completions`, for base
models, which are given system and user message as one plain prompt. All others go into the request as they are.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from agent_deploy.costs.usage import ModelCall
from agent_deploy.evals.errors import CaseError
from agent_deploy.evals.ports import Completion, Embeddings, Request
from agent_deploy.evals.providers import openai_answers as answers
from registry.errors import BadInput

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI

_OURS = ("base_url", "api")
_RESERVED = ("messages", "model", "prompt", "stream", "n", "input")
_APIS = ("chat", "completions")


class OpenAIProvider:
    """See `ports.Provider`. Keys come from OPENAI_API_KEY, the address from `base_url`, else OPENAI_BASE_URL."""

    def __init__(self, timeout_s: float, environ: Mapping[str, str]) -> None:
        try:
            import openai  # noqa: F401 - the sooner it is told that it is not there, the better
        except ImportError as error:
            raise BadInput(
                "provider 'openai' needs the package openai", next_command='pip install "agent-deploy[openai]"'
            ) from error
        self._timeout_s = timeout_s
        self._environ = environ
        self._clients: dict[str | None, AsyncOpenAI] = {}

    def check(self, parameters: Mapping[str, Any]) -> None:
        """Raise BadInput for a missing key, an unknown `api`, or a parameter that is not the bundle's to set."""
        self._key(parameters.get("base_url"))
        if parameters.get("api", "chat") not in _APIS:
            raise BadInput(f"api = {parameters['api']!r}: there are {' and '.join(map(repr, _APIS))}")
        for name in _RESERVED:
            if name in parameters:
                raise BadInput(f"a model of provider 'openai' has a parameter {name!r}, which is not its to set")

    async def complete(self, request: Request) -> Completion:
        """Ask once; raises CaseError, also for a 200 that is no answer."""
        self.check(request.parameters)
        client = self._client(request.parameters.get("base_url"))
        rest = _passed_on(request.parameters)
        started = time.perf_counter()
        if request.parameters.get("api") == "completions":
            prompt = "\n\n".join(text for _, text in request.messages)
            create: Any = client.completions.with_raw_response.create
            body = await _asked(lambda: create(model=request.model, prompt=prompt, extra_body=rest))
            read = answers.base_completion
        else:
            create = client.chat.completions.with_raw_response.create
            chat = {"messages": [{"role": role, "content": text} for role, text in request.messages]}
            rest |= answers.tools_of(request.tools)
            body = await _asked(lambda: create(model=request.model, extra_body=rest, **chat))
            read = answers.chat_completion
        return read(body, request.provider, request.model, (time.perf_counter() - started) * 1000)

    async def embed(self, model: str, texts: tuple[str, ...], parameters: Mapping[str, Any]) -> Embeddings:
        """A vector a text, in their order; raises CaseError."""
        create: Any = self._client(parameters.get("base_url")).embeddings.with_raw_response.create
        rest = {"encoding_format": "float"} | _passed_on(parameters)
        body = await _asked(lambda: create(model=model, input=list(texts), extra_body=rest))
        vectors, usage = answers.embedded(body, len(texts))
        return Embeddings(vectors, ModelCall("openai", model, usage))

    async def close(self) -> None:
        """Close the connections."""
        clients = list(self._clients.values())
        self._clients.clear()
        for client in clients:
            await client.close()

    def _client(self, base_url: str | None) -> AsyncOpenAI:
        if base_url not in self._clients:
            from openai import AsyncOpenAI

            self._clients[base_url] = AsyncOpenAI(
                api_key=self._key(base_url),
                base_url=base_url or self._environ.get("OPENAI_BASE_URL") or None,
                max_retries=0,
                timeout=self._timeout_s,
            )
        return self._clients[base_url]

    def _key(self, base_url: str | None) -> str:
        """The key; anything at all for a server of one's own, which may ask for none."""
        key = self._environ.get("OPENAI_API_KEY")
        if key:
            return key
        if base_url or self._environ.get("OPENAI_BASE_URL"):
            return "none"
        raise BadInput("provider 'openai' needs a key", next_command="export OPENAI_API_KEY=…")


def _passed_on(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if name not in _OURS}


def _said(error: APIStatusError) -> str:
    told = error.body.get("message") if isinstance(error.body, dict) else error.body
    return f"{error.status_code}: {told or error.response.reason_phrase}"


async def _asked(ask: Callable[[], Awaitable[Any]]) -> dict[str, Any]:
    """The body of the answer, parsed; every way to fail as a CaseError."""
    import openai

    try:
        raw = await ask()
    except openai.APITimeoutError as error:
        raise CaseError("the provider did not answer in time", kind="timeout", retry=True) from error
    except openai.APIStatusError as error:
        raise answers.refused(error.status_code, _said(error), error.code, error.response.headers) from error
    except openai.APIConnectionError as error:
        why = error.__cause__ or error
        message = f"the connection to the provider failed: {type(why).__name__}: {why}"
        raise CaseError(message, kind="downstream_error", retry=True) from error
    except openai.OpenAIError as error:
        raise CaseError(f"{type(error).__name__}: {error}", kind="downstream_error") from error
    return answers.body_of(raw.http_response.content)
