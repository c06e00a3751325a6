"""doctor --redaction: sends canaries through the real exporter, and looks whether one comes out in plain."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from agent_deploy.client.baggage import Claim
from agent_deploy.client.bundle import Bundle, content_of
from agent_deploy.client.calls import Call, Who
from agent_deploy.client.pins import Pin
from agent_deploy.operations.doctor import Check
from agent_deploy.telemetry.content import Mode, Policy

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

_WORKFLOW = "redaction-check"
_RUNS: tuple[tuple[Mode, Mode], ...] = (
    ("off", "off"), ("hash", "hash"), ("full", "off"), ("off", "full"), ("full", "full"),
)  # fmt: skip

# Where content, and who it was, can get onto a span: by a call's own methods, and by other instrumentations inside it.
_CALL = ("input", "output", "documents", "model output", "parsed output", "tool arguments", "tool result", "exception")
_OF_OTHERS = {
    "gen_ai.input.messages": '[{{"role":"user","parts":[{{"type":"text","content":"{}"}}]}}]',
    "gen_ai.output.messages": '[{{"role":"assistant","parts":[{{"type":"text","content":"{}"}}]}}]',
    "gen_ai.system_instructions": "{}",
    "gen_ai.tool.call.arguments": '{{"order":"{}"}}',
    "gen_ai.prompt.0.content": "{}",
    "gen_ai.completion.0.content": "{}",
    "llm.input_messages.0.message.content": "{}",
    "llm.output_messages.0.message.content": "{}",
    "input.value": "{}",
    "output.value": "{}",
    "retrieval.documents.0.document.content": "{}",
    "traceloop.entity.input": '{{"inputs":"{}"}}',
    "traceloop.entity.output": "{}",
    "db.query.text": "SELECT '{}'",
    "url.full": "https://search.test/?q={}",
}
_USERS_OF_OTHERS = ("user.id", "enduser.id", "gen_ai.openai.request.user", "traceloop.association.properties.user_id")
_REST_OF_OTHERS = ("an event's content", "another's exception", "a status", "the application's own attribute")
CONTENT_PLACES = (*_CALL, *_OF_OTHERS, *_REST_OF_OTHERS)
USER_PLACES = ("user", *_USERS_OF_OTHERS)


def redaction_check() -> list[Check]:
    """One check for each way to set content and user ids. The last, where all may be seen, proves that it would be.

    Nothing leaves this machine: the receiver is on the loopback address, and proxies are not asked.
    """
    try:
        from agent_deploy.telemetry.processor import BundleSpanProcessor
    except ImportError as error:
        return [Check("redaction: tracing installed", False, f"{error}; pip install 'agent-deploy[otel]'")]
    return [
        _check(content, user, came_out(Policy(content, user, secrets.token_bytes(32)), BundleSpanProcessor()))
        for content, user in _RUNS
    ]


def came_out(policy: Policy, processor: SpanProcessor | None) -> frozenset[str]:
    """The places whose canaries came out in plain, of one call with something of another instrumentation inside."""
    canaries = {place: f"canary-{secrets.token_hex(12)}" for place in (*CONTENT_PLACES, *USER_PLACES)}
    with _receiver() as received:
        provider = _provider(received.url, processor)
        try:
            _call(provider, policy, canaries)
            provider.force_flush()
        finally:
            provider.shutdown()
    sent = b"".join(received.bodies)
    return frozenset(place for place, canary in canaries.items() if canary.encode() in sent)


def _check(content: Mode, user: Mode, out: frozenset[str]) -> Check:
    allowed = {*(CONTENT_PLACES if content == "full" else ()), *(USER_PLACES if user == "full" else ())}
    leaked, unseen = sorted(out - allowed), sorted(allowed - out)
    told = [f"in plain: {', '.join(leaked)}"] if leaked else []
    told += [f"not seen, so that nothing is proved: {', '.join(unseen)}"] if unseen else []
    places = len(CONTENT_PLACES) + len(USER_PLACES)
    seen = "; ".join(told) or f"{places} canaries sent, {len(out)} in plain, as set"
    return Check(f"redaction: content {content}, user {user}", not told, seen)


def _call(provider: TracerProvider, policy: Policy, canaries: Mapping[str, str]) -> None:
    from agent_deploy.client.calls.spans import Tracing

    who = Who(tenant="tenant", user=canaries["user"])
    call = Call(Pin(_OneBundle(), 0, _WORKFLOW, None), who, lambda _: policy, Tracing(provider))
    try:
        with call:
            call.input(canaries["input"])
            call.retrieved([{"text": canaries["documents"]}])
            with call.tool("lookup", arguments={"order": canaries["tool arguments"]}) as tool:
                tool.result({"found": canaries["tool result"]})
            with call.model() as model:
                model.output(canaries["model output"], parsed={"label": canaries["parsed output"]})
                _another_instrumentation(provider, canaries)
            call.output(canaries["output"])
            raise RuntimeError(canaries["exception"])
    except RuntimeError:
        return


def _another_instrumentation(provider: TracerProvider, canaries: Mapping[str, str]) -> None:
    from opentelemetry import trace

    told = {name: pattern.format(canaries[name]) for name, pattern in _OF_OTHERS.items()}
    told |= {name: canaries[name] for name in _USERS_OF_OTHERS}
    event, exception, status, own = (canaries[place] for place in _REST_OF_OTHERS)
    trace.get_current_span().set_attribute("app.prompt", own)
    with provider.get_tracer("another.instrumentation").start_as_current_span("chat", attributes=told) as span:
        span.add_event("gen_ai.user.message", {"content": event})
        span.record_exception(ValueError(exception))
        span.set_status(trace.StatusCode.ERROR, status)


def _provider(url: str, processor: SpanProcessor | None) -> TracerProvider:
    import requests
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON

    session = requests.Session()
    session.trust_env = False  # a proxy would see the canaries
    provider = TracerProvider(sampler=ALWAYS_ON, shutdown_on_exit=False)
    exporter = OTLPSpanExporter(url, session=session, compression=Compression.NoCompression)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    if processor is not None:
        provider.add_span_processor(processor)
    return provider


@dataclass(frozen=True, slots=True)
class _Received:
    url: str
    bodies: list[bytes]


@contextmanager
def _receiver() -> Iterator[_Received]:
    """An OTLP/HTTP receiver that keeps what it is sent."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield _Received(f"http://127.0.0.1:{server.server_address[1]}/v1/traces", bodies)
        finally:
            server.shutdown()
            thread.join()


class _OneBundle:
    """What a pin asks of its client, answered with a bundle that no store has."""

    def at_hand(self, workflow: str, claim: Claim | None) -> Bundle | None:
        return self.to_pin(workflow, claim)

    def to_pin(self, workflow: str, claim: Claim | None) -> Bundle:  # noqa: ARG002 - there is but this one
        models = {"default": {"provider": "none", "name": "none"}}
        digest = "sha256:" + "0" * 64
        content = content_of(digest, {"workflow": workflow, "prompts": {}, "models": models}, {})
        return Bundle(workflow, "none", 0, 0, "", digest, "fallback", content)
