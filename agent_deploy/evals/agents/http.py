"""`http://…`, `https://…`: an endpoint that is posted the question as JSON and answers with JSON."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from agent_deploy.evals.agents.protocol import MAX_BYTES, bundle_json, decode, main_model, reply_of, request_bytes
from agent_deploy.evals.errors import CaseError
from agent_deploy.evals.ports import Question
from agent_deploy.evals.results import Reply
from agent_deploy.evals.retry_after import retry_after_s
from registry.errors import BadInput

if TYPE_CHECKING:
    from httpx2 import AsyncClient, Response

    from agent_deploy.client import Bundle

TOKEN = "AGENT_DEPLOY_AGENT_TOKEN"  # noqa: S105 - the name of the variable
_QUOTED = 200


def http_agent(spec: str, bundle: Bundle, timeout_s: float, concurrency: int, environ: Mapping[str, str]) -> HttpAgent:
    """The agent. Raises BadInput for a URL without a host, or with a password, which would be recorded."""
    try:
        parts = urlsplit(spec)
        host, secret = parts.hostname, parts.password
    except ValueError as error:
        raise BadInput(f"agent {spec!r}: {error}") from error
    if not host:
        raise BadInput(f"agent {spec!r} names no host")
    if secret or parts.username:
        raise BadInput(
            f"agent {parts.scheme}://…@{host}: a run records its agent, and a password must not be recorded; "
            f"put a bearer token into {TOKEN}"
        )
    return HttpAgent(spec, bundle, timeout_s, concurrency, environ.get(TOKEN))


class HttpAgent:
    """Posts each question. See `ports.Agent`. token: sent as a bearer token, when there is one."""

    provider = ""

    def __init__(self, url: str, bundle: Bundle, timeout_s: float, concurrency: int, token: str | None) -> None:
        self.name = url
        self._bundle = bundle_json(bundle)
        self._model = main_model(bundle)
        self._timeout_s = timeout_s
        self._concurrency = concurrency
        self._token = token
        self._client: AsyncClient | None = None

    async def answer(self, question: Question) -> Reply:
        """The reply; raises CaseError: rate_limit for a 429, downstream_error for what the endpoint or the line did."""
        import httpx2

        started = time.perf_counter()
        try:
            async with asyncio.timeout(self._timeout_s):
                body = await self._post(request_bytes(question, self._bundle))
        except (TimeoutError, httpx2.TimeoutException) as error:
            raise CaseError(f"no answer within {self._timeout_s:g} s", kind="timeout", retry=True) from error
        except httpx2.HTTPError as error:
            raise _downstream(f"{type(error).__name__}: {error}", retry=True) from error
        return reply_of(decode(body), self._model, (time.perf_counter() - started) * 1000)

    async def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _post(self, request: bytes) -> bytearray:
        async with self._opened().stream("POST", self.name, content=request) as response:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MAX_BYTES:
                    break
        if not response.is_success:
            raise _refused(response, body)
        return body

    def _opened(self) -> AsyncClient:
        if self._client is None:
            import httpx2

            headers = {"content-type": "application/json", "accept": "application/json"}
            if self._token:
                headers["authorization"] = f"Bearer {self._token}"
            limits = httpx2.Limits(max_connections=self._concurrency, max_keepalive_connections=self._concurrency)
            self._client = httpx2.AsyncClient(headers=headers, timeout=self._timeout_s, limits=limits)
        return self._client


def _refused(response: Response, body: bytearray) -> CaseError:
    said = bytes(body[: _QUOTED * 4]).decode(errors="replace").strip()[:_QUOTED]
    message = f"the endpoint answered {response.status_code} {response.reason_phrase}".rstrip()
    message += f": {said}" if said else ""
    after = retry_after_s(response.headers)
    if response.status_code == 429:
        return CaseError(message, kind="rate_limit", retry=True, retry_after_s=after)
    return _downstream(message, retry=response.status_code >= 500, after=after)


def _downstream(message: str, **how: Any) -> CaseError:
    return CaseError(message, kind="downstream_error", retry=how["retry"], retry_after_s=how.get("after"))
