"""What the calls of `metrics_rows` cost: their model calls summed where they pay the same rates, then priced.

A model call of unknown cost (`costs.unknown`) makes the cost of its whole call unknown.
"""

# ruff: noqa: S608 - every name and literal in this SQL is our own or quoted

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from agent_deploy.costs.periods import Source
from agent_deploy.costs.prices import Prices
from agent_deploy.costs.report import Spent
from agent_deploy.costs.usage import Usage
from agent_deploy.telemetry.looking.metrics import Cost
from agent_deploy.telemetry.looking.metrics_rows import Scope, Tally, Windows, scopes, tally
from agent_deploy.telemetry.spending.model_calls import Scope as Which
from agent_deploy.telemetry.spending.model_calls import Turns, create_model_calls, create_unknown

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True)
class Spending:
    """By scope, what was spent in calls of known cost, and the other calls. unpriced: the models that lack a price."""

    known: Mapping[Scope, Decimal]
    unknown: Mapping[Scope, Tally]
    unpriced: tuple[str, ...]

    def cost(self, scope: Scope) -> Cost:
        """The two together."""
        unknown = self.unknown.get(scope)
        return Cost(self.known.get(scope, Decimal(0)), unknown.calls if unknown else 0)

    def outcomes_unknown(self, scope: Scope) -> Mapping[str, int]:
        """How many calls of unknown cost had which outcome."""
        unknown = self.unknown.get(scope)
        return unknown.outcomes if unknown else {}


class _Group(NamedTuple):
    """Model calls that pay the same rates, by what they have in common, and what they cost together."""

    source: Source
    scopes: tuple[Scope, ...]
    spent: Spent


def spending(connection: DuckDBPyConnection, prices: Prices, windows: Windows, summed: Turns) -> Spending:
    """What the model calls of both windows cost, after `add_sums`. summed: the turns of what sums stand for."""
    turns = create_model_calls(connection, prices, Which(windows.workflow, windows.environment or None))
    by_sums = _groups(connection, windows, summed, "summed WHERE kind = 'model'")
    groups = _groups(connection, windows, turns, "model_calls")
    lacking = [group for group in groups if group.spent.unknown]
    if not lacking:
        return Spending(_known([*by_sums, *groups]), {}, ())
    create_unknown(connection, turns)
    known = _groups(connection, windows, turns, "model_calls WHERE call NOT IN (FROM unknown)")
    return Spending(
        known=_known([*by_sums, *known]),
        unknown=tally(connection, "counted WHERE call IN (FROM unknown)"),
        unpriced=_unpriced(lacking),
    )


def _groups(connection: DuckDBPyConnection, windows: Windows, turns: Turns, model_calls: str) -> list[_Group]:
    rows = connection.execute(
        f"""SELECT provider, model, tier, turn, free, told, spoke, {windows.current} AS current,
            "version", {windows.bucket} AS bucket, sum(count)::BIGINT, sum(input)::BIGINT, sum(output)::BIGINT,
            sum(cache_read)::BIGINT, sum(cache_write)::BIGINT, sum(reasoning)::BIGINT
        FROM {model_calls} GROUP BY ALL"""
    ).fetchall()
    return [_group(row, turns) for row in rows]


def _group(row: tuple[Any, ...], turns: Turns) -> _Group:
    provider, model, tier, turn, free, told, spoke, current, version, bucket, count, *tokens = row
    source = Source(provider, model, tier)
    rates = turns[source][turn].rates
    spent = Spent("", source, rates, count, Usage(*tokens), told=told, spoke=spoke, free=free)
    return _Group(source, tuple(scopes(current, version, bucket)), spent)


def _known(groups: Iterable[_Group]) -> dict[Scope, Decimal]:
    known: dict[Scope, Decimal] = defaultdict(Decimal)
    for group in groups:
        for scope in group.scopes:
            known[scope] += group.spent.cost_usd or Decimal(0)
    return known


def _unpriced(lacking: Iterable[_Group]) -> tuple[str, ...]:
    """Of this window, the most called first."""
    calls: dict[str, int] = defaultdict(int)
    for group in lacking:
        if Scope("window", 1) in group.scopes:
            calls[str(group.source)] += group.spent.model_calls
    return tuple(sorted(calls, key=lambda name: (-calls[name], name)))
