"""An application whose OpenAI client is instrumented by somebody else: it asks a real model inside traced calls.

python -m tests.model.traced_app ENDPOINT PACKAGE   # where `agent-deploy serve` is, and whose instrumentation

Prints the tokens that the API said it used.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module

import openai

import agent_deploy

_QUESTIONS = ("I lost my card", "What is the exchange rate?", "How do I change my PIN?")


def main(endpoint: str, package: str) -> None:
    """Three calls, a chat each."""
    provider = agent_deploy.instrument(endpoint=endpoint)
    import_module(package).OpenAIInstrumentor().instrument(tracer_provider=provider)
    asked = openai.OpenAI(api_key="none-needed", max_retries=0, timeout=120)
    used = {"calls": 0, "input": 0, "output": 0}
    with agent_deploy.Client(cache=False) as client:
        for question in _QUESTIONS:
            with client.call("intents", tenant="acme") as call:
                prompt = call.bundle.prompt("user").render(query=question)
                done = asked.chat.completions.create(
                    model="gemma-3-270m", messages=[{"role": "user", "content": prompt}], max_tokens=8
                )
                call.outcome("answered")
            assert done.usage is not None
            used["calls"] += 1
            used["input"] += done.usage.prompt_tokens
            used["output"] += done.usage.completion_tokens
    provider.force_flush()  # type: ignore[attr-defined]
    json.dump(used, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
