"""Spans leave by the SDK's exporter; what there is no room for, or does not arrive, is counted and holds nobody up."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import NoOpTracerProvider

from agent_deploy import BadSettings, instrument
from agent_deploy.telemetry.dropped import Dropped
from agent_deploy.telemetry.exporting import CountingBatchProcessor
from tests.client.releases import WORKFLOW
from tests.telemetry.traced import Traced, said


@dataclass
class FakeExporter(SpanExporter):
    """Answers as it is told to, once it is let; keeps what it was given."""

    answer: SpanExportResult | Exception = SpanExportResult.SUCCESS
    let: threading.Event = field(default_factory=threading.Event)
    entered: threading.Event = field(default_factory=threading.Event)
    given: list[ReadableSpan] = field(default_factory=list)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.entered.set()
        assert self.let.wait(20)
        self.given += spans
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def shutdown(self) -> None:
        self.let.set()


def application(exporter: SpanExporter, dropped: Dropped, end_wait_s: float = 5.0) -> TracerProvider:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(CountingBatchProcessor(exporter, dropped=dropped, end_wait_s=end_wait_s))
    return provider


def make(provider: TracerProvider, spans: int) -> None:
    tracer = provider.get_tracer("app")
    for _ in range(spans):
        tracer.start_span("span").end()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "20")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "10")


@pytest.mark.usefixtures("small")
def test_what_the_queue_has_no_room_for_is_counted_one_by_one() -> None:
    exporter, dropped = FakeExporter(), Dropped()
    provider = application(exporter, dropped)
    make(provider, 10)
    assert exporter.entered.wait(20)  # it holds the first ten now, and twenty more have room
    make(provider, 27)
    assert dropped.counts() == {"queue_full": 7}
    exporter.let.set()
    provider.shutdown()
    assert (len(exporter.given), dropped.counts()) == (30, {"queue_full": 7})


@pytest.mark.usefixtures("small")
def test_there_is_room_again_once_the_exporter_has_taken_a_batch() -> None:
    exporter, dropped = FakeExporter(), Dropped()
    exporter.let.set()
    provider = application(exporter, dropped)
    for _ in range(10):
        make(provider, 15)
        provider.force_flush()
    assert (len(exporter.given), dropped.counts()) == (150, {})
    provider.shutdown()


@pytest.mark.parametrize("answer", [SpanExportResult.FAILURE, RuntimeError("broken")])
def test_what_the_exporter_could_not_deliver_is_counted(answer: SpanExportResult | Exception) -> None:
    exporter, dropped = FakeExporter(answer), Dropped()
    exporter.let.set()
    provider = application(exporter, dropped)
    make(provider, 3)
    provider.force_flush()
    assert dropped.counts() == {"not_exported": 3}
    provider.shutdown()


def test_what_ends_after_the_end_is_counted() -> None:
    exporter, dropped = FakeExporter(), Dropped()
    exporter.let.set()
    provider = application(exporter, dropped)
    provider.shutdown()
    make(provider, 2)
    assert dropped.counts() == {"not_exported": 2}


def test_the_end_does_not_wait_long_for_an_exporter_that_hangs() -> None:
    exporter, dropped = FakeExporter(SpanExportResult.FAILURE), Dropped()
    provider = application(exporter, dropped, end_wait_s=0.05)
    make(provider, 3)
    began = time.monotonic()
    provider.shutdown()
    assert time.monotonic() - began < 5
    assert dropped.counts() == {"not_exported": 3}


def test_a_provider_is_given_the_processor_once(tmp_path: Path) -> None:
    app = Traced(tmp_path)
    before = len(app.provider._active_span_processor._span_processors)
    assert instrument(app.provider) is app.provider
    assert len(app.provider._active_span_processor._span_processors) == before
    app.client.close()


@pytest.mark.parametrize("endpoint", ["localhost:4319", "ftp://host", "http://", "/v1/traces"])
def test_an_endpoint_that_is_no_url_is_refused(endpoint: str) -> None:
    with pytest.raises(BadSettings, match="is no URL; give http://host:4319"):
        instrument(TracerProvider(shutdown_on_exit=False), endpoint)


def test_a_provider_that_takes_no_processors_is_refused() -> None:
    with pytest.raises(BadSettings, match="NoOpTracerProvider takes no span processors"):
        instrument(NoOpTracerProvider())


@dataclass
class Receiver:
    """An OTLP/HTTP receiver, and the requests that it was sent."""

    url: str
    requests: list[tuple[str, dict[str, str], bytes]]

    def spans(self) -> list[tuple[str, dict[str, Any]]]:
        """(name, attributes as text) of all spans."""
        told = []
        for _, _, body in self.requests:
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in resource.scope_spans:
                    told += [(s.name, {a.key: a.value.string_value for a in s.attributes}) for s in scope.spans]
        return told


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    requests: list[tuple[str, dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            plain = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
            requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}, plain))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield Receiver(f"http://127.0.0.1:{server.server_address[1]}", requests)
        server.shutdown()
        thread.join()


def run(folder: Path, first: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A program with one call in it, after these first lines."""
    code = f"""
import sys
import agent_deploy
{textwrap.dedent(first)}
with agent_deploy.Client(sys.argv[1], environment="production", cache=False) as client:
    with client.call("support-triage", tenant="acme") as call, call.model() as model:
        model.usage(input=7)
    print(len(call.id))
"""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "AGENT_DEPLOY_"))}
    return subprocess.run(
        [sys.executable, "-c", code, str(folder)], env=kept | variables,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    app = Traced(tmp_path / "store")
    app.client.close()
    return app.folder


@pytest.mark.slow
def test_without_a_provider_one_is_made_that_exports_to_the_endpoint_at_the_latest_when_the_process_ends(
    folder: Path, receiver: Receiver
) -> None:
    done = run(folder, f'agent_deploy.instrument(endpoint="{receiver.url}", token="secret")')
    assert (done.returncode, done.stdout, done.stderr) == (0, "16\n", "")
    assert {name for name, _ in receiver.spans()} == {"chat model-1", f"invoke_workflow {WORKFLOW}"}
    ((path, headers, _),) = receiver.requests
    assert (path, headers["authorization"]) == ("/v1/traces", "Bearer secret")


@pytest.mark.slow
def test_the_standard_variables_say_where_to_and_who(folder: Path, receiver: Receiver) -> None:
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20other",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
        "OTEL_SERVICE_NAME": "triage",
    }
    done = run(folder, "agent_deploy.instrument()", **variables)
    assert (done.returncode, done.stderr) == (0, "")
    ((path, headers, body),) = receiver.requests
    assert (path, headers["authorization"]) == ("/v1/traces", "Bearer other")
    resource = ExportTraceServiceRequest.FromString(body).resource_spans[0].resource
    assert ("service.name", "triage") in {(one.key, one.value.string_value) for one in resource.attributes}


