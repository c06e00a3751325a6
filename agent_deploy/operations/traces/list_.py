"""traces list: calls on record, the newest first, or the slow ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime

from agent_deploy.costs.prices import Prices
from agent_deploy.operations.workflows import check_known
from agent_deploy.telemetry.facts.store import FactStore
from agent_deploy.telemetry.looking.calls import Call, Wanted, list_calls, priced, slow_limit_ms, workflows_seen
from agent_deploy.telemetry.looking.prices import price_of


@dataclass(frozen=True, slots=True)
class Calls:
    """What was found since a moment. slow_ms: from how long on a call counted as slow, None where that was not asked.

    more: whether there are more than were listed.
    """

    calls: tuple[Call, ...]
    since: datetime
    slow_ms: float | None
    more: bool


def list_(
    facts: FactStore,
    prices: Prices,
    wanted: Wanted,
    since: datetime,
    limit: int = 20,
    *,
    slow: bool = False,
    known: Callable[[], Iterable[str]] = tuple,
) -> Calls:
    """The newest calls that are wanted, `limit` at most, with their cost.

    slow: the slowest instead, slowest first; where `wanted` does not say from how long on, those at the 95th
    percentile and above of all that are wanted otherwise. known: the workflows on record, asked where none is found.
    Raises NotFound for a workflow that neither those nor the calls name.
    """
    with closing(facts.connection(since=since)) as connection:
        if slow and wanted.slow_ms is None:
            wanted = replace(wanted, slow_ms=slow_limit_ms(connection, wanted))
        found = list_calls(connection, wanted, limit + 1, slowest=slow)
        if not found and wanted.workflow:
            check_known(wanted.workflow, [*known(), *workflows_seen(connection)])
        return Calls(
            calls=tuple(priced(connection, found[:limit], price_of(prices))),
            since=since,
            slow_ms=wanted.slow_ms,
            more=len(found) > limit,
        )
