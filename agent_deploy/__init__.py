"""agent-deploy: a control plane for LLM workflows. An application needs `Client`, and what it gives and raises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent_deploy.client import (
        BadSettings,
        Bundle,
        Client,
        ClientClosed,
        ClientError,
        Model,
        NotServed,
        Pin,
        Prompt,
        PromptError,
        RenderFailed,
        Stale,
        Status,
        UndefinedVariable,
        UnknownModel,
        UnknownPrompt,
        UnsafeTemplate,
    )
    from agent_deploy.client.calls import Call, instrument

__all__ = [
    "BadSettings",
    "Bundle",
    "Call",
    "Client",
    "ClientClosed",
    "ClientError",
    "Model",
    "NotServed",
    "Pin",
    "Prompt",
    "PromptError",
    "RenderFailed",
    "Stale",
    "Status",
    "UndefinedVariable",
    "UnknownModel",
    "UnknownPrompt",
    "UnsafeTemplate",
    "instrument",
]
_TRACING = ("Call", "instrument")


def __getattr__(name: str) -> Any:
    """Import the client only when it is asked for, so that the command line starts without it."""
    if name in _TRACING:
        from agent_deploy.client import calls

        return getattr(calls, name)
    if name in __all__:
        from agent_deploy import client

        return getattr(client, name)
    raise AttributeError(f"module 'agent_deploy' has no attribute {name!r}")
