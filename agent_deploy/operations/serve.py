"""serve: receive traces, keep their facts, tell how the receiver is."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from agent_deploy.log import event
from registry.errors import BadInput, RegistryError
from registry.registry import Registry
from registry.releases import find_heads
from registry.times import now
from registry.tokens import list_tokens

if TYPE_CHECKING:
    from agent_deploy.costs.prices import Prices
    from agent_deploy.telemetry.facts.store import FactStore
    from agent_deploy.telemetry.serving.drill_figures import Drilled
    from agent_deploy.telemetry.serving.figures import Figures
    from agent_deploy.telemetry.serving.health import Health
    from agent_deploy.telemetry.serving.service import Service
    from agent_deploy.telemetry.serving.upkeep import Job
    from registry.models import Token

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 4319

_SEAL_EVERY_S = 30.0
_COMPACT_EVERY_S = 300.0
_LOOK_EVERY_S = 10.0
_LIVE_EVERY_S = 30.0
_DRILLS_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """host, port: where to listen; port 0 takes a free one. forward: where exports are passed on to, if anywhere.

    with_tokens: whether senders need one.
    """

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    forward: str | None = None
    with_tokens: bool = True


@dataclass(frozen=True, slots=True)
class Serving:
    """A receiver that answers. url: without a path. tokens: good ones with scope ingest; None where none is needed."""

    url: str
    spool: str
    store: str
    tokens: int | None
    forward: str | None

    @property
    def traces_url(self) -> str:
        """Where exporters post to."""
        return f"{self.url}/v1/traces"


def serve(
    registry: Registry,
    facts: FactStore,
    prices: Prices,
    wanted: Wanted,
    started: Callable[[Serving], None],
    *,
    drilled: Callable[[], Iterable[Drilled]] = tuple,
    environ: Mapping[str, str] = os.environ,
) -> None:
    """Serve until a signal says to stop; then finish, seal, and return. started: called once it answers. drilled: how
    environments stand with their drills, asked every minute.

    Raises BadInput for what cannot be wanted, CannotListen, and Unavailable when nothing can be written or the database
    is away: nothing was started then.
    """
    from agent_deploy.telemetry.serving.health import probe_spool
    from agent_deploy.telemetry.serving.server import is_loopback, listen, run, url_of
    from agent_deploy.telemetry.serving.service import application

    with listen(wanted.host, wanted.port) as listening:
        _check(wanted, listening, is_loopback(listening))
        tokens = _good_tokens(registry) if wanted.with_tokens else None
        probe_spool(facts.spool().folder)
        service = _service(registry, facts, prices, wanted, is_loopback(listening), drilled, environ)
        url = url_of(listening)
        serving = Serving(url, str(facts.spool().folder), registry.store.url, tokens, wanted.forward)
        run(application(service), listening, lambda: _started(serving, started))
    event("stopped", url=url)


def _check(wanted: Wanted, listening: socket.socket, loopback: bool) -> None:
    from agent_deploy.telemetry.serving.forwarding import check_url

    if not wanted.with_tokens and not loopback:
        raise BadInput(
            f"--no-auth lets anybody write who reaches {wanted.host}: it is for loopback addresses alone",
            unchanged="Nothing was started.",
            next_command="agent-deploy token create --scope ingest",
        )
    if wanted.forward is not None:
        parts = urlsplit(check_url(wanted.forward))
        names = {wanted.host, "localhost", listening.getsockname()[0]}
        if parts.hostname in names and parts.port == listening.getsockname()[1]:
            raise BadInput(f"--forward {wanted.forward} leads back to this server", unchanged="Nothing was started.")


def _started(serving: Serving, told: Callable[[Serving], None]) -> None:
    event(
        "serving", url=serving.traces_url, spool=serving.spool, store=serving.store,
        auth="none" if serving.tokens is None else "bearer tokens", tokens=serving.tokens, forward=serving.forward,
    )  # fmt: skip
    told(serving)


def _tokens(registry: Registry) -> list[Token]:
    with registry.database.read() as connection:
        return list_tokens(connection)


def _good_tokens(registry: Registry) -> int:
    at = now()
    return sum(token.scope == "ingest" and token.is_good(at) for token in _tokens(registry))


def _service(
    registry: Registry, facts: FactStore, prices: Prices, wanted: Wanted, loopback: bool,
    drilled: Callable[[], Iterable[Drilled]], environ: Mapping[str, str],
) -> Service:  # fmt: skip
    from agent_deploy.telemetry.serving.admission import Admission
    from agent_deploy.telemetry.serving.figures import Figures
    from agent_deploy.telemetry.serving.forwarding import VARIABLE, Forwarder, headers_from, http_sender
    from agent_deploy.telemetry.serving.health import Health
    from agent_deploy.telemetry.serving.service import Service
    from agent_deploy.telemetry.serving.upkeep import Job
    from agent_deploy.telemetry.spending.pricing import Pricing

    figures, health = Figures(Pricing(prices)), Health()
    service = Service(
        append=facts.spool().append,
        figures=figures,
        health=health,
        jobs=[
            *_jobs(registry, facts, figures, health),
            Job("drills", _DRILLS_EVERY_S, lambda: figures.drills.show(drilled())),
        ],
        at_end=lambda: _seal(facts, figures, everything=True),
        admission=Admission(lambda: _tokens(registry)) if wanted.with_tokens else None,
        open_metrics=loopback,
    )
    if wanted.forward is not None:
        send, service.close_forwarder = http_sender(wanted.forward, headers_from(environ.get(VARIABLE, "")))
        service.forwarder = Forwarder(send, figures.forwarded)
    return service


def _jobs(registry: Registry, facts: FactStore, figures: Figures, health: Health) -> list[Job]:
    from agent_deploy.telemetry.serving.upkeep import Job

    return [
        Job("look", _LOOK_EVERY_S, lambda: _look(registry, facts, health)),
        Job("live", _LIVE_EVERY_S, lambda: _show_live(registry, figures)),
        Job("seal", _SEAL_EVERY_S, lambda: _seal(facts, figures)),
        Job("compact", _COMPACT_EVERY_S, lambda: _compact(facts)),
    ]


def _look(registry: Registry, facts: FactStore, health: Health) -> None:
    """See how disk and store are; what is wrong with them is told by `Health` and by this job's failure."""
    from agent_deploy.telemetry.serving.health import probe_spool, probe_store

    try:
        probe_spool(facts.spool().folder)
        health.spool_is()
    except RegistryError as error:
        health.spool_is(error.message)
    try:
        probe_store(registry.store)
        health.store_is()
    except RegistryError as error:
        health.store_is(error.message)
        raise


def _show_live(registry: Registry, figures: Figures) -> None:
    with registry.database.read() as connection:
        heads = find_heads(connection)
    figures.workflows.show_live(heads)


def _seal(facts: FactStore, figures: Figures, *, everything: bool = False) -> None:
    sealed = facts.seal(everything=everything)
    figures.sealed(sealed)
    if sealed.files:
        event("sealed", segments=len(sealed.segments), facts=sealed.facts, files=sealed.files)
    for path in sealed.damaged:
        event("damaged lines in the spool", kept=str(path))


def _compact(facts: FactStore) -> None:
    done = facts.compact()
    if done.merged:
        event("compacted", hours=done.hours, merged=done.merged, written=done.written)
