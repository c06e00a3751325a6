"""Pass rates by tag: of one run, and from one run to another. They warn and decide nothing. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from agent_deploy.evals.outcomes import Outcomes
from agent_deploy.statistics.paired import mcnemar_exact

_SURE = 0.05


@dataclass(frozen=True, slots=True)
class Slice:
    """The cases of one tag: how many, and the mean share of repeats that passed."""

    tag: str
    cases: int
    pass_rate: float


@dataclass(frozen=True, slots=True)
class SliceChange:
    """One tag in two runs: pass rates, and how many cases pass less (lost) or more (gained) of their repeats.

    p: of "it got worse here", exact and one-sided, corrected after Holm for as many looks as there are tags.
    """

    tag: str
    cases: int
    before: float
    after: float
    lost: int
    gained: int
    p: float

    @property
    def got_worse(self) -> bool:
        """Whether more was lost here than chance explains, all tags considered (5 %)."""
        return self.p < _SURE


def share(letters: str) -> float:
    """The share of repeats that passed; an error is none."""
    return letters.count("P") / len(letters)


def slices_of(outcomes: Outcomes) -> tuple[Slice, ...]:
    """A run by tag, in the order of tags; nothing where no case has one."""
    rates: dict[str, list[float]] = {}
    for status, tags in zip(outcomes.status, outcomes.tags, strict=True):
        for tag in tags:
            rates.setdefault(tag, []).append(share(status))
    return tuple(Slice(tag, len(found), math.fsum(found) / len(found)) for tag, found in sorted(rates.items()))


def slice_changes(pairs: Mapping[str, tuple[str, str]], tags: Mapping[str, tuple[str, ...]]) -> tuple[SliceChange, ...]:
    """Two runs by tag, in the order of tags. pairs: by case, one letter a repeat, before and after."""
    found: dict[str, list[tuple[str, str]]] = {}
    for case, pair in pairs.items():
        for tag in tags.get(case, ()):
            found.setdefault(tag, []).append(pair)
    ordered = sorted(found.items())
    counts = [lost_and_gained(of_tag) for _, of_tag in ordered]
    corrected = holm([mcnemar_exact(lost, gained) for lost, gained in counts])
    return tuple(
        SliceChange(tag, len(of_tag), *_mean_shares(of_tag), lost, gained, p)
        for (tag, of_tag), (lost, gained), p in zip(ordered, counts, corrected, strict=True)
    )


def lost_and_gained(pairs: Collection[tuple[str, str]]) -> tuple[int, int]:
    """How many cases pass less, and how many more, of their repeats than before.

    As the gate has it: an error afterwards is not passed, and one before says nothing, so it changes nothing.
    """
    changes = [_change(before, after) for before, after in pairs if before != after]
    return sum(change < 0 for change in changes), sum(change > 0 for change in changes)


def holm(p_values: Sequence[float]) -> list[float]:
    """The p values corrected for their number, in the order given.

    Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6, 1979: the
    k-th smallest of m is multiplied by m - k + 1, and none is smaller than one before it.
    """
    corrected = [1.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = highest
    return corrected


def _change(before: str, after: str) -> float:
    now = share(after)
    return now - (before.count("P") + before.count("E") * now) / len(before)


def _mean_shares(pairs: Collection[tuple[str, str]]) -> tuple[float, float]:
    before, after = zip(*pairs, strict=True)
    return math.fsum(map(share, before)) / len(pairs), math.fsum(map(share, after)) / len(pairs)
