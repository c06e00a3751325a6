"""The runtime client: an application is served whole bundles, without I/O when warm, and follows each release."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent_deploy.client.bundle import Bundle, Model
from agent_deploy.client.errors import (
    BadSettings,
    ClientClosed,
    ClientError,
    NotServed,
    PromptError,
    RenderFailed,
    Stale,
    UndefinedVariable,
    UnknownModel,
    UnknownPrompt,
    UnsafeTemplate,
)
from agent_deploy.client.prompts import Prompt

if TYPE_CHECKING:
    from agent_deploy.client.client import Client
    from agent_deploy.client.pins import Pin
    from agent_deploy.client.served import Status

__all__ = [
    "BadSettings",
    "Bundle",
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
]


def __getattr__(name: str) -> Any:
    """Import what follows releases only when it is asked for: the command line and an eval's worker need a Bundle."""
    if name == "Client":
        from agent_deploy.client.client import Client

        return Client
    if name == "Pin":
        from agent_deploy.client.pins import Pin

        return Pin
    if name == "Status":
        from agent_deploy.client.served import Status

        return Status
    raise AttributeError(f"module 'agent_deploy.client' has no attribute {name!r}")
