"""The eval harness: a reviewed set of cases, a runner that tries a version on it, and what became of each case.

An agent in Python may return a `Reply`, with the `ModelCall`s behind it, and raise a `CaseError` that says what went
wrong. These names are imported only when asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent_deploy.costs.usage import ModelCall, Usage
    from agent_deploy.evals.errors import CaseError
    from agent_deploy.evals.results import Reply, ToolCall

__all__ = ["CaseError", "ModelCall", "Reply", "ToolCall", "Usage"]

_HOMES = {
    "CaseError": "agent_deploy.evals.errors",
    "ModelCall": "agent_deploy.costs.usage",
    "Reply": "agent_deploy.evals.results",
    "ToolCall": "agent_deploy.evals.results",
    "Usage": "agent_deploy.costs.usage",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'agent_deploy.evals' has no attribute {name!r}")
