"""What the calls of `metrics_rows` cost: their model calls summed where they pay the same rates, then priced.

The rules are those of `telemetry.spending`: a model call without a price, or without token counts that add up, makes
the cost of its whole call unknown; one that failed before any token was reported cost nothing.
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
from agent_deploy.telemetry.facts.engine import quoted
from agent_deploy.telemetry.looking.metrics import Cost
from agent_deploy.telemetry.looking.metrics_rows import Scope, Tally, Windows, scopes, tally
from agent_deploy.telemetry.spending.model_calls import Scope as Which
from agent_deploy.telemetry.spending.model_calls import Turns, create_model_calls, rates_of

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
    turn: int
    spoke: bool
    scopes: tuple[Scope, ...]
    spent: Spent


def spending(connection: DuckDBPyConnection, prices: Prices, windows: Windows) -> Spending:
    """What the model calls of both windows cost, after `make_views`."""
    turns = create_model_calls(connection, prices, Which(windows.workflow, windows.environment or None))
    groups = _groups(connection, windows, turns, "true")
    lacking = [group for group in groups if group.spent.cost_usd is None]
    if not lacking:
        return Spending(_known(groups), {}, ())
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE of_unknown_cost AS
        SELECT DISTINCT call FROM model_calls WHERE NOT free AND (NOT told OR {_any_of(lacking)})"""
    )
    return Spending(
        known=_known(_groups(connection, windows, turns, "call NOT IN (FROM of_unknown_cost)")),
        unknown=tally(connection, "call IN (FROM of_unknown_cost)"),
        unpriced=_unpriced(lacking),
    )


def _groups(connection: DuckDBPyConnection, windows: Windows, turns: Turns, condition: str) -> list[_Group]:
    rows = connection.execute(
        f"""SELECT provider, model, tier, turn, free, told, output > 0 AS spoke, {windows.current} AS current,
            "version", {windows.bucket} AS bucket, count(*), sum(input)::BIGINT, sum(output)::BIGINT,
            sum(cache_read)::BIGINT, sum(cache_write)::BIGINT, sum(reasoning)::BIGINT
        FROM model_calls WHERE {condition} GROUP BY ALL"""
    ).fetchall()
    return [_group(row, turns) for row in rows]


def _group(row: tuple[Any, ...], turns: Turns) -> _Group:
    provider, model, tier, turn, free, told, spoke, current, version, bucket, count, *tokens = row
    source = Source(provider, model, tier)
    rates = rates_of(turns, source, turn, spoke=spoke)
    spent = Spent("", source, rates, count, Usage(*tokens), told=told, free=free)
    return _Group(source, turn, spoke, tuple(scopes(current, version, bucket)), spent)


def _known(groups: Iterable[_Group]) -> dict[Scope, Decimal]:
    known: dict[Scope, Decimal] = defaultdict(Decimal)
    for group in groups:
        for scope in group.scopes:
            known[scope] += group.spent.cost_usd or Decimal(0)
    return known


def _any_of(lacking: Iterable[_Group]) -> str:
    """The condition that a row is of one of these groups whose tokens are told: it is the price that they lack."""
    conditions = {
        f"(provider = {quoted(one.source.provider)} AND model = {quoted(one.source.model)} "
        f"AND tier = {quoted(one.source.tier)} AND turn = {one.turn} AND (output > 0) = {str(one.spoke).lower()})"
        for one in lacking
        if one.spent.told
    }
    return " OR ".join(sorted(conditions)) or "false"


def _unpriced(lacking: Iterable[_Group]) -> tuple[str, ...]:
    """Of this window, the most called first."""
    calls: dict[str, int] = defaultdict(int)
    for group in lacking:
        if Scope("window", 1) in group.scopes:
            calls[str(group.source)] += group.spent.model_calls
    return tuple(sorted(calls, key=lambda name: (-calls[name], name)))
