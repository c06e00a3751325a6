"""Calls: one execution of a workflow with its bundle pinned, traced by OpenTelemetry where that is installed."""

from agent_deploy.client.calls.call import Call, Who
from agent_deploy.client.calls.instrumenting import instrument, tracing
from agent_deploy.client.calls.policies import Policies
from agent_deploy.client.calls.steps import AttemptStep, ModelStep, RetrievalStep, ToolStep

__all__ = [
    "AttemptStep",
    "Call",
    "ModelStep",
    "Policies",
    "RetrievalStep",
    "ToolStep",
    "Who",
    "instrument",
    "tracing",
]
