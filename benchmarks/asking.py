"""One question about a history of facts, asked once in a process of its own: `python -m benchmarks.asking WHAT …`.

Prints a JSON object: seconds after imports, the peak memory of the process in KiB where the system tells it, and calls.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from time import perf_counter

import duckdb

from agent_deploy.costs.prices import Prices, open_prices
from agent_deploy.operations.cost import cost
from agent_deploy.operations.cost_delta import fair_delta
from agent_deploy.operations.live_cost import BEFORE, MOST_BYTES
from agent_deploy.operations.metrics import metrics
from agent_deploy.telemetry.facts.segments import list_segments
from agent_deploy.telemetry.facts.store import FactStore
from benchmarks.history import ENVIRONMENT, NEWER, OLDER, PROMOTED_BEFORE_END, WORKFLOW
from registry.stores import open_store
from registry.times import from_text

DAY, MONTH = timedelta(days=1), timedelta(days=30)


class _Asked:
    """The questions; each answers how many calls it told of."""

    def __init__(self, folder: Path, until: datetime) -> None:
        self._facts = FactStore(open_store(str(folder / "store")), folder / "state" / "facts", clock=lambda: until)
        self._prices: Prices = open_prices()
        self._until = until

    def cost_month(self) -> int:
        """`cost --by version --since 30d`."""
        return self._cost(MONTH)

    def cost_day(self) -> int:
        """`cost --by version --since 24h`."""
        return self._cost(DAY)

    def metrics_month(self) -> int:
        """`metrics --window 30d`."""
        return self._metrics(MONTH)

    def metrics_day(self) -> int:
        """`metrics --window 24h`."""
        return self._metrics(DAY)

    def status(self) -> int:
        """The cost of a release against the one before, as `status` shows it."""
        at = self._until - PROMOTED_BEFORE_END
        since, until = self._facts.reach(at, at - BEFORE, self._until, MOST_BYTES)
        delta = fair_delta(self._facts, self._prices, WORKFLOW, OLDER, NEWER, since=since, until=until)
        return delta.calls_from.total + delta.calls_to.total

    def plain_sql(self) -> int:
        """The floor: the tokens of each version over all rows of the month, by DuckDB, and nothing besides."""
        store = self._facts.store
        files = [f"{store.url}/{segment.key}" for segment in list_segments(store)]
        with closing(duckdb.connect()) as connection:
            rows = connection.execute(
                """SELECT version, count(*) FILTER (kind = 'call'), sum(input_tokens), sum(output_tokens)
                FROM read_parquet(?, hive_partitioning = false) WHERE workflow = ? GROUP BY version""",
                [files, WORKFLOW],
            ).fetchall()
        return sum(int(row[1]) for row in rows)

    def _cost(self, window: timedelta) -> int:
        since = self._until - window
        found = cost(self._facts, self._prices, WORKFLOW, since=since, environment=ENVIRONMENT, by="version")
        return found.total.calls

    def _metrics(self, window: timedelta) -> int:
        found = metrics(self._facts, self._prices, WORKFLOW, window, ENVIRONMENT, clock=lambda: self._until)
        return found.current.counts.calls


def main() -> None:
    """Ask, and print what it took."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what")
    parser.add_argument("folder", type=Path)
    parser.add_argument("until", type=from_text)
    given = parser.parse_args()
    import_module("genai_prices.data")  # as all else that is imported by what is asked, it is not to be timed
    question: Callable[[], int] = getattr(_Asked(given.folder, given.until), given.what)
    started = perf_counter()
    calls = question()
    took_s = perf_counter() - started
    print(json.dumps({"seconds": took_s, "peak_kib": _peak_kib(), "calls": calls}))


def _peak_kib() -> float | None:
    try:
        found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    except OSError:
        return None
    return float(found[1]) if found else None


if __name__ == "__main__":
    main()
