"""How far from a moment an answer looks that may not take longer because there are more calls."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from agent_deploy.telemetry.facts.segments import Segment, within_bytes
from tests.telemetry.facts.made import HOUR, MINUTE, NINE, call, kept_in, seal


def _hours(*sizes: int) -> list[Segment]:
    """Two segments an hour, from nine on, which come to so many bytes."""
    return [
        Segment(NINE + number * HOUR, f"sha256:{part}", size // 2)
        for number, size in enumerate(sizes)
        for part in ("a", "b")
    ]


def test_hours_beside_the_moments_own_are_taken_until_they_come_to_the_limit() -> None:
    segments = _hours(40, 40, 40, 999, 60, 30, 30)
    assert within_bytes(segments, NINE + 3 * HOUR + MINUTE, 100) == (NINE + HOUR, NINE + 6 * HOUR)


def test_what_comes_to_less_has_no_bound() -> None:
    assert within_bytes(_hours(10, 10, 10), NINE + HOUR, 10) == (None, None)
    assert within_bytes([], NINE, 10) == (None, None)


def test_an_hour_on_each_side_is_taken_however_large_it_is() -> None:
    assert within_bytes(_hours(50, 70, 10, 70, 50), NINE + 2 * HOUR, 20) == (NINE + HOUR, NINE + 4 * HOUR)


def test_the_reach_is_never_longer_than_what_was_asked_for(tmp_path: Path) -> None:
    facts = kept_in(tmp_path, at=NINE + 9 * HOUR)
    for number in range(6):
        seal(facts, call(number + 1, NINE + number * HOUR))
    at, until = NINE + 3 * HOUR, NINE + 9 * HOUR
    assert facts.reach(at, NINE + MINUTE, until, 2**30) == (NINE + MINUTE, None)
    assert facts.reach(at, NINE + MINUTE, until, 1) == (NINE + 2 * HOUR, NINE + 5 * HOUR)
    assert facts.reach(at, at - timedelta(minutes=1), until, 1) == (at - timedelta(minutes=1), NINE + 5 * HOUR)
