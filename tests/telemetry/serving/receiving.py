"""A receiver over a spool in memory, and someone who posts to it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.testclient import TestClient

from agent_deploy.costs.prices import Prices
from agent_deploy.telemetry.facts.fact import Fact
from agent_deploy.telemetry.serving.admission import Admission
from agent_deploy.telemetry.serving.figures import Figures
from agent_deploy.telemetry.serving.forwarding import Forwarder
from agent_deploy.telemetry.serving.health import Health
from agent_deploy.telemetry.serving.service import Limits, Service, application
from agent_deploy.telemetry.serving.upkeep import Job
from agent_deploy.telemetry.spending.pricing import Pricing
from registry.errors import Unavailable

PROTOBUF, JSON = "application/x-protobuf", "application/json"


@dataclass
class Disk:
    """Takes facts; full, or slow, when it is told so."""

    facts: list[Fact] = field(default_factory=list)
    full: bool = False
    open: threading.Event = field(default_factory=threading.Event)
    waiting: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def __post_init__(self) -> None:
        self.open.set()

    def append(self, facts: Sequence[Fact]) -> None:
        self.waiting.release()
        self.open.wait()
        if self.full:
            raise Unavailable("cannot write to /spool: No space left on device")
        self.facts += facts


@dataclass
class Receiving:
    """What was posted to, what it wrote, and how to post."""

    http: TestClient
    disk: Disk
    health: Health
    figures: Figures

    def post(self, body: bytes, content_type: str = PROTOBUF, **headers: str) -> Any:
        """The answer to an export. headers: with underscores for hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.post("/v1/traces", content=body, headers={"content-type": content_type, **named})

    def figure(self, name: str, labels: Mapping[str, str] | None = None) -> float:
        """A figure of /metrics, as a scrape would find it; 0 where there is none."""
        shown = self.http.get("/metrics").text
        inside = ",".join(f'{key}="{value}"' for key, value in sorted((labels or {}).items()))
        wanted = f"agent_deploy_{name}{{{inside}}}" if inside else f"agent_deploy_{name}"
        values = [line.rpartition(" ")[2] for line in shown.splitlines() if line.rpartition(" ")[0] == wanted]
        return float(values[0]) if values else 0.0


@contextmanager
def receiving(
    *,
    limits: Limits | None = None,
    admission: Admission | None = None,
    open_metrics: bool = True,
    forwarder: Forwarder | None = None,
    jobs: Sequence[Job] = (),
) -> Iterator[Receiving]:
    """A receiver that runs, from start to end."""
    disk, figures, health = Disk(), Figures(Pricing(Prices())), Health()
    service = Service(
        append=disk.append, figures=figures, health=health, jobs=jobs, at_end=lambda: None, admission=admission,
        open_metrics=open_metrics, forwarder=forwarder, limits=limits or Limits(),
    )  # fmt: skip
    with TestClient(application(service)) as http:
        yield Receiving(http, disk, health, figures)
