"""The receiver as a web application: its routes, and what runs beside them from start to end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agent_deploy.log import event
from agent_deploy.telemetry.serving.admission import Admission
from agent_deploy.telemetry.serving.figures import CONTENT_TYPE, Figures
from agent_deploy.telemetry.serving.forwarding import Forwarder
from agent_deploy.telemetry.serving.health import Health
from agent_deploy.telemetry.serving.intake import Append, Intake
from agent_deploy.telemetry.serving.pressure import Room
from agent_deploy.telemetry.serving.receiver import Receiver
from agent_deploy.telemetry.serving.refusal import Refusal
from agent_deploy.telemetry.serving.upkeep import Job, Upkeep

THREADS = 4  # enough for one to write while others read; Python's lock lets no more than that be gained
_FORWARD_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Limits:
    """most_bytes: of one export, also once it is unpacked. requests, bytes: held at once, before 429 is answered."""

    most_bytes: int = 16 * 1024 * 1024
    requests: int = 128
    bytes: int = 64 * 1024 * 1024


@dataclass(slots=True)
class Service:
    """What the application is made of.

    append: makes facts durable. admission: None where no token is asked for; open_metrics: /metrics needs none either.
    jobs: the upkeep. at_end: the last thing done, once nothing comes in any more; what it raises is logged.
    forwarder: with `close_forwarder`, where exports are passed on.
    """

    append: Append
    figures: Figures
    health: Health
    jobs: Sequence[Job]
    at_end: Callable[[], None]
    admission: Admission | None = None
    open_metrics: bool = True
    forwarder: Forwarder | None = None
    close_forwarder: Callable[[], Awaitable[None]] | None = None
    limits: Limits = field(default_factory=Limits)


def application(service: Service) -> Starlette:
    """`/v1/traces`, `/healthz` and `/metrics`; upkeep and pass-through run with it."""
    threads = ThreadPoolExecutor(THREADS, "receive")
    room = Room(service.limits.requests, service.limits.bytes)
    service.figures.show(room, service.health, service.forwarder)
    receiver = Receiver(
        Intake(service.append, service.limits.most_bytes), room, service.figures, service.health, threads,
        admission=service.admission, forwarder=service.forwarder,
    )  # fmt: skip

    async def healthz(_request: Request) -> Response:
        faults = service.health.faults()
        return JSONResponse({"ok": not faults, "why": faults}, 503 if faults else 200)

    async def metrics(request: Request) -> Response:
        if service.admission is not None and not service.open_metrics:
            try:
                await service.admission.check(request.headers.get("authorization", ""), "metrics")
            except Refusal as refusal:
                return Response(refusal.message, refusal.status, {"www-authenticate": "Bearer"})
        text = await asyncio.to_thread(service.figures.text)
        return Response(text, headers={"content-type": CONTENT_TYPE})

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with _beside(service):
            yield
        threads.shutdown()

    routes = [
        Route("/v1/traces", receiver.receive, methods=["POST"]),
        Route("/healthz", healthz),
        Route("/metrics", metrics),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


@asynccontextmanager
async def _beside(service: Service) -> AsyncIterator[None]:
    """Upkeep and pass-through, begun and ended."""
    with ThreadPoolExecutor(max(len(service.jobs), 1), "upkeep") as executor:
        upkeep = Upkeep(service.jobs, service.figures.failed, executor)
        upkeep.start()
        if service.forwarder is not None:
            service.forwarder.start()
        yield
        if service.forwarder is not None:
            await service.forwarder.stop(_FORWARD_WITHIN_S)
        if service.close_forwarder is not None:
            await service.close_forwarder()
        await upkeep.stop()
        await asyncio.get_running_loop().run_in_executor(executor, _end, service.at_end)


def _end(work: Callable[[], None]) -> None:
    try:
        work()
    except Exception as error:  # noqa: BLE001 - what is not sealed now, the next start seals
        event("left in the spool", why=f"{type(error).__name__}: {error}")
