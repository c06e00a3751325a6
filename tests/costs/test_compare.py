"""The fair delta: simulated traffic whose truth is known, and how the comparison keeps from being fooled."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from agent_deploy.costs.compare import CallCounts, CostDelta, Needed, compare
from agent_deploy.costs.mix import Amounts, Cell, Side
from agent_deploy.costs.wording import sentence
from agent_deploy.operations.cost_delta import fair_delta
from agent_deploy.telemetry.facts.fact import Fact
from registry.errors import BadInput
from tests.costs.traffic import HOUR, NOON, WORKFLOW, Step, call, prices, step, store_of

_TENANTS = [f"tenant-{number}" for number in range(10)]
_Make = Callable[[random.Random], Sequence[Step]]


def _calls(
    version: int,
    make: _Make,
    count: int = 400,
    tenants: Sequence[str] = _TENANTS,
    at: datetime = NOON,
    environment: str = "production",
) -> list[list[Fact]]:
    """Calls of one version, spread over tenants; the same draws for every version, which differ by `make` alone."""
    source = random.Random("".join(tenants))
    return [
        call(*make(source), at=at, version=version, tenant=tenants[number % len(tenants)], environment=environment)
        for number in range(count)
    ]


def _delta(folder: Path, *calls: Iterable[list[Fact]]) -> CostDelta:
    facts = store_of(folder, [each for group in calls for each in group])
    own = prices(folder)
    return fair_delta(facts, own, WORKFLOW, 41, 42, since=NOON - HOUR, until=NOON + HOUR, clock=lambda: NOON + HOUR)


def _drivers(delta: CostDelta) -> dict[str, float]:
    """Those that count."""
    return {str(each.name): round(each.ratio, 3) for each in delta.drivers if abs(each.ratio - 1) > 0.005}


def _plain(source: random.Random) -> list[Step]:
    return [step(500 + source.randrange(500), 50 + source.randrange(50))]


def _longer(source: random.Random) -> list[Step]:
    return [step(each.input, 2 * (each.output or 0)) for each in _plain(source)]


def test_longer_outputs_cost_more_and_are_named(tmp_path: Path) -> None:
    delta = _delta(tmp_path, _calls(41, _plain), _calls(42, _longer))
    expected = (750 + 2 * 750) / (750 + 750)
    assert (delta.verdict, delta.why, delta.needed) == ("dearer", "", None)
    assert delta.ratio == pytest.approx(expected, rel=0.02)
    assert delta.raw_ratio == pytest.approx(delta.ratio)
    assert _drivers(delta) == {"output_length": pytest.approx(delta.ratio, abs=0.001)}
    assert (delta.calls_from, delta.calls_to) == (CallCounts(400), CallCounts(400))
    assert (delta.matched_from, delta.matched_to, delta.tenants, delta.matched_by_model) == (400, 400, 10, True)


def test_swapped_versions_give_the_inverse(tmp_path: Path) -> None:
    there = _delta(tmp_path / "there", _calls(41, _plain), _calls(42, _longer))
    back = _delta(tmp_path / "back", _calls(42, _plain), _calls(41, _longer))
    assert (there.verdict, back.verdict) == ("dearer", "cheaper")
    assert there.ratio is not None
    assert back.ratio == pytest.approx(1 / there.ratio)


def test_another_mix_of_tenants_fools_the_raw_figure_and_not_the_fair_one(tmp_path: Path) -> None:
    def of(tenant: str) -> _Make:
        length = 4000 if tenant < "tenant-5" else 400
        return lambda source: [step(length + source.randrange(100), 10)]

    calls = []
    for number, tenant in enumerate(_TENANTS):
        few, many = 20, 80
        old, new = (few, many) if number < 5 else (many, few)
        calls += _calls(41, of(tenant), old, [tenant]) + _calls(42, of(tenant), new, [tenant])
    delta = _delta(tmp_path, calls)
    assert delta.raw_ratio is not None
    assert delta.raw_ratio > 2
    assert delta.verdict == "same"
    assert delta.ratio == pytest.approx(1.0, abs=0.03)


def test_simpsons_paradox_is_not_fallen_for(tmp_path: Path) -> None:
    """Cheaper for every tenant, and dearer in all, for the new version is asked the dear things."""

    def costs(usual: int, share: float) -> _Make:
        return lambda source: [step(int(share * (usual + source.randrange(100))), 10)]

    calls = []
    for number, tenant in enumerate(_TENANTS):
        usual = 8000 if number < 5 else 800
        old, new = (20, 80) if number < 5 else (80, 20)
        calls += _calls(41, costs(usual, 1.0), old, [tenant]) + _calls(42, costs(usual, 0.8), new, [tenant])
    delta = _delta(tmp_path, calls)
    assert delta.raw_ratio is not None
    assert delta.raw_ratio > 1.5
    assert delta.verdict == "cheaper"
    assert delta.ratio == pytest.approx(0.8, abs=0.03)


def test_longer_questions_are_mix_and_a_longer_prompt_is_the_versions_own(tmp_path: Path) -> None:
    def asked(prompt: int, long_share: float) -> _Make:
        def make(source: random.Random) -> list[Step]:
            question = 4000 if source.random() < long_share else 100
            return [step(prompt + question + source.randrange(20), 10)]

        return make

    questions = _delta(tmp_path / "q", _calls(41, asked(300, 0.2), 1000), _calls(42, asked(300, 0.6), 1000))
    assert questions.raw_ratio is not None
    assert questions.raw_ratio > 1.5
    assert questions.ratio == pytest.approx(1.0, abs=0.02)
    prompt = _delta(tmp_path / "p", _calls(41, asked(300, 0.2), 1000), _calls(42, asked(1300, 0.2), 1000))
    assert prompt.verdict == "dearer"
    assert prompt.ratio == pytest.approx((1300 + 890 + 100) / (300 + 890 + 100), rel=0.05)
    assert list(_drivers(prompt)) == ["input_length"]


def test_better_caching_is_told_from_shorter_inputs(tmp_path: Path) -> None:
    def cached(share: float) -> _Make:
        return lambda source: [step(1000 + source.randrange(100), 10, cache_read_tokens=int(1000 * share))]

    delta = _delta(tmp_path, _calls(41, cached(0.2)), _calls(42, cached(0.8)))
    assert (delta.verdict, list(_drivers(delta))) == ("cheaper", ["cache"])


def test_retries_and_tool_loops_are_more_model_calls(tmp_path: Path) -> None:
    def tried(times: int) -> _Make:
        return lambda _: [step(1000, 50, attempt=number) for number in range(1, times + 1)]

    delta = _delta(tmp_path, _calls(41, tried(1)), _calls(42, tried(2)))
    assert (delta.verdict, _drivers(delta)) == ("dearer", {"model_calls": 2.0})
    assert delta.ratio == pytest.approx(2.0)


def test_requests_that_were_refused_are_no_model_calls(tmp_path: Path) -> None:
    def refused(source: random.Random) -> list[Step]:
        return [step(None, None, failed=True), *_plain(source)]

    delta = _delta(tmp_path, _calls(41, _plain), _calls(42, refused))
    assert (delta.verdict, _drivers(delta)) == ("same", {})
    assert delta.ratio == pytest.approx(1.0)


def test_a_price_that_changed_meanwhile_is_on_its_own_line(tmp_path: Path) -> None:
    def dated(source: random.Random) -> list[Step]:
        return [step(1000 + source.randrange(100), 50, "dated")]

    day = timedelta(days=1)
    facts = store_of(tmp_path, [*_calls(41, dated, at=NOON - day), *_calls(42, dated)])
    delta = fair_delta(facts, prices(tmp_path), WORKFLOW, 41, 42, since=NOON - 2 * day, clock=lambda: NOON + HOUR)
    assert (delta.verdict, _drivers(delta)) == ("same", {})
    assert [delta.ratio, delta.price_change] == [pytest.approx(1.0), pytest.approx(2.0)]


def test_a_dearer_model_is_dearer_tokens_and_calls_are_not_matched_by_model(tmp_path: Path) -> None:
    def large(source: random.Random) -> list[Step]:
        return [step(each.input, each.output, "large") for each in _plain(source)]

    delta = _delta(tmp_path, _calls(41, _plain), _calls(42, large))
    assert (delta.verdict, delta.matched_by_model, _drivers(delta)) == ("dearer", False, {"price": 10.0})
    assert delta.ratio == pytest.approx(10.0)


def test_calls_are_matched_by_model_where_both_versions_have_the_same(tmp_path: Path) -> None:
    def routed(share: float) -> _Make:
        return lambda source: [step(1000, 50, "large" if source.random() < share else "small")]

    delta = _delta(tmp_path, _calls(41, routed(0.2), 1000), _calls(42, routed(0.5), 1000))
    assert delta.raw_ratio is not None
    assert delta.raw_ratio > 1.5
    assert delta.matched_by_model
    assert delta.ratio == pytest.approx(1.0)


def test_without_tenants_calls_are_dealt_into_groups(tmp_path: Path) -> None:
    delta = _delta(tmp_path, _calls(41, _plain, tenants=[""]), _calls(42, _longer, tenants=[""]))
    assert (delta.verdict, delta.tenants) == ("dearer", 0)
    assert delta.ratio == pytest.approx(1.5, rel=0.05)


def test_environments_are_not_mixed(tmp_path: Path) -> None:
    delta = _delta(tmp_path, _calls(41, _plain), _calls(42, _longer, environment="staging"))
    assert (delta.verdict, delta.why, delta.ratio) == (
        "not_enough_data",
        "only 0 of 400 calls have their like with the other version",
        None,
    )


@pytest.mark.parametrize(
    ("old", "new", "tenants", "why"),
    [
        (400, 20, 10, "400 and 20 calls, and 100 of each are needed"),
        (0, 0, 10, "0 and 0 calls, and 100 of each are needed"),
        (400, 400, 3, "3 tenants have called both versions, and 5 are needed"),
    ],
)
def test_too_little_gives_no_verdict_but_what_it_takes(
    tmp_path: Path, old: int, new: int, tenants: int, why: str
) -> None:
    names = _TENANTS[:tenants]
    delta = _delta(tmp_path, _calls(41, _plain, old, names), _calls(42, _longer, new, names))
    assert (delta.verdict, delta.why, delta.needed) == ("not_enough_data", why, Needed(100, 5))


def test_one_huge_tenant_gives_no_verdict(tmp_path: Path) -> None:
    names = ["huge"] * 90 + _TENANTS
    delta = _delta(tmp_path, _calls(41, _plain, 1000, names), _calls(42, _longer, 1000, names))
    told = "one tenant makes 90 % of the calls: what holds for it need not hold for others"
    assert (delta.verdict, delta.why) == ("not_enough_data", told)


def test_calls_of_unknown_cost_are_left_out_and_too_many_give_no_verdict(tmp_path: Path) -> None:
    def unpriced(source: random.Random) -> list[Step]:
        return [step(model="nobody")]

    few = _delta(tmp_path / "few", _calls(41, _plain), _calls(42, _longer), _calls(42, unpriced, 5))
    assert (few.verdict, few.calls_to) == ("dearer", CallCounts(405, 5))
    many = _delta(tmp_path / "many", _calls(41, _plain), _calls(42, _longer), _calls(42, unpriced, 100))
    assert (many.verdict, many.why) == ("not_enough_data", "the cost of 100 of 500 calls is unknown")


def test_a_version_is_not_compared_with_itself(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="support-triage@41 is no other version than itself"):
        fair_delta(store_of(tmp_path, []), prices(tmp_path), WORKFLOW, 41, 41, since=NOON)


def test_what_is_needed_settles_it_if_the_ratio_stays() -> None:
    few = compare(1, 2, _uneven_cells(10), CallCounts(1000), CallCounts(1000))
    assert (few.verdict, few.why) == ("not_enough_data", "the interval holds both dearer and cheaper")
    assert few.needed is not None
    tenants = 10 * math.ceil(1.3 * few.needed.tenants / 10)
    many = compare(1, 2, _uneven_cells(tenants), CallCounts(100 * tenants), CallCounts(100 * tenants))
    assert (many.ratio, many.verdict) == (few.ratio, "dearer")
    assert few.needed.calls == pytest.approx(100 * few.needed.tenants, rel=0.1)


def test_the_same_cells_give_the_same_answer_in_any_order() -> None:
    cells = _noisy_cells(1000)
    shuffled = random.Random(1).sample(cells, len(cells))
    first, second = (compare(1, 2, each, CallCounts(1000), CallCounts(1000)) for each in (cells, shuffled))
    assert [first.ratio, first.low, first.high] == [pytest.approx(x) for x in (second.ratio, second.low, second.high)]


def test_what_cost_nothing_with_either_is_the_same() -> None:
    cells = [Cell(side, "", name, 0, 5, "m", 100, Amounts(100.0)) for side in _SIDES for name in _TENANTS]
    delta = compare(1, 2, cells, CallCounts(1000), CallCounts(1000))
    assert (delta.verdict, delta.ratio, delta.drivers) == ("same", None, ())
    assert sentence(delta) == "version 2 costs nothing, and 1 neither"


_SIDES: tuple[Side, Side] = ("from", "to")


def _noisy_cells(count: int) -> list[Cell]:
    """Both versions cost the same, but that calls differ a lot; so many calls of each, of ten tenants."""
    source = random.Random(3)
    each = count // len(_TENANTS)
    cells = []
    for side in _SIDES:
        for name in _TENANTS:
            usd = math.fsum(source.expovariate(1.0) for _ in range(each))
            amounts = Amounts(each, each * 100, 0, 0, each * 10, usd, 0, 0, 0, 0, usd)
            cells.append(Cell(side, "production", name, 0, 5, "m", each, amounts))
    return cells


def _uneven_cells(tenants: int) -> list[Cell]:
    """Half of the tenants pay 40 % more with the new version, half 20 % less: 10 % more in the mean. 100 calls each."""
    cells = []
    for number in range(tenants):
        for side, usd in (("from", 100.0), ("to", 140.0 if number % 2 else 80.0)):
            amounts = Amounts(100, 10_000, 0, 0, 1000, usd, 0, 0, 0, 0, usd)
            cells.append(Cell(_SIDES[side == "to"], "production", f"tenant-{number}", 0, 5, "m", 100, amounts))
    return cells
