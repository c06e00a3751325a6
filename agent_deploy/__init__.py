"""agent-deploy: a control plane for LLM workflows. An application needs `Client` and nothing else from here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent_deploy.client import Client as Client

__all__ = ["Client"]


def __getattr__(name: str) -> Any:
    """Import the client only when it is asked for, so that the command line starts without it."""
    if name in __all__:
        from agent_deploy import client

        return getattr(client, name)
    raise AttributeError(f"module 'agent_deploy' has no attribute {name!r}")
