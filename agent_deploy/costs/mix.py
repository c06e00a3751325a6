"""Two versions over the same mix of calls: post-stratified means.

Calls of both are sorted into cells by environment, tenant, input size and model. In each cell each version has a mean;
the means are weighted by how many calls of both versions are in the cell. So neither is charged for having been asked
other things than the other (direct standardisation; Holt and Smith, "Post Stratification", Journal of the Royal
Statistical Society A 142, 1979). Pure functions over sums; floats, for these are estimates.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

Side = Literal["from", "to"]

# A cell with fewer calls of either version is put together with the tenant's other such cells.
FEWEST_IN_CELL = 5
# A model that makes less than this share of a version's calls is no part of its mix.
_COMMON_SHARE = 0.01
# Groups that calls without a tenant are dealt into; reading deals them into the most.
MOST_GROUPS = 200
_GROUPS = (200, 100, 40, 20, 10)
_CALLS_A_GROUP = 50


class Amounts(NamedTuple):
    """Sums over calls, or means a call. Tokens: `input` includes those of the cache. USD at one price table.

    paid_usd: at the prices of the day instead, all classes together.
    """

    model_calls: float = 0.0
    input: float = 0.0
    cache_read: float = 0.0
    cache_write: float = 0.0
    output: float = 0.0
    fresh_usd: float = 0.0
    read_usd: float = 0.0
    write_usd: float = 0.0
    output_usd: float = 0.0
    request_usd: float = 0.0
    paid_usd: float = 0.0

    @property
    def cost_usd(self) -> float:
        """All classes together."""
        return self.fresh_usd + self.read_usd + self.write_usd + self.output_usd + self.request_usd

    def times(self, factor: float) -> Amounts:
        """Each of them times a number."""
        return Amounts(*(value * factor for value in self))

    @classmethod
    def total(cls, parts: Iterable[Amounts]) -> Amounts:
        """Each of them added up."""
        return cls(*map(sum, zip(cls(), *parts, strict=True)))


@dataclass(frozen=True, slots=True)
class Cell:
    """Calls of one version that resemble each other, added up; only those whose cost is known.

    group: which of the 200 groups, where the calls name no tenant. size: of the input, by powers of two. model: the
    one of their model calls, or `several`.
    """

    side: Side
    environment: str
    tenant: str
    group: int
    size: int
    model: str
    calls: int
    amounts: Amounts


@dataclass(frozen=True, slots=True)
class Cluster:
    """A tenant's part: the calls of both versions in cells that both have, and what these calls would cost by each."""

    calls: int
    from_usd: float
    to_usd: float


@dataclass(frozen=True, slots=True)
class Mix:
    """Both versions' means a call: as they were (raw), and over the same mix. raw_…: None without any call.

    calls_…: all; matched_…: those in cells that both have. by_model: whether cells are told apart by model too.
    tenants: how many are named by calls of both versions; 0 where calls name none, and clusters are groups of calls.
    """

    raw_from: Amounts | None
    raw_to: Amounts | None
    from_: Amounts
    to: Amounts
    calls_from: int
    calls_to: int
    matched_from: int
    matched_to: int
    clusters: tuple[Cluster, ...]
    tenants: int
    by_model: bool

    @property
    def effective_clusters(self) -> float:
        """How many clusters of equal size these are worth: (sum of calls)² / sum of calls² (Kish, 1965)."""
        squares = sum(cluster.calls**2 for cluster in self.clusters)
        return sum(cluster.calls for cluster in self.clusters) ** 2 / squares if squares else 0.0


def match(cells: Iterable[Cell]) -> Mix:
    """The two versions over the mix that they have in common.

    Cells are told apart by model only where both versions use the same models: a version that brings another model is
    compared by what that model costs, not only by the calls that it leaves to the old one.
    """
    cells = list(cells)
    by_model = _same_models(cells)
    clusters = _clusters(cells, by_model)
    pairs = {name: _pairs(cluster) for name, cluster in sorted(clusters.items())}
    matched = [pair for found in pairs.values() for pair in found]
    weight = sum(pair.calls for pair in matched)
    return Mix(
        raw_from=_raw(cells, "from"),
        raw_to=_raw(cells, "to"),
        from_=Amounts.total(pair.weighted("from") for pair in matched).times(1 / weight if weight else 0),
        to=Amounts.total(pair.weighted("to") for pair in matched).times(1 / weight if weight else 0),
        calls_from=_calls(cells, "from"),
        calls_to=_calls(cells, "to"),
        matched_from=sum(pair.from_calls for pair in matched),
        matched_to=sum(pair.to_calls for pair in matched),
        clusters=tuple(_cluster(found) for found in pairs.values() if found),
        tenants=sum(bool(found and name[0]) for name, found in pairs.items()),
        by_model=by_model,
    )


