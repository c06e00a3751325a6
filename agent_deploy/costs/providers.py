"""One name for each provider: bundles say `bedrock`, older spans `vertexai`, the GenAI conventions one for each."""

from __future__ import annotations

from collections.abc import Mapping

# What a provider is called besides, and its name by the GenAI conventions (`gen_ai.provider.name`).
ALIASES: Mapping[str, str] = {
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
    """The name that all names of this provider have in common; of one without aliases its own, in lower case."""
    lower = provider.lower()
    return ALIASES.get(lower, lower)
