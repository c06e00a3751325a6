"""An application with other people's instrumentation: asks an OpenAI-compatible server, and writes its spans to stdout.

A process of its own, for these instrumentations cannot be taken out again whole: `python -m tests.telemetry.peers
PACKAGE…`. The output is one OTLP export in protobuf: a chat, a chat refused for its rate, and an embedding.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

import openai
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.evals.endpoint import Answer, endpoint

_USAGE = {
    "prompt_tokens": 1000, "completion_tokens": 50, "total_tokens": 1050,
    "prompt_tokens_details": {"cached_tokens": 900}, "completion_tokens_details": {"reasoning_tokens": 20},
}  # fmt: skip
_CHAT = {
    "id": "c-1", "object": "chat.completion", "created": 1, "model": "gpt-5-mini-2025-08-07", "service_tier": "default",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "SECRET"}}],
    "usage": _USAGE,
}  # fmt: skip
_EMBEDDING = {
    "object": "list", "model": "text-embedding-3-small", "usage": {"prompt_tokens": 7, "total_tokens": 7},
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5, 0.5]}],
}  # fmt: skip


def _answer(body: Any) -> Answer:
    if "input" in body:
        return Answer(_EMBEDDING)
    if "slow down" in str(body["messages"]):
        return Answer({"error": {"message": "SECRET", "type": "requests"}}, status=429)
    return Answer(_CHAT)


def main(packages: Sequence[str]) -> bytes:
    """The export."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": "triage", "deployment.environment.name": "staging"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    for package in packages:
        import_module(package).OpenAIInstrumentor().instrument(tracer_provider=provider)
    with endpoint(_answer) as server, provider.get_tracer("app").start_as_current_span("handle"):
        _ask(openai.OpenAI(api_key="k", base_url=f"{server.url}/v1", max_retries=0))
    return encode_spans(exporter.get_finished_spans()).SerializeToString()


def _ask(client: openai.OpenAI) -> None:
    for text in ("SECRET: where is my card?", "SECRET: slow down"):
        with suppress(openai.RateLimitError):
            client.chat.completions.create(model="gpt-5-mini", messages=[{"role": "user", "content": text}])
    client.embeddings.create(model="text-embedding-3-small", input="SECRET", encoding_format="float")


if __name__ == "__main__":
    sys.stdout.buffer.write(main(sys.argv[1:]))
