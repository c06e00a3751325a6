"""Prices: every token counted once, at the price of its day, and unknown rather than wrong."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from genai_prices import Usage as LibraryUsage
from genai_prices.data_snapshot import get_snapshot
from hypothesis import given
from hypothesis import strategies as st

from agent_deploy.costs.price_file import PriceEntry, PriceFile, read_price_file
from agent_deploy.costs.prices import Prices, cost_of, open_prices
from agent_deploy.costs.rates import Rates
from agent_deploy.costs.usage import ModelCall, Usage
from registry.blobs import digest_of
from registry.errors import BadInput

_NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
_OWN = """\
[[price]]
provider = "openai"
model = "ft-triage"
from = "2026-01-01"
input = 2.50
output = 10.00
cache_read = 0.25
cache_write = 3.75
reasoning = 12
"""


def _own(folder: Path, text: str) -> Prices:
    (folder / "prices.toml").write_text(text)
    return open_prices(folder / "prices.toml")


def _price(prices: Prices, model: str, usage: Usage, at: datetime = _NOON, provider: str = "openai") -> Decimal | None:
    return prices.price(ModelCall(provider, model, usage), at)


def test_each_token_is_counted_in_one_class() -> None:
    rates = Rates(
        input=Decimal("2.5"), output=Decimal(10), cache_read=Decimal("0.25"), cache_write=Decimal("3.75"),
        reasoning=Decimal(12), request=Decimal("0.005"),
    )  # fmt: skip
    usage = Usage(input=1_000_000, output=500_000, cache_read=600_000, cache_write=100_000, reasoning=200_000)
    assert rates.price(usage) == sum(
        map(Decimal, ("0.75", "0.15", "0.375", "3", "2.4", "0.005"))
    )  # 300 k fresh, 600 k read, 100 k written, 300 k spoken, 200 k reasoned, one request


def test_a_class_without_a_price_of_its_own_costs_as_its_whole() -> None:
    rates = Rates(Decimal(2), Decimal(8))
    assert rates.price(Usage(1_000_000, 1_000_000, 400_000, 300_000, 500_000)) == Decimal(10)


@pytest.mark.parametrize(
    ("usage", "why"),
    [
        (Usage(), "nobody reported any tokens"),
        (Usage(100, 10, cache_read=80, cache_write=21), "more from the cache than there was"),
        (Usage(100, 10, reasoning=11), "more reasoning than output"),
        (Usage(-1, 10), "less than none"),
        (Usage(100, 10, cache_read=-5), "less than none"),
    ],
)
def test_tokens_that_do_not_add_up_have_no_price(usage: Usage, why: str) -> None:
    assert Rates(Decimal(2), Decimal(8)).price(usage) is None


def test_output_without_a_price_for_it_is_unknown_and_no_output_is_free() -> None:
    embedding = Rates(Decimal("0.02"))
    assert (embedding.price(Usage(1_000_000)), embedding.price(Usage(1_000_000, 1))) == (Decimal("0.02"), None)


def test_caching_is_not_paid_for_as_fresh_input() -> None:
    """gpt-5-mini: 0.25 USD a million in, 0.025 from the cache, 2 out."""
    assert _price(open_prices(), "gpt-5-mini", Usage(10_000, 100, cache_read=9_000)) == Decimal("0.000675")


@given(
    fresh=st.integers(1, 400_000), read=st.integers(0, 400_000), written=st.integers(0, 400_000),
    spoken=st.integers(0, 100_000), reasoned=st.integers(0, 100_000), days=st.integers(0, 1200), data=st.data(),
)  # fmt: skip
def test_every_model_of_the_price_data_costs_what_the_library_says(
    fresh: int, read: int, written: int, spoken: int, reasoned: int, days: int, data: st.DataObject
) -> None:
    provider = data.draw(st.sampled_from(get_snapshot().providers).filter(lambda provider: bool(provider.models)))
    model = data.draw(st.sampled_from(provider.models))
    at = _NOON - timedelta(days=days, minutes=data.draw(st.integers(0, 1439)))
    rates = _rates_of(model.id, provider.id, fresh + read + written, at)
    usage = Usage(fresh + read + written, spoken + reasoned if rates and rates.output is not None else 0, read, written)
    usage = Usage(usage.input, usage.output, read, written, min(reasoned, usage.output))
    ours = _price(open_prices(), model.id, usage, at, provider.id)
    if rates is None:
        assert ours is None
        return
    found = get_snapshot().find_provider_model(model.id, None, provider.id, None)
    theirs = found[1].calc_price(
        LibraryUsage(
            input_tokens=usage.input, output_tokens=usage.output, cache_read_tokens=read, cache_write_tokens=written,
            output_reasoning_tokens=usage.reasoning,
        ),
        found[0], genai_request_timestamp=at,
    )  # fmt: skip
    assert ours == theirs.total_price


def _rates_of(model: str, provider: str, tokens: int, at: datetime) -> Rates | None:
    return open_prices().rates(provider, model, tokens, at)


def test_a_long_prompt_pays_the_price_of_its_tier_for_all_its_tokens() -> None:
    prices = open_prices()
    below = prices.rates("google", "gemini-2.5-pro", 200_000, _NOON)
    above = prices.rates("google", "gemini-2.5-pro", 200_001, _NOON)
    assert below is not None
    assert above is not None
    assert (below.input, above.input) == (Decimal("1.25"), Decimal("2.5"))


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("local", "gemma3-270m"),
        ("openai", "no-such-model"),
        ("", "gpt-5-mini"),
        ("azure", "mai-ds-r1:free"),  # the data lists it without any price
    ],
)
def test_an_unknown_price_is_unknown_and_never_nothing(provider: str, model: str) -> None:
    assert _price(open_prices(), model, Usage(1000, 100), provider=provider) is None


@pytest.mark.parametrize(
    ("name", "same_as", "model"),
    [
        ("bedrock", "aws", "amazon.nova-lite-v1:0"),
        ("aws.bedrock", "aws", "amazon.nova-lite-v1:0"),
        ("x_ai", "x-ai", "grok-3"),
        ("gcp.gen_ai", "google", "gemini-2.5-pro"),
        ("azure.ai.inference", "azure", "gpt-4o"),
        ("az.ai.inference", "azure", "gpt-4o"),
    ],
)
def test_the_names_that_bundles_and_traces_give_providers_are_understood(name: str, same_as: str, model: str) -> None:
    usage = Usage(1000, 100)
    price = _price(open_prices(), model, usage, provider=same_as)
    assert price is not None
    assert _price(open_prices(), model, usage, provider=name) == price


def test_a_price_of_ones_own_comes_first_and_from_its_day_on(tmp_path: Path) -> None:
    prices = _own(
        tmp_path,
        """\
