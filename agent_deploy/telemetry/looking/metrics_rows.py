"""The figures of `metrics`, asked of the views of `telemetry.facts.query`.

Percentiles take every row, and nothing else of the size of the facts is kept in memory. All else is counted by sums
where `take_sums` has them stand for whole hours, and by the rows of the rest.
"""

# ruff: noqa: S608 - every name in this SQL is our own, and every literal quoted or a number

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal, NamedTuple

from agent_deploy.telemetry.facts.engine import quoted
from agent_deploy.telemetry.looking.metrics import Counts, Latency, StepFigures, ToolFigures
from agent_deploy.telemetry.spending.model_calls import CALL

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MOST_STEPS = 50  # names of steps that are told, those that took most time in all
_PERCENTILES = "quantile_cont(duration_ms, [0.5, 0.95, 0.99])"


_OF_TALLY = 'current, "version", bucket, failed, failure_mode, outcome, score_passed'


class Scope(NamedTuple):
    """Calls that are told of together: one of the windows, of this window a version, or of its trend a stretch.

    key: 1 for this window and 0 for the one before; the version; the stretch's number.
    """

    of: Literal["window", "version", "bucket"]
    key: int


CURRENT, BEFORE = Scope("window", 1), Scope("window", 0)


@dataclass(slots=True)
class Tally:
    """Calls of a scope, counted."""

    calls: int = 0
    failed: int = 0
    scored: int = 0
    passed: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)

    def counts(self, latency: Latency | None) -> Counts:
        """The same, with the calls' latency."""
        return Counts(self.calls, self.failed, self.scored, self.passed, latency)


def scopes(current: bool, version: int, bucket: int | None) -> Iterator[Scope]:
    """The scopes that a row is in."""
    yield CURRENT if current else BEFORE
    if current:
        yield Scope("version", version)
    if bucket is not None:
        yield Scope("bucket", bucket)


@dataclass(frozen=True, slots=True)
class Windows:
    """One workflow's calls in the window from `since` on and in the one before. environment: empty for all.

    first: when the first stretch of the window's trend begins. each: how long a stretch is, in whole seconds.
    """

    workflow: str
    environment: str
    since: datetime
    first: datetime
    each: timedelta

    @property
    def current(self) -> str:
        """The expression that says whether a row began in this window."""
        return f"started_at >= {_moment(self.since)}"

    @property
    def bucket(self) -> str:
        """The expression of the stretch's number, null before this window."""
        length = int(self.each.total_seconds())
        number = f"floor((epoch(started_at) - epoch({_moment(self.first)})) / {length})::INTEGER"
        return f"CASE WHEN {self.current} THEN {number} END"

    @property
    def where(self) -> str:
        """The condition on a row of `calls` or `facts`."""
        of_workflow = f"workflow = {quoted(self.workflow)}"
        return of_workflow + (f" AND environment = {quoted(self.environment)}" if self.environment else "")


def make_views(connection: DuckDBPyConnection, windows: Windows) -> None:
    """Make the views `counted`, of the workflow's calls, and `stepped`, of their steps.

    They add current and bucket (see `Windows`), of_version: the version where it began in this window, else null, and
    to calls `call`, by which `model_calls` knows them.
    """
    connection.execute(
        f"""CREATE OR REPLACE TEMP VIEW counted AS
        SELECT *, {_added(windows)}, {CALL} AS call, 1 AS count FROM calls WHERE {windows.where};
        CREATE OR REPLACE TEMP VIEW stepped AS
        SELECT *, {_added(windows)}, 1 AS count FROM facts WHERE {windows.where} AND kind <> 'call'"""
    )


def add_sums(connection: DuckDBPyConnection, windows: Windows) -> None:
    """Make the views `tallied`, of calls, and `tools`: both of the rows that `take_sums` has left, and of its sums."""
    connection.execute(
        f"""CREATE OR REPLACE TEMP VIEW summed_here AS SELECT *, {_added(windows)} FROM summed;
        CREATE OR REPLACE TEMP VIEW tallied AS
        SELECT {_OF_TALLY}, count FROM counted UNION ALL
        SELECT {_OF_TALLY}, count FROM summed_here WHERE kind = 'call';
        CREATE OR REPLACE TEMP VIEW tools AS
        SELECT current, "version", tool, failed, count FROM stepped WHERE kind = 'tool' UNION ALL
        SELECT current, "version", tool, failed, count FROM summed_here WHERE kind = 'tool'"""
    )


