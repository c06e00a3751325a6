"""metrics: how well a workflow does, what it takes, and why it fails, over a window of time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from agent_deploy.costs.prices import Prices
from agent_deploy.operations.workflows import check_known
from agent_deploy.telemetry.facts.store import FactStore
from agent_deploy.telemetry.looking.calls import workflows_seen
from agent_deploy.telemetry.looking.metrics import (
    Bucket,
    Figures,
    Latency,
    Metrics,
    StepFigures,
    bucket_of,
    buckets,
    by_frequency,
    outcome_figures,
)
from agent_deploy.telemetry.looking.metrics_rows import (
    BEFORE,
    CURRENT,
    Scope,
    Windows,
    add_sums,
    make_views,
    read_latencies,
    read_steps,
    read_tools,
    tally,
)
from agent_deploy.telemetry.looking.spending import Spending, spending
from agent_deploy.telemetry.spending.model_calls import Scope as Which
from agent_deploy.telemetry.spending.summed import take_sums
from registry.errors import BadInput
from registry.times import now

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def metrics(
    facts: FactStore,
    prices: Prices,
    workflow: str,
    window: timedelta = DAY,
    environment: str = "",
    *,
    known: Callable[[], Iterable[str]] = tuple,
    clock: Callable[[], datetime] = now,
) -> Metrics:
    """The figures of the window that ends now, of the one before it, and of each version.

    environment: empty for all. known: the workflows on record, asked where nothing is found. Calls and steps count by
    the moment at which they began. Raises NotFound for a workflow that neither those nor the calls name, and BadInput
    for a window of nothing, or of more than all time.
    """
    until, bucket = clock(), bucket_of(window)
    since, earliest = _window(until, window)
    starts = buckets(since, until, bucket)
    windows = Windows(workflow, environment, since, starts[0], bucket)
    with closing(facts.connection(since=earliest, until=until)) as connection:
        make_views(connection, windows)
        latencies, steps = read_latencies(connection), read_steps(connection)  # before sums stand for any of the rows
        within = [(earliest, since), (since, until)] if bucket >= HOUR else []
        summed = take_sums(connection, prices, Which(workflow, environment or None), within)
        add_sums(connection, windows)
        spent = spending(connection, prices, windows, summed)
        found = _figures(connection, spent, latencies, steps)
        if not found:
            check_known(workflow, [*known(), *workflows_seen(connection)])
    none = Figures()
    trend = (found.get(Scope("bucket", number), none) for number in range(len(starts)))
    return Metrics(
        workflow=workflow,
        environment=environment,
        since=since,
        until=until,
        bucket=bucket,
        current=found.get(CURRENT, none),
        before=found.get(BEFORE, none),
        versions={scope.key: found[scope] for scope in sorted(found) if scope.of == "version"},
        trend=tuple(Bucket(start, one.counts, one.cost) for start, one in zip(starts, trend, strict=True)),
        unpriced=spent.unpriced,
        prices=prices.version,
    )


def _window(until: datetime, window: timedelta) -> tuple[datetime, datetime]:
    """When this window and the one before begin."""
    if not window:
        raise BadInput("the window has to be longer than nothing")
    try:
        return until - window, until - 2 * window
    except OverflowError as error:
        raise BadInput(f"a window of {window.days:,} days goes back before all time") from error


def _figures(
    connection: DuckDBPyConnection,
    spent: Spending,
    latencies: Mapping[Scope, Latency],
    steps: Mapping[Scope, tuple[StepFigures, ...]],
) -> dict[Scope, Figures]:
    """The figures of every scope in which there are calls."""
    tools = read_tools(connection)
    return {
        scope: Figures(
            counts=counted.counts(latencies.get(scope)),
            cost=spent.cost(scope),
            failures=dict(by_frequency(counted.failures)),
            outcomes=outcome_figures(counted.outcomes, spent.outcomes_unknown(scope), spent.cost(scope)),
            steps=steps.get(scope, ()),
            tools=tools.get(scope, ()),
        )
        for scope, counted in tally(connection).items()
    }
