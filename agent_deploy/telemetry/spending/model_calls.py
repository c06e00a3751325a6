"""The facts' model calls as the view `model_calls`, each with what its price hangs on. SQL is made here; no I/O else.

Prices are not looked up row by row. A model's price changes with the day and the length of the prompt, in few places:
each row is given the number of its period (`turn`), and rows of one (provider, model, tier, turn) pay the same rates.
"""

# ruff: noqa: S608 - every name and literal in this SQL is our own or quoted

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from agent_deploy.costs.periods import Period, Source, periods
from agent_deploy.costs.prices import Prices
from agent_deploy.costs.unknown import why_unknown
from agent_deploy.telemetry.facts.charging import FREE, SPOKE, TOKENS, TOLD
from agent_deploy.telemetry.facts.engine import quoted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Turns = Mapping[Source, tuple[Period, ...]]

# Which call a row is of, in `facts` and in `calls`: a hash, for numbers are joined many times faster than text. That
# any two of ten million calls share one has a chance of one in 400,000.
OF_CALL = "hash(trace_id, CASE WHEN call_id = '' THEN trace_id ELSE call_id END)"
CALL = "hash(calls.trace_id, calls.key)"
ANY_SPOKE = (True, False, None)  # all that `spoke` may be


@dataclass(frozen=True, slots=True)
class Scope:
    """Which calls. environment: None for all. versions: empty for all. digests: of these versions; a call that names
    another is one of another registry's version of that number. Empty for any.
    """

    workflow: str
    environment: str | None = None
    versions: tuple[int, ...] = ()
    digests: tuple[str, ...] = ()

    @property
    def sql(self) -> str:
        """The condition on a row of `facts` or `calls`."""
        parts = [f"workflow = {quoted(self.workflow)}"]
        if self.environment is not None:
            parts.append(f"environment = {quoted(self.environment)}")
        if self.versions:
            parts.append(f'"version" IN ({", ".join(map(str, self.versions))})')
        if self.digests:
            parts.append(f"digest IN ('', {', '.join(map(quoted, self.digests))})")
        return " AND ".join(parts)


def create_model_calls(connection: DuckDBPyConnection, prices: Prices, scope: Scope) -> Turns:
    """Make the view over `facts`, and say what the turns of each source are.

    Beside the columns of `facts` it has call (which one it is of), turn, free, told and spoke (see `charging`), and the
    tokens without nulls as input, output, cache_read, cache_write, reasoning; and count, reported and reported_usd, as
    sums have them.
    """
    turns = {source: periods(prices, source, first, last) for source, first, last in _sources(connection, scope)}
    connection.execute(
        f"""CREATE OR REPLACE TEMP VIEW model_calls AS
        SELECT *, {FREE} AS free, {TOLD} AS told, {SPOKE} AS spoke, 1 AS count,
            reported_cost_usd IS NOT NULL AS reported, reported_cost_usd AS reported_usd
        FROM (SELECT *, {OF_CALL} AS call, {TOKENS}, {turn_sql(turns)} AS turn
            FROM facts WHERE kind = 'model' AND {scope.sql})"""
    )
    return turns


def create_unknown(connection: DuckDBPyConnection, turns: Turns) -> None:
    """Make the table `unknown`, of the calls with a model call whose cost is unknown."""
    connection.execute("CREATE OR REPLACE TEMP TABLE lacking (p VARCHAR, m VARCHAR, t VARCHAR, n INT, s BOOLEAN)")
    rows = [
        (source.provider, source.model, source.tier, number, spoke)
        for source, found in turns.items()
        for number, period in enumerate(found)
        for spoke in ANY_SPOKE
        if why_unknown(period.rates, told=True, spoke=spoke)
    ]
    if rows:
        connection.executemany("INSERT INTO lacking VALUES (?, ?, ?, ?, ?)", rows)
    connection.execute(
        """CREATE OR REPLACE TEMP TABLE unknown AS
        SELECT DISTINCT call FROM model_calls
        LEFT JOIN lacking ON (p, m, t, n) = (provider, model, tier, turn) AND s IS NOT DISTINCT FROM spoke
        WHERE NOT free AND (NOT told OR p IS NOT NULL)"""
    )


def turn_sql(turns: Turns) -> str:
    """The expression that numbers a row's period, by its source, moment and length."""
    cases = [
        f"WHEN provider = {quoted(source.provider)} AND model = {quoted(source.model)} "
        f"AND tier = {quoted(source.tier)} THEN {_number(found)}"
        for source, found in turns.items()
        if len(found) > 1
    ]
    return f"CASE {' '.join(cases)} ELSE 0 END" if cases else "0"


def _number(found: tuple[Period, ...]) -> str:
    cases = [
        f"WHEN started_at >= {_moment(period.since)} AND started_at < {_moment(period.until)} "
        f"AND coalesce(input_tokens, 0) > {period.over} AND coalesce(input_tokens, 0) <= {period.up_to} THEN {number}"
        for number, period in enumerate(found)
        if number
    ]
    return f"CASE {' '.join(cases)} ELSE 0 END"


def _sources(connection: DuckDBPyConnection, scope: Scope) -> list[tuple[Source, datetime, datetime]]:
    rows = connection.execute(
        f"""SELECT provider, model, tier, min(started_at), max(started_at) FROM facts
        WHERE kind = 'model' AND {scope.sql} GROUP BY ALL"""
    ).fetchall()
    return [(Source(*row[:3]), row[3].replace(tzinfo=UTC), row[4].replace(tzinfo=UTC)) for row in rows]


def _moment(at: datetime) -> str:
    return f"TIMESTAMP {quoted(at.astimezone(UTC).replace(tzinfo=None).isoformat(sep=' '))}"
