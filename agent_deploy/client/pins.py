"""One version for a whole request: pins, held in the context, so that awaits, tasks and nested calls all see them."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from types import TracebackType
from typing import Protocol

from agent_deploy.client.baggage import Claim
from agent_deploy.client.bundle import Bundle
from agent_deploy.client.errors import ClientError

Key = tuple[int, str]

# None where nothing is pinned, so that the hot path has one comparison to make. Never changed in place: tasks share it.
pins: ContextVar[Mapping[Key, Bundle] | None] = ContextVar("agent_deploy_pins", default=None)


class Pinnable(Protocol):
    """What a pin asks of its client."""

    def at_hand(self, workflow: str, claim: Claim | None) -> Bundle | None:
        """The bundle to pin, if that takes no I/O."""

    def to_pin(self, workflow: str, claim: Claim | None) -> Bundle:
        """The bundle to pin: the claimed one, else the live one."""


class Pin:
    """`with` or `async with`: gives the bundle that `client.bundle(workflow)` answers everywhere inside.

    Inside a pin of the same workflow it gives the outer one's bundle. It is entered once.
    """

    def __init__(self, client: Pinnable, number: int, workflow: str, claim: Claim | None) -> None:
        self._client = client
        self._key: Key = (number, workflow)
        self._claim = claim
        self._entered = False
        self._own: Bundle | None = None

    def __enter__(self) -> Bundle:
        self._enter_once()
        return self._outer() or self._hold(self._client.to_pin(self._key[1], self._claim))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Not ContextVar.reset: frameworks leave a pin in another context than they entered it in, and reset refuses.
        held = pins.get()
        if held is not None and self._own is not None and held.get(self._key) is self._own:
            pins.set({key: bundle for key, bundle in held.items() if key != self._key} or None)
        self._own = None

    async def __aenter__(self) -> Bundle:
        self._enter_once()
        workflow, claim = self._key[1], self._claim
        bundle = self._outer()
        if bundle is not None:
            return bundle
        bundle = self._client.at_hand(workflow, claim)
        if bundle is None:
            import asyncio

            bundle = await asyncio.to_thread(self._client.to_pin, workflow, claim)
        return self._hold(bundle)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def _enter_once(self) -> None:
        if self._entered:
            raise ClientError("a pin is entered once", next_step="call client.pin() again for another request")
        self._entered = True

    def _outer(self) -> Bundle | None:
        return (pins.get() or {}).get(self._key)

    def _hold(self, bundle: Bundle) -> Bundle:
        self._own = bundle
        pins.set({**(pins.get() or {}), self._key: bundle})
        return bundle
