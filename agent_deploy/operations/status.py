"""status: what is live where, since when, by whom, delivered or not, and who serves it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from registry.catalog import check_workflow_exists
from registry.delivery import delivered_generation
from registry.errors import Unavailable
from registry.models import Reader, Release
from registry.readers import Readers, count, list_readers
from registry.registry import Registry
from registry.releases import find_heads, nothing_live
from registry.stores import Store
from registry.times import now


@dataclass(frozen=True, slots=True)
class Live:
    """One environment of one workflow: its head, and how many readers stand where."""

    release: Release
    delivered: bool
    readers: Readers


@dataclass(frozen=True, slots=True)
class Status:
    """Everything live that was asked for. store_error: why readers could not be counted, empty when they were."""

    live: tuple[Live, ...]
    store_error: str


def status(
    registry: Registry,
    workflow: str | None = None,
    environment: str | None = None,
    *,
    clock: Callable[[], datetime] = now,
) -> Status:
    """What is live. A store that is away costs the readers' counts, not the answer. Raises NotFound."""
    with registry.database.read() as connection:
        if workflow:
            check_workflow_exists(connection, workflow)
        heads = find_heads(connection, workflow, environment)
        if workflow and environment and not heads:
            raise nothing_live(connection, workflow, environment)
        delivered = {
            (head.workflow, head.environment): delivered_generation(connection, head.workflow, head.environment)
            for head in heads
        }
    readers, error = _readers(registry.store, heads, workflow, environment)
    at = clock()
    live = []
    for head in heads:
        place = (head.workflow, head.environment)
        live.append(Live(head, delivered[place] >= head.generation, count(readers[place], head.generation, at)))
    return Status(tuple(live), error)


def _readers(
    store: Store, heads: list[Release], workflow: str | None, environment: str | None
) -> tuple[dict[tuple[str, str], list[Reader]], str]:
    found: dict[tuple[str, str], list[Reader]] = defaultdict(list)
    places = [(head.environment, workflow) for head in heads] if workflow else [(environment or "", "")]
    try:
        for place in places if heads else []:
            for reader in list_readers(store, *place):
                found[reader.workflow, reader.environment].append(reader)
    except Unavailable as error:
        return found, error.message
    return found, ""
