"""Costs by the sums of whole hours: which hours sums may stand for, and that the figures are those of all rows."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from agent_deploy.costs.prices import Prices, open_prices
from agent_deploy.operations.cost import cost
from agent_deploy.operations.metrics import metrics
from agent_deploy.telemetry.facts.fact import Fact
from agent_deploy.telemetry.facts.store import FactStore
from agent_deploy.telemetry.spending.model_calls import Scope
from agent_deploy.telemetry.spending.summed import take_sums
from agent_deploy.telemetry.spending.totals import By
from tests.telemetry.facts.made import HOUR, MINUTE, NINE, call, fact, kept_in, seal

_END = NINE + 6 * HOUR
_LONG = {"provider": "google", "model": "gemini-2.5-pro"}  # dearer above 200,000 tokens of input


@pytest.fixture(name="prices", scope="module")
def _prices() -> Prices:
    return open_prices()


def _history() -> list[Fact]:
    """Five hours: plain; a model without a price; prompts at two prices; long ones; a call from the hour before."""
    return [
        *call(1, NINE, outcome="resolved"),
        *call(2, NINE + MINUTE, version=42, failed=True, failure_mode="timeout"),
        *call(3, NINE + HOUR, steps=1, model="nobody-knows"),
        *call(4, NINE + HOUR + MINUTE, outcome="resolved"),
        *[fact(5, step, NINE + 2 * HOUR, **_LONG, input_tokens=[None, 1000, 300_000][step]) for step in range(3)],
        *[fact(6, step, NINE + 3 * HOUR, **_LONG, input_tokens=[None, 250_000, 300_000][step]) for step in range(3)],
        fact(6, 3, NINE + 3 * HOUR, kind="tool", tool="lookup_order", input_tokens=None, output_tokens=None),
        fact(6, 4, NINE + 3 * HOUR, attempt=2, failed=True, input_tokens=None, output_tokens=None),
        *call(7, NINE + 4 * HOUR - timedelta(seconds=4), version=42),
        fact(7, 3, NINE + 4 * HOUR + MINUTE, version=42, reported_cost_usd=0.5),
        *call(8, NINE + 4 * HOUR, version=42, reported_cost_usd=0.25),
    ]


def _both(folder: Path) -> tuple[FactStore, FactStore]:
    """The history in a spool, of which nothing is summed, and in segments."""
    rows, sums = (kept_in(folder / name, at=_END) for name in ("rows", "sums"))
    rows.spool().append(_history())
    seal(sums, _history())
    return rows, sums


def _taken(facts: FactStore, prices: Prices, since: datetime | None = None, until: datetime | None = None) -> list[int]:
    """The hours that sums stand for, counted from nine."""
    with closing(facts.connection(since=since, until=until)) as connection:
        take_sums(connection, prices, Scope("support-triage"), [(since, until)])
        rows = connection.execute("SELECT hour FROM left_out ORDER BY hour").fetchall()
    return [(hour - NINE.replace(tzinfo=None)) // HOUR for (hour,) in rows]


def test_sums_stand_for_hours_whose_calls_all_have_a_price_and_one_for_each_model(
    tmp_path: Path, prices: Prices
) -> None:
    rows, sums = _both(tmp_path)
    assert (_taken(sums, prices), _taken(rows, prices)) == ([0, 3, 4], [])


def test_sums_stand_for_no_hour_that_the_range_cuts(tmp_path: Path, prices: Prices) -> None:
    _, sums = _both(tmp_path)
    assert _taken(sums, prices, NINE + MINUTE, NINE + 4 * HOUR + MINUTE) == [3]


def test_to_take_sums_again_undoes_what_was_taken_before(tmp_path: Path, prices: Prices) -> None:
    _, sums = _both(tmp_path)
    with closing(sums.connection()) as connection:
        taken = []
        for within in ((NINE, NINE + HOUR), (None, None), (NINE + 3 * HOUR, NINE + 5 * HOUR)):
            take_sums(connection, prices, Scope("support-triage"), [within])
            taken.append(connection.execute("SELECT count(*) FROM left_out").fetchone())
    assert taken == [(1,), (3,), (2,)]


@pytest.mark.parametrize("by", [None, "version", "day", "tenant", "model", "step"])
def test_a_report_is_the_same_by_sums_and_by_rows(tmp_path: Path, prices: Prices, by: By | None) -> None:
    rows, sums = _both(tmp_path)
    for since, until in ((NINE, _END), (NINE + MINUTE, NINE + 4 * HOUR + MINUTE)):
        by_rows, by_sums = (
            cost(facts, prices, "support-triage", since=since, until=until, by=by) for facts in (rows, sums)
        )
        assert by_sums == by_rows


@pytest.mark.parametrize("window", [timedelta(minutes=90), 3 * HOUR, 6 * HOUR, timedelta(days=30)])
def test_metrics_are_the_same_by_sums_and_by_rows(tmp_path: Path, prices: Prices, window: timedelta) -> None:
    rows, sums = _both(tmp_path)
    by_rows, by_sums = (
        metrics(facts, prices, "support-triage", window, clock=lambda: _END - MINUTE) for facts in (rows, sums)
    )
    assert by_sums == by_rows
