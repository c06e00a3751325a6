"""Amazon Bedrock's Converse API by boto3, in threads. Credentials, region and endpoint come from the environment.

Of a model's parameters, `temperature`, `max_tokens`, `top_p` and `stop` go into inferenceConfig, `region` says where,
and all others are the model's own: additionalModelRequestFields.
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from agent_deploy.costs.usage import ModelCall, Usage
from agent_deploy.evals.errors import CaseError
from agent_deploy.evals.ports import Completion, Embeddings, Request
from agent_deploy.evals.providers.waiting import in_thread
from agent_deploy.evals.results import ToolCall
from agent_deploy.evals.retry_after import retry_after_s
from registry.errors import BadInput

_CONNECTIONS = 256
_INFERENCE = {"temperature": "temperature", "max_tokens": "maxTokens", "top_p": "topP", "stop": "stopSequences"}
_RATE = ("ThrottlingException", "TooManyRequestsException")
_TIMEOUT = ("ModelTimeoutException",)
_AWAY = ("InternalServerException", "ServiceUnavailableException", "ModelNotReadyException", "ModelErrorException")
_WITHHELD = {
    "content_filtered": "the provider's content filter withheld the answer",
    "guardrail_intervened": "a guardrail withheld the answer",
}


class BedrockProvider:
    """See `ports.Provider`."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._clients: dict[str | None, Any] = {}

    def check(self, parameters: Mapping[str, Any]) -> None:
        """Raise BadInput when no region is known."""
        self._client(parameters.get("region"))

    async def complete(self, request: Request) -> Completion:
        """Ask once; raises CaseError."""
        client = self._client(request.parameters.get("region"))
        asked = converse_request(request)
        started = time.perf_counter()
        answer = await in_thread(partial(_converse, client, asked))
        return _completion(answer, request, (time.perf_counter() - started) * 1000)

    async def embed(self, model: str, texts: tuple[str, ...], parameters: Mapping[str, Any]) -> Embeddings:  # noqa: ARG002 - the port's
        """Always raises CaseError: the Converse API has no embeddings."""
        raise CaseError("the bedrock adapter has no embeddings; use provider 'openai' with an endpoint that has")

    async def close(self) -> None:
        """Close the connections; the process need not wait for a request that is still under way."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def _client(self, region: str | None) -> Any:
        if region not in self._clients:
            import boto3
            from botocore.config import Config
            from botocore.exceptions import BotoCoreError

            config = Config(
                retries={"mode": "standard", "total_max_attempts": 1},
                read_timeout=self._timeout_s,
                max_pool_connections=_CONNECTIONS,
            )
            try:
                self._clients[region] = boto3.session.Session().client(
                    "bedrock-runtime", region_name=region, config=config
                )
            except (BotoCoreError, ValueError) as error:
                raise BadInput(f"provider 'bedrock': {error}", next_command="export AWS_REGION=…") from error
        return self._clients[region]


def converse_request(request: Request) -> dict[str, Any]:
    """The arguments of Converse."""
    parameters = {name: value for name, value in request.parameters.items() if name != "region"}
    inference = {theirs: parameters.pop(ours) for ours, theirs in _INFERENCE.items() if ours in parameters}
    if isinstance(inference.get("stopSequences"), str):
        inference["stopSequences"] = [inference["stopSequences"]]
    asked: dict[str, Any] = {
        "modelId": request.model,
        "messages": [
            {"role": role, "content": [{"text": text}]} for role, text in request.messages if role != "system"
        ],
    }
    optional = {
        "system": [{"text": text} for role, text in request.messages if role == "system"],
        "inferenceConfig": inference,
        "additionalModelRequestFields": parameters,
        "toolConfig": {"tools": [_tool(name, schema) for name, schema in request.tools.items()]}
        if request.tools
        else {},
    }
    return asked | {name: value for name, value in optional.items() if value}


def _tool(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    described = {"description": schema["description"]} if isinstance(schema.get("description"), str) else {}
    return {"toolSpec": {"name": name, **described, "inputSchema": {"json": schema}}}


def _converse(client: Any, asked: dict[str, Any]) -> dict[str, Any]:
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        NoCredentialsError,
        ParamValidationError,
        ReadTimeoutError,
    )
    from botocore.parsers import ResponseParserError

    try:
        answer: dict[str, Any] = client.converse(**asked)
    except ClientError as error:
        raise _refused(error.response) from error
    except ReadTimeoutError as error:
        raise CaseError("the provider did not answer in time", kind="timeout", retry=True) from error
    except (ParamValidationError, NoCredentialsError) as error:
        raise CaseError(f"Bedrock cannot be asked: {error}") from error
    except (BotoCoreError, ResponseParserError) as error:
        raise CaseError(f"{type(error).__name__}: {error}", kind="downstream_error", retry=True) from error
    return answer


def _refused(response: Mapping[str, Any]) -> CaseError:
    error, about = response.get("Error", {}), response.get("ResponseMetadata", {})
    code, status = error.get("Code", ""), about.get("HTTPStatusCode", 0)
    after = retry_after_s(about.get("HTTPHeaders", {}))
    message = f"the provider answered {code}: {error.get('Message', '')}"
    if code in _RATE or status == 429:
        return CaseError(message, kind="rate_limit", retry=True, retry_after_s=after)
    if code in _TIMEOUT:
        return CaseError(message, kind="timeout", retry=True)
    retry = code in _AWAY or status >= 500
    return CaseError(message, kind="downstream_error", retry=retry, retry_after_s=after)


def _completion(answer: Mapping[str, Any], request: Request, latency_ms: float) -> Completion:
    try:
        blocks = answer["output"]["message"]["content"]
        usage = _usage(answer.get("usage") or {})
        stopped = answer.get("stopReason")
    except (KeyError, TypeError) as error:
        message = f"the provider's answer has not the shape it should ({type(error).__name__}: {error})"
        raise CaseError(message, kind="downstream_error", retry=True) from error
    if stopped in _WITHHELD:
        raise CaseError(_WITHHELD[stopped])
    text = "".join(block["text"] for block in blocks if "text" in block)
    tools = tuple(ToolCall(b["toolUse"]["name"], b["toolUse"]["input"]) for b in blocks if "toolUse" in b)
    if stopped == "max_tokens" and not text and not tools:
        raise CaseError("the model used up max_tokens before it said anything; raise it in the bundle's model table")
    return Completion(text, ModelCall(request.provider, request.model, usage), tools, latency_ms)


def _usage(said: Mapping[str, Any]) -> Usage:
    """Tokens. Bedrock counts what went through the cache apart from inputTokens; our `input` has all of it."""
    read, written = said.get("cacheReadInputTokens") or 0, said.get("cacheWriteInputTokens") or 0
    return Usage(
        input=(said.get("inputTokens") or 0) + read + written,
        output=said.get("outputTokens") or 0,
        cache_read=read,
        cache_write=written,
    )
