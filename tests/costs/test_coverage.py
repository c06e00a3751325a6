"""The interval holds the truth about as often as it says, for as few and as uneven tenants as it is given for."""

from __future__ import annotations

import math
import random

import pytest

from agent_deploy.costs.compare import FEWEST_TENANTS, CallCounts, compare
from agent_deploy.costs.mix import Amounts, Cell, Side

_TRUTH = 1.2
_TIMES = 300
_SIDES: tuple[Side, Side] = ("from", "to")


@pytest.mark.slow
@pytest.mark.parametrize("spread", [0.0, 0.1], ids=["one ratio for all", "a ratio of its own for each tenant"])
@pytest.mark.parametrize(
    "sizes",
    [
        [1.0] * FEWEST_TENANTS,
        [1 / rank for rank in range(1, FEWEST_TENANTS + 1)],
        [1.0] * 12,
        [1 / rank for rank in range(1, 13)],
        [4.0] + [1.0] * 6,
        [1.0] * 40,
    ],
    ids=["fewest", "fewest, uneven", "twelve", "twelve, uneven", "one of four in ten calls", "forty"],
)
def test_of_intervals_at_95_percent_nine_in_ten_and_more_hold_the_truth(sizes: list[float], spread: float) -> None:
    held = sum(_holds(sizes, spread, random.Random(seed)) for seed in range(_TIMES))
    assert held / _TIMES >= 0.90


def _holds(sizes: list[float], spread: float, source: random.Random) -> bool:
    cells = [
        cell for number, size in enumerate(sizes) for cell in _tenant(f"t{number}", size / sum(sizes), spread, source)
    ]
    delta = compare(1, 2, cells, CallCounts(2000), CallCounts(2000))
    assert delta.low is not None
    assert delta.high is not None
    return delta.low <= _TRUTH <= delta.high


def _tenant(name: str, share: float, spread: float, source: random.Random) -> list[Cell]:
    """Calls cost by a log-normal distribution, around a level and with a ratio of the tenant's own."""
    level = math.exp(source.gauss(0, 0.5))
    ratio = _TRUTH * math.exp(source.gauss(0, spread) - spread**2 / 2)
    calls = max(5, round(2000 * share))
    cells = []
    for side in _SIDES:
        usd = math.fsum(level * math.exp(source.gauss(0, 0.6)) for _ in range(calls)) * (ratio if side == "to" else 1)
        amounts = Amounts(calls, calls * 100, 0, 0, calls * 10, usd, 0, 0, 0, 0, usd)
        cells.append(Cell(side, "production", name, 0, 5, "m", calls, amounts))
    return cells
