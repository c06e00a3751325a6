"""Two runs on the same cases, laid side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from agent_deploy.evals.outcomes import Outcomes

Numbers = Sequence[float | None]
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Pairs:
    """The cases that both runs have. differences: new pass rate less old, by case; clusters: beside them.

    lost, gained: as `statistics.paired` counts them. worse, better: cases whose pass rate fell or rose.
    most_gained: what would be gained if the new version passed everything. repeated: some case was tried twice.
    """

    differences: tuple[float, ...]
    clusters: tuple[str, ...]
    lost: float
    gained: float
    worse: int
    better: int
    most_gained: float
    repeated: bool

    @property
    def cases(self) -> int:
        """How many there are."""
        return len(self.differences)


def pair_up(new: Outcomes, old: Outcomes) -> Pairs:
    """The pairs of two runs.

    An error never leaves the denominator and never helps: of the new version it counts as not passed; of the old one it
    says nothing, and so counts as whatever the new one did.
    """
    rows = _both(new, new.status, old, old.status)
    clusters = _both(new, new.clusters, old, old.clusters)
    shares = [_shares(now, before) for now, before in rows]
    differences = tuple(now - before for now, before in shares)
    return Pairs(
        differences=differences,
        clusters=tuple(cluster for cluster, _ in clusters),
        lost=sum(before * (1 - now) for now, before in shares),
        gained=sum((1 - before) * now for now, before in shares),
        worse=sum(difference < 0 for difference in differences),
        better=sum(difference > 0 for difference in differences),
        most_gained=sum(before.count("F") / len(before) for _, before in rows),
        repeated=new.repeats > 1 or old.repeats > 1,
    )


def _shares(now: str, before: str) -> tuple[float, float]:
    """The pass rates of one case, new and old, from its letters."""
    new = now.count("P") / len(now)
    return new, (before.count("P") + before.count("E") * new) / len(before)


def known_costs(new: Outcomes, old: Outcomes) -> tuple[list[float], list[float]]:
    """The mean cost of each case in either run, USD, of the cases whose cost is known in both."""
    values = _known(_both(new, new.cost_usd, old, old.cost_usd))
    return [sum(now) / len(now) for now, _ in values], [sum(before) / len(before) for _, before in values]


def known_latencies(new: Outcomes, old: Outcomes) -> tuple[list[list[float]], list[list[float]]]:
    """The latencies of each case in either run, milliseconds, of the cases that did not only err in one of them."""
    values = _known(_both(new, new.latency_ms, old, old.latency_ms))
    return [now for now, _ in values], [before for _, before in values]


def _known(rows: list[tuple[Numbers, Numbers]]) -> list[tuple[list[float], list[float]]]:
    told = (
        ([value for value in now if value is not None], [value for value in before if value is not None])
        for now, before in rows
    )
    return [(now, before) for now, before in told if now and before]


def _both(
    new: Outcomes, new_values: Sequence[Value], old: Outcomes, old_values: Sequence[Value]
) -> list[tuple[Value, Value]]:
    """The values of the cases that both have, in the new run's order."""
    if new.cases == old.cases:
        return list(zip(new_values, old_values, strict=True))
    before = dict(zip(old.cases, old_values, strict=True))
    pairs = zip(new.cases, new_values, strict=True)
    return [(value, before[case]) for case, value in pairs if case in before]