@pytest.mark.slow
@pytest.mark.parametrize("variable", ["OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER"])
def test_the_standard_variables_switch_it_off(folder: Path, receiver: Receiver, variable: str) -> None:
    value = {"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "none"}[variable]
    done = run(folder, "agent_deploy.instrument()", OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, **{variable: value})
    assert (done.returncode, receiver.requests) == (0, [])


@pytest.mark.slow
def test_a_global_provider_of_the_applications_own_is_used(folder: Path, receiver: Receiver) -> None:
    first = f"""
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        own = TracerProvider()
        trace.set_tracer_provider(own)
        assert agent_deploy.instrument(endpoint="{receiver.url}/v1/traces") is own
        """
    assert run(folder, first).returncode == 0
    assert [path for path, _, _ in receiver.requests] == ["/v1/traces"]


@pytest.mark.slow
def test_a_receiver_that_is_away_neither_breaks_nor_holds_up_the_process(folder: Path) -> None:
    began = time.monotonic()
    done = run(folder, 'agent_deploy.instrument(endpoint="http://127.0.0.1:9")')
    assert (done.returncode, done.stdout) == (0, "16\n")
    assert time.monotonic() - began < 12


def test_a_forked_child_starts_its_counts_anew() -> None:
    dropped = Dropped()
    dropped.add("bad_value", 3)
    dropped.after_fork()
    dropped.add("bad_value")
    assert dropped.counts() == {"bad_value": 1}


def test_the_spans_of_a_call_arrive_whole(tmp_path: Path, receiver: Receiver) -> None:
    app = Traced(tmp_path)
    instrument(app.provider, receiver.url)
    with app.client.call(WORKFLOW, tenant="acme"):
        app.foreign("inside")
    app.provider.force_flush()
    app.provider.shutdown()
    texts = [(s.name, {k: v for k, v in said(s).items() if isinstance(v, str)}) for s in app.spans()]
    assert [(name, {k: v for k, v in told.items() if v}) for name, told in receiver.spans()] == texts
    app.client.close()
