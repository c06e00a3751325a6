"""`agent-deploy serve` as a process of its own, and the SDK's own exporter that sends to it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

from agent_deploy.operations.token.create import create
from agent_deploy.telemetry.facts.store import FactStore
from registry.registry import Registry

_COMMAND = "from agent_deploy.cli.serve import command; command()"
CHAT = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-5-mini"}


@dataclass
class Served:
    """A receiver that answers. url: of /v1/traces. started: what it said of itself."""

    process: subprocess.Popen[str]
    started: dict[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return str(self.started["url"])

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """How it ended, and what it logged."""
        self.process.send_signal(number)
        _, logged = self.process.communicate(timeout=60)
        return self.process.returncode, logged


def launch(folder: Path, *words: str, **environ: str) -> subprocess.Popen[str]:
    """A receiver that starts, over the registry of this folder."""
    settings = {"AGENT_DEPLOY_DATABASE": f"sqlite:///{folder}/.agent-deploy/registry.db"}
    return subprocess.Popen(
        [sys.executable, "-c", _COMMAND, *words], cwd=folder, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | settings | environ,
    )  # fmt: skip


@contextmanager
def serving(folder: Path, *words: str, **environ: str) -> Iterator[Served]:
    """A receiver on a free port, killed at the end if it still runs."""
    process = launch(folder, "--port", "0", "--json", *words, **environ)
    try:
        yield Served(process, _started(process))
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def _started(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    said = ""
    while line := process.stdout.readline():
        said += line
        if line == "}\n":
            document: dict[str, Any] = json.loads(said)
            return document
    assert process.stderr is not None
    raise AssertionError(f"it did not start; it said:\n{process.stderr.read()}")


def ingest_token(registry: Registry) -> str:
    """A token that lets one send."""
    return create(registry, "ingest", actor="ann")[1]


class Application:
    """Sends one span at a time, and knows which of them were acknowledged."""

    def __init__(self, url: str, token: str, timeout_s: float = 10.0) -> None:
        self.exporter = OTLPSpanExporter(url, headers={"authorization": f"Bearer {token}"}, timeout=timeout_s)
        self.acknowledged: list[str] = []
        self._provider = TracerProvider(shutdown_on_exit=False)
        self._provider.add_span_processor(SimpleSpanProcessor(_Noting(self)))
        self._tracer = self._provider.get_tracer("app")

    def call(self) -> None:
        """A model call, whose span is sent at its end."""
        with self._tracer.start_as_current_span("chat gpt-5-mini", attributes=CHAT):
            pass


class _Noting(SpanExporter):
    """The exporter, with a note of what it was told."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._application.exporter.export(spans)
        if result is SpanExportResult.SUCCESS:
            self._application.acknowledged += [f"{span.context.span_id:016x}" for span in spans if span.context]
        return result


def kept(folder: Path, registry: Registry) -> list[str]:
    """The span ids of all facts, as a query sees them."""
    with FactStore(registry.store, folder / ".agent-deploy" / "facts").connection() as connection:
        return [span_id for (span_id,) in connection.execute("SELECT span_id FROM facts ORDER BY span_id").fetchall()]
