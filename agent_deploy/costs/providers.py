"""One name for each provider: bundles say `bedrock`, spans by the GenAI conventions say `aws.bedrock`."""

from __future__ import annotations

from collections.abc import Mapping

_CALLED: Mapping[str, str] = {
    "aws": "aws.bedrock",
    "az.ai.inference": "azure.ai.inference",
    "az.ai.openai": "azure.ai.openai",
    "azure": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "gemini": "gcp.gemini",
    "mistralai": "mistral_ai",
    "vertex_ai": "gcp.vertex_ai",
    "vertexai": "gcp.vertex_ai",
    "xai": "x_ai",
}


def one_name(provider: str) -> str:
    """The name that all names of this provider have in common; of an unknown one its own, in lower case."""
    lower = provider.lower()
    return _CALLED.get(lower, lower)
