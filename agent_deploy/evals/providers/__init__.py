"""Model providers, each behind one adapter that is imported and opened when it is first asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Protocol

from agent_deploy.evals.ports import Provider
from registry.errors import BadInput

NAMES = ("bedrock", "openai")
TIMEOUT_S = 600.0


class Adapter(Provider, Protocol):
    """A provider's adapter."""

    def check(self, parameters: Mapping[str, Any]) -> None:
        """Raise BadInput when a model with these parameters could not be asked at all: no key, no region."""


class Providers:
    """The providers of one command, each opened once; close them from the event loop that used them.

    timeout_s: for one request, whatever else limits it. environ: where keys and addresses come from.
    given: adapters to use in place of our own, by provider.
    """

    def __init__(
        self,
        *,
        timeout_s: float = TIMEOUT_S,
        environ: Mapping[str, str] = os.environ,
        given: Mapping[str, Adapter] | None = None,
    ) -> None:
        self._timeout_s = timeout_s
        self._environ = environ
        self._open: dict[str, Adapter] = dict(given or {})

    def get(self, name: str) -> Provider:
        """The provider; raises BadInput when there is no adapter for it, or its package is not installed."""
        return self._adapter(name)

    def check(self, name: str, parameters: Mapping[str, Any]) -> None:
        """Raise BadInput when a model of that provider, with these parameters, could not be asked at all."""
        self._adapter(name).check(parameters)

    async def close(self) -> None:
        """Close all connections. May be called more than once."""
        adapters = list(self._open.values())
        self._open.clear()
        for adapter in adapters:
            await adapter.close()

    def _adapter(self, name: str) -> Adapter:
        if name not in self._open:
            self._open[name] = self._opened(name)
        return self._open[name]

    def _opened(self, name: str) -> Adapter:
        if name == "openai":
            from agent_deploy.evals.providers.openai import OpenAIProvider

            return OpenAIProvider(self._timeout_s, self._environ)
        if name == "bedrock":
            from agent_deploy.evals.providers.bedrock import BedrockProvider

            return BedrockProvider(self._timeout_s)
        from registry.names import nearest

        raise BadInput(
            f"there is no adapter for the model provider {name!r}{nearest(name, NAMES)} (there: {', '.join(NAMES)}); "
            "an OpenAI-compatible endpoint is provider 'openai' with a base_url"
        )
