"""Periods: stretches of time and prompt length within which every call pays the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_deploy.costs.periods import Period, Source, periods
from agent_deploy.costs.prices import Prices
from tests.costs.traffic import prices

_FIRST = datetime(2026, 10, 1, 7, 30, tzinfo=UTC)
_LAST = datetime(2026, 11, 24, 12, tzinfo=UTC)
_SOURCES = [
    Source("openai", "gpt-5-mini"),
    Source("openai", "gpt-5-mini", "batch"),
    Source("google", "gemini-2.5-pro"),
    Source("deepseek", "deepseek-chat"),
    Source("anthropic", "claude-sonnet-4-5"),
    Source("nobody", "nothing"),
]
_PRICES = Prices()
_FOUND = {source: periods(_PRICES, source, _FIRST, _LAST) for source in _SOURCES}


@given(
    source=st.sampled_from(_SOURCES),
    second=st.integers(0, int((_LAST - _FIRST).total_seconds())),
    tokens=st.one_of(st.integers(0, 10**6), st.sampled_from([199_999, 200_000, 200_001])),
)
def test_each_call_is_in_one_period_and_pays_its_rates(source: Source, second: int, tokens: int) -> None:
    at = _FIRST + timedelta(seconds=second)
    found = [period for period in _FOUND[source] if period.covers(at, tokens)]
    expected = _PRICES.rates(source.provider, source.model, tokens, at, source.tier)
    assert [period.rates for period in found] == [expected]


def test_a_price_that_never_changes_is_one_period() -> None:
    assert len(_FOUND[Source("openai", "gpt-5-mini")]) == 1


def test_prices_by_time_of_day_and_by_length_make_several() -> None:
    assert len(_FOUND[Source("deepseek", "deepseek-chat")]) > 50
    assert {period.up_to for period in _FOUND[Source("google", "gemini-2.5-pro")]} == {200_000, 2**62}


def test_a_price_of_ones_own_changes_on_its_day(tmp_path: Path) -> None:
    own = prices(tmp_path)
    first, last = datetime(2026, 11, 22, 9, tzinfo=UTC), datetime(2026, 11, 25, 9, tzinfo=UTC)
    turn = datetime(2026, 11, 24, tzinfo=UTC)
    before, after = (own.rates("acme", "dated", 1, at) for at in (first, last))
    assert before != after
    assert periods(own, Source("acme", "dated"), first, last) == (
        Period(datetime(2026, 11, 22, tzinfo=UTC), turn, -1, 2**62, before),
        Period(turn, datetime(2026, 11, 26, tzinfo=UTC), -1, 2**62, after),
    )


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (Source("openai", "gpt-5"), "openai/gpt-5"),
        (Source("openai", "gpt-5", "batch"), "openai/gpt-5 (batch)"),
        (Source("", ""), "?/?"),
    ],
)
def test_a_source_is_told_in_one_word(source: Source, told: str) -> None:
    assert str(source) == told