def _added(windows: Windows) -> str:
    return f"""{windows.current} AS current, {windows.bucket} AS bucket,
        CASE WHEN current THEN "version" END AS of_version"""


def tally(connection: DuckDBPyConnection, calls: str = "tallied") -> dict[Scope, Tally]:
    """The calls of a relation like `tallied`, counted scope by scope."""
    rows = connection.execute(f"SELECT {_OF_TALLY}, sum(count)::BIGINT FROM {calls} GROUP BY ALL").fetchall()
    found: dict[Scope, Tally] = defaultdict(Tally)
    for current, version, bucket, failed, mode, outcome, passed, count in rows:
        for scope in scopes(current, version, bucket):
            one = found[scope]
            one.calls += count
            one.scored += count if passed is not None else 0
            one.passed += count if passed else 0
            if failed:
                one.failed += count
                one.failures[mode] += count
            if outcome:
                one.outcomes[outcome] += count
    return dict(found)


def read_latencies(connection: DuckDBPyConnection) -> dict[Scope, Latency]:
    """The percentiles of calls, of those whose root span came."""
    rows = connection.execute(
        f"""SELECT {_SET}, {_PERCENTILES} FROM counted WHERE duration_ms IS NOT NULL
        GROUP BY GROUPING SETS ((current), (of_version), (bucket))"""
    ).fetchall()
    return {scope: Latency(*row[4]) for row in rows if (scope := _scope(*row[:4]))}


def read_steps(connection: DuckDBPyConnection) -> dict[Scope, tuple[StepFigures, ...]]:
    """The steps by window and by version, those first that took most time in all."""
    rows = connection.execute(
        f"""SELECT {_SET_OF_STEPS}, kind, name, count(*), count(*) FILTER (failed), {_PERCENTILES}
        FROM stepped GROUP BY GROUPING SETS ((current, kind, name), (of_version, kind, name))
        ORDER BY sum(duration_ms) DESC, kind, name"""
    ).fetchall()
    found: dict[Scope, list[StepFigures]] = defaultdict(list)
    for row in rows:
        scope = _scope(*row[:4])
        if scope is not None and len(found[scope]) < MOST_STEPS:
            found[scope].append(StepFigures(row[4], row[5], row[6], row[7], Latency(*row[8])))
    return {scope: tuple(steps) for scope, steps in found.items()}


def read_tools(connection: DuckDBPyConnection) -> dict[Scope, tuple[ToolFigures, ...]]:
    """The tools by window and by version, the most called first."""
    rows = connection.execute(
        """SELECT current, "version", tool, sum(count)::BIGINT, coalesce(sum(count) FILTER (failed), 0)::BIGINT
        FROM tools GROUP BY current, "version", tool"""
    ).fetchall()
    counted: dict[Scope, Counter[tuple[str, bool]]] = defaultdict(Counter)
    for current, version, tool, count, failed in rows:
        for scope in scopes(current, version, None):
            counted[scope][tool, False] += count
            counted[scope][tool, True] += failed
    return {scope: _tools(counts) for scope, counts in counted.items()}


def _tools(counts: Mapping[tuple[str, bool], int]) -> tuple[ToolFigures, ...]:
    found = (ToolFigures(tool, count, counts[tool, True]) for (tool, failed), count in counts.items() if not failed)
    return tuple(sorted(found, key=lambda one: (-one.count, one.tool)))


# What a row of a grouping set is of: in each set one of the three is given, and the others are null.
_SET = "grouping(current) = 0, current, of_version, bucket"
_SET_OF_STEPS = "grouping(current) = 0, current, of_version, NULL"


def _scope(of_window: bool, current: bool | None, version: int | None, bucket: int | None) -> Scope | None:
    """None for the rest that is in no version and no stretch of this window."""
    if of_window:
        return CURRENT if current else BEFORE
    if version is not None:
        return Scope("version", version)
    return None if bucket is None else Scope("bucket", bucket)


def _moment(moment: datetime) -> str:
    return f"TIMESTAMP {quoted(moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=' '))}"
