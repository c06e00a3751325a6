"""Honouring a caller's pin: the bundle of the digest that its header names, if that is one of this workflow's."""

from __future__ import annotations

import logging
from dataclasses import replace

from agent_deploy.client.baggage import Claim
from agent_deploy.client.bundle import Bundle
from agent_deploy.client.clocks import Clocks
from agent_deploy.client.library import Library
from agent_deploy.client.served import Served
from registry.errors import RegistryError

REFUSED_FOR_S = 30.0
_MOST_REFUSED = 256

_log = logging.getLogger("agent_deploy.client")


class Claims:
    """Finds claimed bundles. One that cannot be had is not asked for again for a while: requests may carry it by the
    thousand, each of which would wait for a store that is away."""

    def __init__(self, served: Served, library: Library, environment: str, clocks: Clocks) -> None:
        self._served = served
        self._library = library
        self._environment = environment
        self._clocks = clocks
        self._refused: dict[str, float] = {}

    def at_hand(self, workflow: str, claim: Claim) -> Bundle | None:
        """The claimed bundle if its content is what is served now: no I/O."""
        live = self._served.warm.get(workflow)
        if live is None or live.digest != claim.digest:
            return None
        if live.generation == claim.generation:
            return live
        return replace(live, generation=claim.generation)

    def bundle(self, workflow: str, claim: Claim) -> Bundle | None:
        """The claimed bundle, its version, tag and generation as the caller said; None, and a log line, without one."""
        return self.at_hand(workflow, claim) or self._loaded(workflow, claim)

    def _loaded(self, workflow: str, claim: Claim) -> Bundle | None:
        if self._clocks.monotonic() < self._refused.get(claim.digest, 0.0):
            return None
        try:
            content = self._library.content(claim.digest)
        except (RegistryError, OSError) as error:
            self._refuse(workflow, claim, str(error))
            return None
        if content.workflow != workflow:
            self._refuse(workflow, claim, f"it is a bundle of {content.workflow}")
            return None
        return Bundle(
            workflow=workflow,
            environment=self._environment,
            generation=claim.generation,
            version=claim.version,
            tag=claim.tag,
            digest=claim.digest,
            source="store",
            content=content,
        )

    def _refuse(self, workflow: str, claim: Claim, why: str) -> None:
        _log.warning("ignored the caller's pin of %s to %s: %s; the live bundle is used", workflow, claim.digest, why)
        if len(self._refused) >= _MOST_REFUSED:
            self._refused.clear()
        self._refused[claim.digest] = self._clocks.monotonic() + REFUSED_FOR_S
