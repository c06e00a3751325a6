"""The delta in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent_deploy.costs.compare import CallCounts, CostDelta, Needed
from agent_deploy.costs.drivers import Driver
from agent_deploy.costs.wording import percent, sentence

_DELTA = CostDelta(
    from_version=41, to_version=42, verdict="dearer", why="", needed=None, enough=True, from_usd=0.01,
    to_usd=0.0118, ratio=1.18, low=1.11, high=1.25, raw_from_usd=0.01, raw_to_usd=0.013,
    drivers=(
        Driver("input_length", 1.004), Driver("output_length", 1.21), Driver("model_calls", 1.0),
        Driver("cache", 0.97), Driver("price", 1.0),
    ),
    price_change=1.0, calls_from=CallCounts(5000), calls_to=CallCounts(5000), matched_from=5000, matched_to=5000,
    tenants=12, matched_by_model=True,
)  # fmt: skip


@pytest.mark.parametrize(
    ("delta", "words"),
    [
        (
            _DELTA,
            "version 42 costs 18 % more per call than 41 (95 % CI 11 to 25 %): longer outputs +21 %, "
            "better caching −3 %",
        ),
        (
            replace(_DELTA, verdict="cheaper", ratio=0.8, low=0.75, high=0.9, drivers=(Driver("price", 0.8),)),
            "version 42 costs 20 % less per call than 41 (95 % CI 10 to 25 %): cheaper tokens −20 %",
        ),
        (
            replace(_DELTA, verdict="same", ratio=1.01, low=0.98, high=1.03),
            "version 42 costs the same per call as 41, within 5 % (95 % CI −2 to 3 %)",
        ),
        (
            replace(_DELTA, verdict="dearer", ratio=1.02, low=1.002, high=1.04, drivers=()),
            "version 42 costs 2 % more per call than 41 (95 % CI 0.2 to 4 %)",
        ),
        (
            replace(_DELTA, verdict="not_enough_data", why="the interval holds both", needed=Needed(12_000, 15)),
            "not enough data to compare version 42 with 41: the interval holds both; needed: about 12,000 calls of "
            "each version from 15 tenants",
        ),
        (
            replace(
                _DELTA, verdict="not_enough_data", why="4 and 9 calls", needed=Needed(100, 5), tenants=0, ratio=None
            ),
            "not enough data to compare version 42 with 41: 4 and 9 calls; needed: about 100 calls of each version",
        ),
    ],
)
def test_the_sentence(delta: CostDelta, words: str) -> None:
    assert sentence(delta) == words


@pytest.mark.parametrize(
    ("ratio", "told"), [(1.214, "+21 %"), (0.97, "−3 %"), (1.004, "±0 %"), (11.0, "+1,000 %"), (0.5, "−50 %")]
)
def test_a_ratio_is_told_as_a_change(ratio: float, told: str) -> None:
    assert percent(ratio) == told