[[price]]
provider = "openai"
model = "gpt-5-mini"
from = 2026-06-01
input = 1
[[price]]
provider = "openai"
model = "gpt-5-mini"
from = "2026-09-01"
input = 0.5
""",
    )
    data = open_prices()
    usage = Usage(1_000_000)
    moments = [datetime(2026, 5, 31, 23, 59, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC), _NOON]
    assert [_price(prices, "gpt-5-mini", usage, at) for at in moments] == [
        _price(data, "gpt-5-mini", usage, moments[0]), Decimal(1), Decimal("0.5"),
    ]  # fmt: skip


def test_the_day_of_a_call_is_that_of_utc(tmp_path: Path) -> None:
    prices = _own(tmp_path, '[[price]]\nprovider = "p"\nmodel = "m"\nfrom = "2026-06-01"\ninput = 1\n')
    evening_before = datetime(2026, 5, 31, 23, tzinfo=timezone(timedelta(hours=-2)))
    assert _price(prices, "m", Usage(1_000_000), evening_before, "p") == Decimal(1)


def test_a_whole_name_beats_a_prefix_and_a_longer_prefix_a_shorter_one(tmp_path: Path) -> None:
    prices = _own(
        tmp_path,
        """\
price = [
  {provider = "p", model_prefix = "llama", from = "2026-06-01", input = 1},
  {provider = "p", model_prefix = "llama-8b", input = 2},
  {provider = "p", model = "llama-8b-ft", input = 3},
]
""",
    )
    found = [
        _price(prices, model, Usage(1_000_000), provider="P") for model in ("LLAMA-3", "llama-8b-x", "Llama-8b-FT")
    ]
    assert found == [Decimal(1), Decimal(2), Decimal(3)]


def test_a_free_model_is_free_when_the_file_says_so(tmp_path: Path) -> None:
    prices = _own(tmp_path, '[[price]]\nprovider = "local"\nmodel_prefix = "gemma"\ninput = 0\noutput = 0\n')
    assert _price(prices, "gemma3-270m", Usage(1000, 10), provider="local") == 0


def test_another_currency_is_converted(tmp_path: Path) -> None:
    text = 'currency = "EUR"\nusd_per_unit = 1.10\n[[price]]\nprovider = "p"\nmodel = "m"\ninput = 2\noutput = 0.5\n'
    assert _price(_own(tmp_path, text), "m", Usage(1_000_000, 1_000_000), provider="p") == Decimal("2.75")


def test_the_file_is_read_as_written(tmp_path: Path) -> None:
    (tmp_path / "prices.toml").write_text(_OWN)
    rates = Rates(*map(Decimal, ("2.50", "10.00", "0.25", "3.75", "12")))
    assert read_price_file(tmp_path / "prices.toml") == PriceFile(
        (PriceEntry("openai", "ft-triage", False, date(2026, 1, 1), rates),), digest_of(_OWN.encode())
    )


def test_the_version_names_the_data_and_the_own_file_by_its_digest(tmp_path: Path) -> None:
    digest = digest_of(_OWN.encode())
    data = open_prices().version
    assert data.startswith("genai-prices ")
    assert _own(tmp_path, _OWN).version == f"{data}, prices.toml {digest[:19]}"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("input = 2.50", "inptu = 2.50", "1: unknown key 'inptu'; did you mean 'input'?"),
        ("input = 2.50\n", "", "1: 'input' is missing, USD per million tokens"),
        ("input = 2.50", "input = -1", "1: 'input' must be a number of at least 0, not -1"),
        ("input = 2.50", "input = nan", "1: 'input' must be a number of at least 0, not NaN"),
        ("input = 2.50", "input = true", "1: 'input' must be a number, not True"),
        ("input = 2.50", 'input = "2.50"', "1: 'input' must be a number, not '2.50'"),
        ('provider = "openai"\n', "", "1: 'provider' must be text in quotes"),
        ('provider = "openai"', "provider = 1", "1: 'provider' must be text in quotes, not 1"),
        ('model = "ft-triage"\n', "", "1: a [[price]] has a 'model' or a 'model_prefix'"),
        ('model = "ft', 'model_prefix = "ft"\nmodel = "ft', "1: a [[price]] has a 'model' or a 'model_prefix'"),
        ('"2026-01-01"', '"January"', "1: 'from' must be a day as 2026-01-31, not 'January'"),
        ("[[price]]", "[price]", " 'price' must be tables, [[price]]"),
        ("[[price]]", "[[prices]]", " unknown key 'prices'; did you mean 'price'?"),
        ("[[price]]", 'currency = "EUR"\n[[price]]', " currency 'EUR' needs 'usd_per_unit', what one of it is in USD"),
        ("[[price]]", "usd_per_unit = 2\n[[price]]", " 'usd_per_unit' is for another currency than USD"),
        (
            "reasoning = 12\n",
            f"reasoning = 12\n{_OWN}",
            "10: another [[price]] says the same provider, model, tier and from",
        ),
        ("input = 2.50", "input =", " not TOML: Invalid value (at line 5, column 8)"),
    ],
)
def test_a_fault_names_file_line_and_key(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(BadInput) as refused:
        _own(tmp_path, _OWN.replace(old, new))
    assert refused.value.message == f"{tmp_path}/prices.toml:{message}"


def test_a_tier_has_prices_of_its_own_and_never_those_of_another(tmp_path: Path) -> None:
    prices = _own(tmp_path, _OWN + '[[price]]\nprovider = "openai"\nmodel = "ft-triage"\ntier = "batch"\ninput = 1\n')

    def rate(model: str, tier: str) -> Decimal | None:
        rates = prices.rates("openai", model, 100, _NOON, tier)
        return rates.input if rates else None

    own = [rate("ft-triage", tier) for tier in ("", "batch", "BATCH", "priority")]
    assert own == [Decimal("2.50"), Decimal(1), Decimal(1), None]
    standard, batch, flex = (rate("gpt-5-mini", tier) for tier in ("", "batch", "flex"))
    assert standard is not None
    assert (batch, flex, rate("gpt-5-mini", "turbo")) == (standard / 2, standard / 2, None)


def test_what_bundles_and_spans_call_a_provider_is_one(tmp_path: Path) -> None:
    prices = _own(tmp_path, _OWN.replace('"openai"', '"bedrock"'))
    assert [prices.rates(name, "ft-triage", 1, _NOON) is not None for name in ("bedrock", "aws.bedrock", "openai")] == [
        True, True, False,
    ]  # fmt: skip


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none\.toml cannot be read: No such file"):
        open_prices(tmp_path / "none.toml")


def test_costs_add_up_exactly_and_one_unknown_makes_the_sum_unknown() -> None:
    prices = open_prices()
    known = ModelCall("openai", "gpt-5-mini", Usage(1_000, 0))
    calls = [known] * 10
    assert cost_of(calls, prices, _NOON) == (Decimal("0.0025"), ())
    unknown = [ModelCall("local", name, Usage(1, 1)) for name in ("b", "a", "b")]
    assert cost_of([*calls, *unknown], prices, _NOON) == (None, ("local/a", "local/b"))


def test_without_calls_nothing_is_known_of_the_cost() -> None:
    assert cost_of([], open_prices(), _NOON) == (None, ())
