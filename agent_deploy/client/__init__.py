"""The runtime client: an application is served whole bundles, without I/O when warm, and follows each release."""

from agent_deploy.client.bundle import Bundle, Model
from agent_deploy.client.client import Client
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
from agent_deploy.client.pins import Pin
from agent_deploy.client.prompts import Prompt
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
