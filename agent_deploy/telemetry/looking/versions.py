"""How each version of a workflow did over a range of time, however short: calls, failures and how long they took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True)
class Seen:
    """The calls of one version. p95_ms: None where no root span came."""

    calls: int
    failed: int
    p95_ms: float | None


def seen_by_version(connection: DuckDBPyConnection, workflow: str, environment: str) -> dict[int, Seen]:
    """By version, of the range that the connection sees (`telemetry.facts.query`); calls without one are left out."""
    rows = connection.execute(
        """SELECT "version", count(*), count(*) FILTER (failed), quantile_cont(duration_ms, 0.95) FROM calls
        WHERE workflow = ? AND environment = ? AND "version" > 0 GROUP BY "version" """,
        [workflow, environment],
    ).fetchall()
    return {int(version): Seen(calls, failed, p95_ms) for version, calls, failed, p95_ms in rows}