@dataclass(frozen=True, slots=True)
class _Pair:
    """A cell that both versions have: numbers of calls and sums."""

    from_calls: int
    to_calls: int
    from_: Amounts
    to: Amounts

    @property
    def calls(self) -> int:
        return self.from_calls + self.to_calls

    def weighted(self, side: Side) -> Amounts:
        """The version's mean, times the calls of both."""
        calls, amounts = (self.from_calls, self.from_) if side == "from" else (self.to_calls, self.to)
        return amounts.times(self.calls / calls)


_Name = tuple[str, int]  # tenant, and group of those without


def _same_models(cells: Sequence[Cell]) -> bool:
    return _models(cells, "from") == _models(cells, "to")


def _models(cells: Sequence[Cell], side: Side) -> set[str]:
    calls: dict[str, int] = defaultdict(int)
    for cell in cells:
        if cell.side == side:
            calls[cell.model] += cell.calls
    return {model for model, count in calls.items() if count >= _COMMON_SHARE * sum(calls.values())}


def _clusters(cells: Sequence[Cell], by_model: bool) -> dict[_Name, dict[object, list[Cell]]]:
    """The cells of each tenant, or group, by what tells cells apart within it."""
    nameless = [[cell for cell in cells if cell.side == side and not cell.tenant] for side in ("from", "to")]
    groups = _group_count(min(sum(cell.calls for cell in found) for found in nameless))
    found: dict[_Name, dict[object, list[Cell]]] = defaultdict(lambda: defaultdict(list))
    for cell in cells:
        name = (cell.tenant, 0 if cell.tenant else cell.group % groups)
        found[name][cell.environment, cell.size, cell.model if by_model else ""].append(cell)
    return found


def _group_count(calls: int) -> int:
    return next((count for count in _GROUPS if calls >= count * _CALLS_A_GROUP), _GROUPS[-1])


def _pairs(cells: dict[object, list[Cell]]) -> list[_Pair]:
    """The cells that both versions have; those with few calls of one are taken together, within their environment."""
    pairs = {key: _pair(found) for key, found in cells.items()}
    full = [pair for pair in pairs.values() if _fewest(pair) >= FEWEST_IN_CELL]
    rest: dict[str, list[Cell]] = defaultdict(list)
    for key, pair in pairs.items():
        if _fewest(pair) < FEWEST_IN_CELL:
            for cell in cells[key]:
                rest[cell.environment].append(cell)
    merged = [_pair(found) for _, found in sorted(rest.items())]
    return full + [pair for pair in merged if _fewest(pair)]


def _pair(cells: Sequence[Cell]) -> _Pair:
    def side(which: Side) -> tuple[int, Amounts]:
        found = [cell for cell in cells if cell.side == which]
        return sum(cell.calls for cell in found), Amounts.total(cell.amounts for cell in found)

    (from_calls, from_), (to_calls, to) = side("from"), side("to")
    return _Pair(from_calls, to_calls, from_, to)


def _fewest(pair: _Pair) -> int:
    return min(pair.from_calls, pair.to_calls)


def _cluster(pairs: Sequence[_Pair]) -> Cluster:
    costs: Callable[[Side], float] = lambda side: sum(pair.weighted(side).cost_usd for pair in pairs)  # noqa: E731
    return Cluster(sum(pair.calls for pair in pairs), costs("from"), costs("to"))


def _raw(cells: Sequence[Cell], side: Side) -> Amounts | None:
    calls = _calls(cells, side)
    total = Amounts.total(cell.amounts for cell in cells if cell.side == side)
    return total.times(1 / calls) if calls else None


def _calls(cells: Sequence[Cell], side: Side) -> int:
    return sum(cell.calls for cell in cells if cell.side == side)
