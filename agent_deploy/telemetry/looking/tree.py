"""A call as the tree of its steps, from the facts of its trace. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from agent_deploy.telemetry.facts.fact import Fact
from agent_deploy.telemetry.spending.pricing import source_of

Price = Callable[[Fact], Decimal | None]

_MS = timedelta(milliseconds=1)
_DEEPEST = 100  # steps deeper inside than that stand below the root


@dataclass(frozen=True, slots=True)
class Step:
    """One span in its place. offset_ms: from the call's start; below 0 where the clocks of two machines differ.

    cost_usd: of this span's own model call; None where it made none, or where its price is unknown.
    """

    fact: Fact
    offset_ms: float
    cost_usd: Decimal | None
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class CallTree:
    """A call. id: its key in `calls`, which is its root's span id where the spans carry it, else the trace's id.

    root: None when the root span never came; the steps then stand side by side. steps: the root alone, where there is
    one. started_at, duration_ms: the root's; without it, from the first start to the last end that is known.
    cost_usd: of its model calls whose price is known. unpriced: the others' models, as `provider/model`.
    """

    id: str
    trace_id: str
    root: Fact | None
    started_at: datetime
    duration_ms: float
    steps: tuple[Step, ...]
    cost_usd: Decimal
    unpriced: tuple[str, ...]

    @property
    def facts(self) -> list[Fact]:
        """All of its spans, each before those inside it."""
        return [step.fact for step, _ in walk(self.steps)]

    @property
    def own(self) -> list[Fact]:
        """The same without the calls that others made inside it: what those took is told of them."""
        return [fact for fact in self.facts if (fact.call_id or fact.trace_id) == self.id]

    @property
    def told(self) -> Fact:
        """The span that says whose call it is: the root, else the first that there is."""
        return self.root or self.steps[0].fact


def walk(steps: Iterable[Step], depth: int = 0) -> Iterator[tuple[Step, int]]:
    """Every step with its depth, each before those inside it."""
    for step in steps:
        yield step, depth
        yield from walk(step.steps, depth + 1)


def tree_of(trace: Iterable[Fact], call_id: str, price: Price) -> CallTree:
    """The call of a trace whose spans carry this call_id; empty for spans of others, whose trace is one call.

    There is a span of it at least. A call made inside it by another workflow is shown as one step, without its own.
    A step whose parent is not on record stands below the root. Steps are in the order of their starts.
    """
    facts = sorted(trace, key=lambda fact: (fact.started_at, fact.span_id))
    own = [fact for fact in facts if fact.call_id == call_id]
    root = _root(own)
    ids = {fact.span_id for fact in own}
    inner = [fact for fact in facts if fact.call_id != call_id and fact.kind == "call" and fact.parent_span_id in ids]
    started_at, duration_ms = (root.started_at, root.duration_ms) if root else _extent(own)
    models = [(fact, price(fact)) for fact in own if fact.kind == "model"]
    return CallTree(
        id=call_id or own[0].trace_id,
        trace_id=own[0].trace_id,
        root=root,
        started_at=started_at,
        duration_ms=duration_ms,
        steps=_steps([*own, *inner], root, started_at, price),
        cost_usd=sum((cost for _, cost in models if cost is not None), Decimal(0)),
        unpriced=tuple(sorted({str(source_of(fact)) for fact, cost in models if cost is None})),
    )


def _root(own: list[Fact]) -> Fact | None:
    """As the view `calls` has it: of several, one without a parent, then the earliest."""
    may_be = [fact for fact in own if fact.kind == "call" and fact.call_id in ("", fact.span_id)]
    return min(may_be, key=lambda fact: (fact.parent_span_id != "", fact.started_at, fact.span_id), default=None)


def _extent(facts: list[Fact]) -> tuple[datetime, float]:
    first = min(fact.started_at for fact in facts)
    return first, max((fact.started_at - first) / _MS + fact.duration_ms for fact in facts)


def _steps(facts: list[Fact], root: Fact | None, started_at: datetime, price: Price) -> tuple[Step, ...]:
    inside = _by_parent(facts, root)

    def step(fact: Fact) -> Step:
        return Step(
            fact=fact,
            offset_ms=(fact.started_at - started_at) / _MS,
            cost_usd=price(fact) if fact.kind == "model" else None,
            steps=tuple(map(step, inside.get(fact.span_id, ()))),
        )

    return tuple(map(step, [root] if root else inside[""]))


def _by_parent(facts: list[Fact], root: Fact | None) -> Mapping[str, list[Fact]]:
    """The facts by the span that they are shown below: "" where that is none."""
    parents = {fact.span_id: fact.parent_span_id for fact in facts}
    top = root.span_id if root else ""
    inside: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        if fact is not root:
            inside[fact.parent_span_id if _leads_up(fact.span_id, parents, top) else top].append(fact)
    return inside


def _leads_up(span_id: str, parents: Mapping[str, str], top: str) -> bool:
    """Whether its parent is on record, not inside itself, and not too deep: spans of others may say anything."""
    parent = parents[span_id]
    if parent not in parents:
        return False
    seen = {span_id}
    while parent in parents and parent != top:
        if parent in seen or len(seen) > _DEEPEST:
            return False
        seen.add(parent)
        parent = parents[parent]
    return True
