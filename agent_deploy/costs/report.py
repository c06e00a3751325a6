"""What calls cost, group by group: per call, per outcome, against what their spans say. Pure, and exact: Decimal."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from agent_deploy.costs.periods import Source
from agent_deploy.costs.rates import Rates
from agent_deploy.costs.unknown import Unknown, why_unknown
from agent_deploy.costs.usage import Usage

# By how much what spans say of their cost may differ from what is worked out, before it is told.
TOLERANCE = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Spent:
    """Model calls of one group that pay the same rates, together.

    rates: None where there is no price. told, spoke: see `why_unknown`. free: they failed and no token was reported, so
    that nothing was charged. reported_usd: what their spans say, None where they say nothing.
    """

    group: str
    source: Source
    rates: Rates | None
    model_calls: int
    usage: Usage
    told: bool = True
    spoke: bool | None = True
    free: bool = False
    reported_usd: Decimal | None = None

    @property
    def unknown(self) -> Unknown | None:
        """Why it is unknown what they cost; None where it is known."""
        return None if self.free else why_unknown(self.rates, told=self.told, spoke=self.spoke)

    @property
    def cost_usd(self) -> Decimal | None:
        """USD for all of them; None where it is unknown."""
        if self.free:
            return Decimal(0)
        if self.rates is None or self.unknown:
            return None
        return self.rates.total(self.usage, self.model_calls)


@dataclass(frozen=True, slots=True)
class Counted:
    """The calls of one group. unknown: those among them whose cost is unknown, for one of their model calls has none.

    failed, retries, tool_calls: of all calls. outcomes: how many calls ended so; known_outcomes: those whose cost is
    known.
    """

    group: str
    calls: int = 0
    unknown: int = 0
    failed: int = 0
    retries: int = 0
    tool_calls: int = 0
    outcomes: Mapping[str, int] = field(default_factory=dict)
    known_outcomes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OutcomeCost:
    """How many calls ended so, and what one such end took, USD: the cost of all calls, failed ones too, over that."""

    outcome: str
    calls: int
    cost_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class Reported:
    """Model calls whose spans say a cost: what they say, and what their tokens come to. Both USD."""

    model_calls: int
    reported_usd: Decimal
    computed_usd: Decimal

    @property
    def difference(self) -> Decimal | None:
        """By which share the spans say more (or less); None of nothing."""
        return self.reported_usd / self.computed_usd - 1 if self.computed_usd else None

    @property
    def differs(self) -> bool:
        """Whether by more than is told in silence."""
        if self.difference is None:
            return bool(self.reported_usd)
        return abs(self.difference) > TOLERANCE


@dataclass(frozen=True, slots=True)
class Line:
    """One group of a report. Calls whose cost is unknown are in `calls` and `usage`, and in no cost and no mean.

    cost_usd: of all calls whose cost is known; None where none is. per_call_usd: its mean.
    """

    group: str
    calls: int
    unknown: int
    failed: int
    retries: int
    model_calls: int
    tool_calls: int
    usage: Usage
    cost_usd: Decimal | None
    per_call_usd: Decimal | None
    outcomes: tuple[OutcomeCost, ...]
    reported: Reported | None


@dataclass(frozen=True, slots=True)
class Unpriced:
    """Model calls whose cost is unknown, and why."""

    source: Source
    why: Unknown
    model_calls: int


def lines_of(counted: Iterable[Counted], spent: Iterable[Spent], known: Iterable[Spent] | None = None) -> list[Line]:
    """A line a group, in the order of their names.

    known: of `spent`, what was spent in calls whose cost is known as a whole; left out where that is all of it.
    """
    spending, known_spending = _by_group(spent), _by_group(known) if known is not None else None
    counts = {each.group: each for each in counted}
    groups = sorted({*counts, *spending})
    return [
        _line(
            counts.get(group) or Counted(group),
            spending.get(group, []),
            (spending if known_spending is None else known_spending).get(group, []),
        )
        for group in groups
    ]


def overall(counted: Iterable[Counted], spent: Iterable[Spent], known: Iterable[Spent]) -> Line:
    """All groups as one line named ''; each call has to be in one group."""
    return _line(_sum(list(counted)), list(spent), list(known))


def unpriced(spent: Iterable[Spent]) -> tuple[Unpriced, ...]:
    """What has no cost, the most frequent first."""
    calls: dict[tuple[Source, Unknown], int] = defaultdict(int)
    for each in spent:
        if each.unknown:
            calls[each.source, each.unknown] += each.model_calls
    found = [Unpriced(source, why, count) for (source, why), count in calls.items()]
    return tuple(sorted(found, key=lambda each: (-each.model_calls, str(each.source), each.why)))


def _by_group(spent: Iterable[Spent]) -> dict[str, list[Spent]]:
    found: dict[str, list[Spent]] = defaultdict(list)
    for each in spent:
        found[each.group].append(each)
    return found


def _sum(counted: list[Counted]) -> Counted:
    outcomes: Counter[str] = Counter()
    known: Counter[str] = Counter()
    for each in counted:
        outcomes.update(each.outcomes)
        known.update(each.known_outcomes)
    numbers = ((each.calls, each.unknown, each.failed, each.retries, each.tool_calls) for each in counted)
    calls, unknown, failed, retries, tools = map(sum, zip((0, 0, 0, 0, 0), *numbers, strict=True))
    return Counted("", calls, unknown, failed, retries, tools, outcomes, known)


def _line(counted: Counted, spent: list[Spent], known: list[Spent]) -> Line:
    paid = counted.calls - counted.unknown
    cost = sum((each.cost_usd or Decimal() for each in known), Decimal())
    is_known = paid > 0 or not counted.calls
    return Line(
        group=counted.group,
        calls=counted.calls,
        unknown=counted.unknown,
        failed=counted.failed,
        retries=counted.retries,
        model_calls=sum(each.model_calls for each in spent),
        tool_calls=counted.tool_calls,
        usage=sum((each.usage for each in spent), Usage()),
        cost_usd=cost if is_known else None,
        per_call_usd=cost / paid if paid > 0 else None,
        outcomes=tuple(_outcome(name, counted, cost) for name in sorted(counted.outcomes)),
        reported=_reported(spent),
    )


def _outcome(name: str, counted: Counted, cost: Decimal) -> OutcomeCost:
    known = counted.known_outcomes.get(name, 0)
    return OutcomeCost(name, counted.outcomes[name], cost / known if known else None)


def _reported(spent: list[Spent]) -> Reported | None:
    both = [
        (each.model_calls, each.reported_usd, each.cost_usd)
        for each in spent
        if each.reported_usd is not None and each.cost_usd is not None
    ]
    if not both:
        return None
    calls = sum(count for count, _, _ in both)
    said = sum((reported for _, reported, _ in both), Decimal())
    return Reported(calls, said, sum((cost for _, _, cost in both), Decimal()))
