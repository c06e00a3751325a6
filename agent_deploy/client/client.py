"""The client: what an application holds to be served bundles."""

from __future__ import annotations

import itertools
import time
import weakref
from collections.abc import Callable, Mapping, MutableMapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from agent_deploy.client import baggage
from agent_deploy.client.baggage import Claim, Headers
from agent_deploy.client.bundle import Bundle
from agent_deploy.client.claims import Claims
from agent_deploy.client.clocks import Clocks
from agent_deploy.client.errors import BadSettings, ClientClosed
from agent_deploy.client.lifetime import enroll
from agent_deploy.client.pins import Pin, pins
from agent_deploy.client.poller import Poller
from agent_deploy.client.presence import Presence
from agent_deploy.client.served import Served, Status
from agent_deploy.client.settings import settle
from agent_deploy.client.watch import Watch
from registry.errors import BadInput
from registry.names import check_workflow
from registry.stores import Store
from registry.times import now

if TYPE_CHECKING:
    from agent_deploy.client.calls import Call, Policies

_MIN_CLOSE_WAIT_S, _MAX_CLOSE_WAIT_S = 1.0, 5.0

_Headers = TypeVar("_Headers", bound=MutableMapping[str, str])

_numbers = itertools.count(1)


class Client:
    """Serves the bundles that are live in one environment of one store, and follows each release.

    store: a folder, `file:///folder`, `s3://bucket/prefix`, or an open store. Without it, and without `environment`,
    AGENT_DEPLOY_STORE and AGENT_DEPLOY_ENVIRONMENT say so, then `agent-deploy.toml` found upward from here.
    poll_interval: seconds between looks at the store; 1 for a folder, 5 for S3.
    cache: the folder for the last known good bundles; False for none.
    max_staleness: seconds without the store's confirmation after which `bundle` raises Stale; None serves for ever.
    fallback: a bundle folder shipped with the application, or a folder by workflow.
    instance: how reader records name this process. heartbeat: seconds between them; 10 for a folder, 30 for S3.
    clock, monotonic: the time, for tests.

    Making one costs no request. It may be used from any thread, task and forked child. Raises BadSettings.
    """

    def __init__(
        self,
        store: str | Store | None = None,
        *,
        environment: str | None = None,
        poll_interval: float | None = None,
        cache: str | Path | bool | None = None,
        max_staleness: float | None = None,
        fallback: Mapping[str, str | Path] | str | Path | None = None,
        instance: str | None = None,
        heartbeat: float | None = None,
        clock: Callable[[], datetime] = now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        settings = settle(
            store,
            environment=environment,
            poll_interval=poll_interval,
            cache=cache,
            max_staleness=max_staleness,
            fallback=fallback,
            instance=instance,
            heartbeat=heartbeat,
        )
        clocks = Clocks(clock, monotonic)
        self._settings = settings
        self._monotonic = monotonic
        self._number = next(_numbers)
        self._served = Served(clocks, settings.max_staleness_s)
        self._warm = self._served.warm
        self._watch = Watch(settings, self._served, clocks)
        self._claims = Claims(self._served, self._watch.library, settings.environment, clocks)
        self._presence = Presence(settings.store, settings.heartbeat_s, settings.poll_s, clocks, settings.instance)
        self._poller = Poller(
            self._watch, self._served, self._presence, clocks, poll_s=settings.poll_s, parallel=settings.store.parallel
        )
        self._policies: Policies | None = None
        self._strike_off = enroll(self._poller)
        weakref.finalize(self, self._poller.stop).atexit = False

    def bundle(self, workflow: str) -> Bundle:
        """The pinned bundle inside a pin of this workflow, else the live one.

        The first call for a workflow reads the store; afterwards there is no I/O and no lock. Raises NotServed when
        there is nothing to serve, Stale when what there is has grown too old, ClientClosed after `close`.
        """
        until = self._served.until
        if pins.get() is None and (until is None or self._monotonic() < until):
            try:
                return self._warm[workflow]
            except KeyError:
                pass
        return self._pinned(workflow) or self._live(workflow)

    def pin(self, workflow: str, headers: Headers | None = None) -> Pin:
        """A context manager, `with` or `async with`, inside which `bundle(workflow)` is one and the same bundle.

        It holds across awaits, tasks and nested calls, though a release happens meanwhile. With a request's headers,
        the bundle that the caller pinned is used, if they name one that can be had. Entering raises as `bundle` does.
        """
        claim = baggage.read(headers, workflow) if headers is not None else None
        return Pin(self, self._number, workflow, claim)

    def call(
        self,
        workflow: str,
        *,
        tenant: str = "",
        user: str = "",
        request_id: str = "",
        conversation: str = "",
        headers: Headers | None = None,
    ) -> Call:
        """A pin that is traced as well: one call of the workflow, for a tenant. See `agent_deploy.instrument`.

        Entering raises as `bundle` does; for the rest, tracing never raises. Without OpenTelemetry it only pins.
        """
        from agent_deploy.client.calls import Call, Policies, Who, tracing

        if self._policies is None:
            self._policies = Policies()
        who = Who(tenant, user, request_id, conversation)
        return Call(self.pin(workflow, headers), who, self._policies.of, tracing())

    def telemetry_dropped(self) -> dict[str, int]:
        """What tracing left out in this process rather than get in the way, by reason. Empty when all is well.

        bad_value: of the wrong kind. too_late: given after its span had ended. internal_error: a fault of ours.
        queue_full, not_exported: spans that the exporter of `agent_deploy.instrument` had no room for, or could not
        deliver.
        """
        from agent_deploy.telemetry.dropped import dropped

        return dropped.counts()

    def inject(self, headers: _Headers) -> _Headers:
        """Add the pins in force to an outgoing request's headers, as W3C baggage; the headers themselves."""
        held = {workflow: bundle for (number, workflow), bundle in (pins.get() or {}).items() if number == self._number}
        claims = {name: Claim(b.generation, b.version, b.tag, b.digest) for name, b in held.items()}
        baggage.write(headers, claims)
        return headers

    def refresh(self) -> None:
        """Look at the store now, for every workflow in use, rather than at the next poll. Blocks; raises nothing."""
        if not self._served.closed:
            self._poller.refresh()

    def status(self) -> dict[str, Status]:
        """How each workflow in use is served: from where, how old, and what went wrong. No I/O."""
        return self._served.status()

    @property
    def environment(self) -> str:
        """The environment that is followed."""
        return self._settings.environment

    @property
    def instance(self) -> str:
        """How reader records name this process."""
        return self._presence.instance

    def close(self) -> None:
        """Stop polling and remove the reader records; waits a poll interval at most (1 to 5 s)."""
        self._served.close()
        self._poller.stop(wait_s=min(max(self._settings.poll_s, _MIN_CLOSE_WAIT_S), _MAX_CLOSE_WAIT_S))
        self._strike_off()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def at_hand(self, workflow: str, claim: Claim | None) -> Bundle | None:
        """For `Pin`: the bundle to pin, if having it takes no I/O."""
        until = self._served.until
        if self._served.closed or (until is not None and self._monotonic() >= until):
            return None
        return self._claims.at_hand(workflow, claim) if claim is not None else self._warm.get(workflow)

    def to_pin(self, workflow: str, claim: Claim | None) -> Bundle:
        """For `Pin`: the bundle to pin, which is the claimed one, else the live one."""
        self._refuse_closed()
        claimed = self._claims.bundle(workflow, claim) if claim is not None else None
        return claimed or self._live(workflow)

    def _pinned(self, workflow: str) -> Bundle | None:
        return (pins.get() or {}).get((self._number, workflow))

    def _live(self, workflow: str) -> Bundle:
        """What is live, the careful way: loads it at first, turns what is due, refuses what is stale."""
        self._refuse_closed()
        try:
            slot = self._served.slot(check_workflow(workflow))
        except BadInput as error:
            raise BadSettings(error.message) from error
        if slot.serving is None:
            self._watch.first(slot)
        self._poller.start()
        return self._served.answer(slot)

    def _refuse_closed(self) -> None:
        if self._served.closed:
            raise ClientClosed("this client is closed", next_step="make a new Client, or close it later")
