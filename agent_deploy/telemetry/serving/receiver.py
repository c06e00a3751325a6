"""One trace export over HTTP: let in, read, put on disk, acknowledged. In this order, and nothing before its turn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Executor

from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from agent_deploy.log import event
from agent_deploy.telemetry.serving import answers
from agent_deploy.telemetry.serving.admission import Admission
from agent_deploy.telemetry.serving.bodies import form_of, too_large
from agent_deploy.telemetry.serving.figures import Figures
from agent_deploy.telemetry.serving.forwarding import Forwarder
from agent_deploy.telemetry.serving.health import Health
from agent_deploy.telemetry.serving.intake import Intake, Taken
from agent_deploy.telemetry.serving.pressure import Place, Room
from agent_deploy.telemetry.serving.refusal import Refusal

_BODY_WITHIN_S = 60.0
_TELL_AGAIN_S = 60.0
_GONE = 499  # as nginx notes a client that went away


class Receiver:
    """Answers `POST /v1/traces`. executor: its threads do what takes long. admission: None lets everybody in."""

    def __init__(
        self,
        intake: Intake,
        room: Room,
        figures: Figures,
        health: Health,
        executor: Executor,
        *,
        admission: Admission | None = None,
        forwarder: Forwarder | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._intake = intake
        self._room = room
        self._figures = figures
        self._health = health
        self._executor = executor
        self._admission = admission
        self._forwarder = forwarder
        self._monotonic = monotonic
        self._told: dict[int, float] = {}

    async def receive(self, request: Request) -> Response:
        """The answer to an export. 200 only once all its facts are durable."""
        began = self._monotonic()
        kind = answers.content_type_of(request.headers.get("content-type", ""))
        try:
            with self._room.place() as place:
                taken = await self._take(request, place)
        except Refusal as refusal:
            return self._refused(request, kind, refusal)
        except ClientDisconnect:
            self._figures.answered(_GONE, 0)
            return Response(status_code=_GONE)
        self._figures.answered(200, place.size)
        self._figures.taken(taken, self._monotonic() - began)
        content = answers.accepted(kind, taken.rejected, taken.why_rejected)
        return Response(content, media_type=kind, background=BackgroundTask(self._count, taken))

    async def _take(self, request: Request, place: Place) -> Taken:
        if self._admission is not None:
            await self._admission.check(request.headers.get("authorization", ""), "ingest")
        form = form_of(request.headers)
        body = await self._read(request, place)
        try:
            taken = await asyncio.get_running_loop().run_in_executor(self._executor, self._intake.take, body, form)
        except Refusal as refusal:
            if refusal.status == 503:
                self._health.spool_is(refusal.message)
            raise
        if taken.facts:  # an export without any says nothing of the disk
            self._health.spool_is()
        if self._forwarder is not None:
            self._forwarder.offer(body, request.headers)
        return taken

    async def _read(self, request: Request, place: Place) -> bytes:
        most = self._intake.most_bytes
        if int(request.headers.get("content-length", 0)) > most:  # HTTP has seen to it that it is a number
            raise too_large(most, "as it came")
        parts = []
        try:
            async with asyncio.timeout(_BODY_WITHIN_S):
                async for part in request.stream():
                    place.grow(len(part))
                    if place.size > most:
                        raise too_large(most, "as it came")
                    parts.append(part)
        except TimeoutError:
            raise Refusal(408, f"the body did not come within {_BODY_WITHIN_S:.0f} s") from None
        return b"".join(parts)

    def _refused(self, request: Request, kind: str, refusal: Refusal) -> Response:
        self._figures.answered(refusal.status, 0)
        self._tell(request, refusal)
        headers = {"retry-after": str(refusal.retry_after_s)} if refusal.retry_after_s is not None else {}
        if refusal.status == 401:
            headers["www-authenticate"] = "Bearer"
        return Response(answers.refused(kind, refusal), refusal.status, headers, media_type=kind)

    def _tell(self, request: Request, refusal: Refusal) -> None:
        """Log a refusal, of each kind one a minute: a sender gone wrong must not fill the log."""
        at = self._monotonic()
        if at - self._told.get(refusal.status, -_TELL_AGAIN_S) >= _TELL_AGAIN_S:
            self._told[refusal.status] = at
            client = request.client.host if request.client else ""
            event("refused", status=refusal.status, why=refusal.message, client=client)

    async def _count(self, taken: Taken) -> None:
        """What can wait until the sender has its answer."""
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._executor, self._figures.workflows.taken, taken.facts)
        except Exception as error:  # noqa: BLE001 - the facts are safe; only figures are wrong
            self._figures.failed("count")
            event("not counted", why=f"{type(error).__name__}: {error}")
