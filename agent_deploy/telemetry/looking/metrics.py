"""The figures of a workflow over a window of time, beside those of the window before, by version and over time. Pure.

Percentiles are exact: type 7 of Hyndman and Fan, 1996, over every call (DuckDB's `quantile_cont`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from agent_deploy.statistics.rates import wilson

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_STRETCHES = (_MINUTE, 5 * _MINUTE, _HOUR, _DAY, 7 * _DAY)
_MOST_STRETCHES = 60
_A_MONDAY = datetime(1970, 1, 5, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Latency:
    """Percentiles of durations, in milliseconds."""

    p50_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class StepFigures:
    """One kind of step, by the name of its spans. latency: of the step alone."""

    kind: str
    name: str
    count: int
    failed: int
    latency: Latency


@dataclass(frozen=True, slots=True)
class ToolFigures:
    """How often a tool was called, and how often that failed."""

    tool: str
    count: int
    failed: int

    @property
    def success_rate(self) -> float:
        """The share of its calls that did not fail."""
        return 1 - self.failed / self.count


@dataclass(frozen=True, slots=True)
class OutcomeFigures:
    """How many calls ended so, and what one such end took: USD for all calls, failed ones too, over those.

    cost_usd: None where it is unknown.
    """

    outcome: str
    calls: int
    cost_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class Counts:
    """Calls, counted. failed: those whose root failed. scored: those with a verdict, `passed` of them good.

    latency: None where no root span came.
    """

    calls: int = 0
    failed: int = 0
    scored: int = 0
    passed: int = 0
    latency: Latency | None = None

    @property
    def failure_rate(self) -> float | None:
        """The share of calls that failed; None of none."""
        return self.failed / self.calls if self.calls else None

    @property
    def quality_rate(self) -> float | None:
        """The share of the scored calls that passed; None where none was scored."""
        return self.passed / self.scored if self.scored else None

    @property
    def quality_interval(self) -> tuple[float, float] | None:
        """Where the quality rate of all calls lies, 95 %, were the scored ones drawn at random (Wilson)."""
        return wilson(self.passed, self.scored) if self.scored else None


@dataclass(frozen=True, slots=True)
class Cost:
    """What the calls cost whose cost is known, USD, and how many calls are of unknown cost (no price, no tokens)."""

    known_usd: Decimal = Decimal(0)
    unknown_calls: int = 0

    def usd(self, calls: int) -> Decimal | None:
        """The sum, of so many calls in all; None where the cost of none is known."""
        return self.known_usd if calls > self.unknown_calls else None

    def per_call_usd(self, calls: int) -> Decimal | None:
        """The mean over the calls whose cost is known."""
        known = calls - self.unknown_calls
        return self.known_usd / known if known > 0 else None


@dataclass(frozen=True, slots=True)
class Figures:
    """All that is told of some calls. failures: how many failed in which mode. The most frequent come first."""

    counts: Counts = Counts()
    cost: Cost = Cost()
    failures: Mapping[str, int] = field(default_factory=dict)
    outcomes: tuple[OutcomeFigures, ...] = ()
    steps: tuple[StepFigures, ...] = ()
    tools: tuple[ToolFigures, ...] = ()

    @property
    def cost_usd(self) -> Decimal | None:
        """What the calls cost whose cost is known."""
        return self.cost.usd(self.counts.calls)

    @property
    def per_call_usd(self) -> Decimal | None:
        """What one of them cost on average."""
        return self.cost.per_call_usd(self.counts.calls)


@dataclass(frozen=True, slots=True)
class Bucket:
    """A stretch of the trend, from its start on: what of it is in the window."""

    since: datetime
    counts: Counts
    cost: Cost


@dataclass(frozen=True, slots=True)
class Metrics:
    """A workflow's figures in [since, until), in the window of the same length before, and of each version in it.

    trend: the window by stretches of the clock (`bucket`), UTC, those without calls too; the first and the last are
    cut.
    unpriced: models whose calls have no known cost, as `provider/model`. prices: which prices these are.
    """

    workflow: str
    environment: str
    since: datetime
    until: datetime
    bucket: timedelta
    current: Figures
    before: Figures
    versions: Mapping[int, Figures]
    trend: tuple[Bucket, ...]
    unpriced: tuple[str, ...]
    prices: str

    @property
    def before_since(self) -> datetime:
        """When the window before began."""
        return self.since - (self.until - self.since)


def by_frequency(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """What was counted, the most frequent first, then by name."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def outcome_figures(counts: Mapping[str, int], unknown: Mapping[str, int], cost: Cost) -> tuple[OutcomeFigures, ...]:
    """The outcomes, the most frequent first. unknown: how many of each are calls of unknown cost.

    The known cost is shared among the calls of known cost with that outcome: both sides leave the same calls out.
    """
    found = []
    for outcome, calls in by_frequency(counts):
        known = calls - unknown.get(outcome, 0)
        found.append(OutcomeFigures(outcome, calls, cost.known_usd / known if known > 0 else None))
    return tuple(found)


def bucket_of(window: timedelta) -> timedelta:
    """How long a stretch of a window's trend is: the shortest of which there are few enough to be read."""
    return next((each for each in _STRETCHES if window <= _MOST_STRETCHES * each), _STRETCHES[-1])


def buckets(since: datetime, until: datetime, bucket: timedelta) -> list[datetime]:
    """When each stretch begins that the window shares a moment with: by the clock, UTC; a week begins on Monday."""
    start = since - (since - _A_MONDAY) % bucket
    starts = []
    while start < until:
        starts.append(start)
        start += bucket
    return starts
