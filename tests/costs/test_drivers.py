"""Drivers: a ratio of costs told apart into five reasons, whose product it is."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_deploy.costs.drivers import NAMES, Driver, Name, drivers
from agent_deploy.costs.mix import Amounts


def amounts(
    calls: float = 2.0,
    input_: float = 1000.0,
    output: float = 100.0,
    read: float = 0.0,
    write: float = 0.0,
    price: float = 1.0,
    fee: float = 0.0,
) -> Amounts:
    """A mean call of so many model calls. input_, output: tokens a model call. read, write: shares of the input. price:
    of a fresh token; reading from the cache costs a tenth, writing 1.25 times, output ten times that.
    """
    tokens, spoken = calls * input_, calls * output
    fresh = tokens * (1 - read - write)
    costs = (fresh * price, tokens * read * price / 10, tokens * write * price * 1.25, spoken * price * 10, calls * fee)
    return Amounts(calls, tokens, tokens * read, tokens * write, spoken, *costs, sum(costs))


_factor = st.floats(0.01, 100.0)
_share = st.floats(0.0, 0.5)
_ANY = st.builds(
    amounts,
    calls=_factor,
    input_=st.one_of(st.just(0.0), st.floats(1, 1e5)),
    output=st.one_of(st.just(0.0), st.floats(1, 1e5)),
    read=_share,
    write=_share,
    price=_factor,
    fee=st.one_of(st.just(0.0), _factor),
).filter(lambda each: each.cost_usd > 0)


@given(_ANY, _ANY)
def test_their_product_is_the_ratio(old: Amounts, new: Amounts) -> None:
    product = math.prod(driver.ratio for driver in drivers(old, new))
    assert product == pytest.approx(new.cost_usd / old.cost_usd, rel=1e-6)


@given(_ANY, _ANY)
def test_swapped_versions_have_the_inverse_drivers(old: Amounts, new: Amounts) -> None:
    there, back = drivers(old, new), drivers(new, old)
    assert [driver.ratio for driver in there] == pytest.approx([1 / driver.ratio for driver in back], rel=1e-6)


@given(_ANY)
def test_nothing_drives_what_is_the_same(same: Amounts) -> None:
    assert drivers(same, same) == tuple(Driver(name, 1.0) for name in NAMES)


@pytest.mark.parametrize(
    ("new", "name", "ratio"),
    [
        (amounts(calls=3.0, fee=5.0), "model_calls", 1.5),
        (amounts(price=2.0, fee=10.0), "price", 2.0),
        (amounts(input_=2000.0, fee=5.0), "input_length", 3005 / 2005),
        (amounts(output=150.0, fee=5.0), "output_length", 2505 / 2005),
        (amounts(read=0.5, fee=5.0), "cache", 1555 / 2005),
        (amounts(write=0.5, fee=5.0), "cache", 2130 / 2005),
    ],
)
def test_a_single_change_is_put_down_to_its_own_driver(new: Amounts, name: Name, ratio: float) -> None:
    found = {driver.name: driver.ratio for driver in drivers(amounts(fee=5.0), new)}
    assert found == {each: pytest.approx(ratio if each == name else 1.0) for each in NAMES}


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        (amounts(output=0.0), amounts(output=100.0), "output_length"),
        (amounts(input_=0.0), amounts(), "input_length"),
        (amounts(), amounts(fee=1.0), "price"),
    ],
)
def test_what_was_not_there_at_all_is_put_down_to_what_was_missing(old: Amounts, new: Amounts, name: Name) -> None:
    found = {driver.name: driver.ratio for driver in drivers(old, new)}
    ratio = new.cost_usd / old.cost_usd
    assert found == {each: pytest.approx(ratio if each == name else 1.0) for each in NAMES}


def test_there_are_none_where_one_version_cost_nothing() -> None:
    assert drivers(Amounts(), amounts()) == drivers(amounts(), Amounts()) == ()
