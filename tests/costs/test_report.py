"""Cost reports: exact sums of simulated traffic, unknown costs counted and never taken for none."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from agent_deploy.costs.periods import Source
from agent_deploy.costs.prices import Prices
from agent_deploy.costs.rates import Rates
from agent_deploy.costs.report import Line, OutcomeCost, Reported, Spent, Unpriced, lines_of
from agent_deploy.costs.usage import ModelCall, Usage
from agent_deploy.operations.cost import Costs, cost
from agent_deploy.telemetry.facts.fact import Fact
from agent_deploy.telemetry.spending.totals import By
from registry.errors import NotFound
from tests.costs.traffic import HOUR, NOON, WORKFLOW, Step, call, prices, step, store_of

_WHOLE: tuple[By | None, ...] = (None, "version", "tenant", "day")
_Calls = Sequence[Sequence[Fact]]


def _costs(folder: Path, calls: _Calls, by: By | None = None, environment: str | None = None) -> Costs:
    facts = store_of(folder, calls)
    return cost(facts, prices(folder), WORKFLOW, since=NOON - 60 * HOUR, by=by, environment=environment,
                until=NOON + HOUR)  # fmt: skip


def _by(found: Costs, value: Callable[[Line], object]) -> dict[str, object]:
    return {line.group: value(line) for line in found.lines}


def test_the_whole_report_of_a_few_calls(tmp_path: Path) -> None:
    found = _costs(
        tmp_path,
        [
            call(step(1000, 100, cache_read_tokens=500), tools=1, outcome="resolved"),
            call(step(None, None, failed=True), step(2000, 200, attempt=2), outcome="resolved"),
            call(step(3000, 300), failed=True, failure_mode="timeout"),
        ],
    )
    total = Decimal("0.00155") + Decimal("0.004") + Decimal("0.006")
    assert found == Costs(
        workflow=WORKFLOW,
        environment=None,
        since=NOON - 60 * HOUR,
        until=NOON + HOUR,
        by=None,
        lines=(),
        total=Line(
            group="", calls=3, unknown=0, failed=1, retries=1, model_calls=4, tool_calls=1,
            usage=Usage(6000, 600, 500), cost_usd=total, per_call_usd=total / 3,
            outcomes=(OutcomeCost("resolved", 2, total / 2),), reported=None,
        ),
        unpriced=(),
        prices=prices(tmp_path).version,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("version", {"1": (2, "0.002"), "2": (1, "0.004")}),
        ("tenant", {"": (1, "0.004"), "acme": (2, "0.002")}),
        ("day", {"2026-11-23": (1, "0.001"), "2026-11-24": (2, "0.005")}),
        ("model", {"acme/small": (3, "0.005"), "acme/large (batch)": (1, "0.001")}),
        ("step", {"chat small": (3, "0.005"), "chat large": (1, "0.001"), "execute_tool lookup": (1, "0")}),
    ],
)
def test_a_line_for_each(tmp_path: Path, by: By, expected: dict[str, tuple[int, str]]) -> None:
    calls = [
        call(step(1000, 0), at=NOON - 24 * HOUR),
        call(step(0, 100)),
        call(step(2000, 100), step(100, 0, "large", tier="batch"), version=2, tenant="", tools=1),
    ]
    batch = '[[price]]\nprovider = "acme"\nmodel = "large"\ntier = "batch"\ninput = 10\n'
    facts, own = store_of(tmp_path, calls), prices(tmp_path, batch)
    found = cost(facts, own, WORKFLOW, since=NOON - 60 * HOUR, by=by)
    assert {line.group: (line.calls, line.cost_usd) for line in found.lines} == {
        group: (count, Decimal(usd)) for group, (count, usd) in expected.items()
    }
    assert (found.total.calls, found.total.cost_usd) == (3, Decimal("0.006"))


def test_only_the_workflow_the_environment_and_the_range_asked_for_count(tmp_path: Path) -> None:
    calls = [
        call(step(1000, 0)),
        call(step(1000, 0), workflow="other"),
        call(step(1000, 0), environment="staging"),
        call(step(1000, 0), at=NOON - 100 * HOUR),
        call(step(1000, 0), at=NOON + HOUR),
    ]
    assert _costs(tmp_path / "all", calls).total.calls == 2
    found = _costs(tmp_path / "one", calls, environment="production")
    assert (found.total.calls, found.total.cost_usd) == (1, Decimal("0.001"))


def test_calls_of_unknown_cost_are_counted_and_in_no_figure_of_money(tmp_path: Path) -> None:
    calls = [
        call(step(1000, 0), outcome="resolved"),
        call(step(1000, 0), step(model="nobody"), outcome="resolved"),
        call(step(None, None), outcome="resolved"),
        call(step(100, 10, cache_read_tokens=200)),
        call(step(100, 10, "mute")),
        call(step(1000, 0, "mute")),
    ]
    found = _costs(tmp_path, calls)
    line = found.total
    assert (line.calls, line.unknown, line.cost_usd, line.per_call_usd) == (6, 4, Decimal("0.002"), Decimal("0.001"))
    assert line.outcomes == (OutcomeCost("resolved", 3, Decimal("0.002")),)
    assert set(found.unpriced) == {
        Unpriced(Source("acme", "small"), "no token counts", 2),
        Unpriced(Source("acme", "nobody"), "no price", 1),
        Unpriced(Source("acme", "mute"), "no price", 1),
    }


def test_where_no_cost_is_known_it_is_unknown_and_not_nothing(tmp_path: Path) -> None:
    found = _costs(tmp_path, [call(step(model="nobody"), outcome="resolved")], by="model")
    expected = (1, 1, None, None, (OutcomeCost("resolved", 1, None),))
    line = found.total
    assert (line.calls, line.unknown, line.cost_usd, line.per_call_usd, line.outcomes) == expected
    assert [(line.unknown, line.cost_usd) for line in found.lines] == [(1, None)]


def test_a_request_that_was_refused_cost_nothing(tmp_path: Path) -> None:
    refused = step(None, None, failed=True, failure_mode="rate_limit")
    found = _costs(tmp_path, [call(refused, refused)])
    assert (found.total.cost_usd, found.total.unknown, found.unpriced) == (Decimal(0), 0, ())


def test_each_call_pays_the_price_of_its_day(tmp_path: Path) -> None:
    midnight = datetime(2026, 11, 24, tzinfo=UTC)
    second = timedelta(seconds=1)
    calls = [call(step(1000, 0, "dated"), at=midnight + wait) for wait in (-second, second)]
    found = _costs(tmp_path, calls, by="day")
    expected = {"2026-11-23": Decimal("0.001"), "2026-11-24": Decimal("0.002")}
    assert _by(found, lambda line: line.cost_usd) == expected


def test_a_long_prompt_pays_its_tiers_rate_call_by_call(tmp_path: Path) -> None:
    source = {"provider": "google", "model": "gemini-2.5-pro"}
    lengths = (1, 200_000, 200_001, 500_000)
    facts = store_of(tmp_path, [call(step(length, 10, **source)) for length in lengths])
    found = cost(facts, Prices(), WORKFLOW, since=NOON - HOUR)
    calls = (ModelCall("google", "gemini-2.5-pro", Usage(length, 10)) for length in lengths)
    assert found.total.cost_usd == sum(Prices().price(each, NOON) or 0 for each in calls)


@pytest.mark.parametrize(("said", "differs"), [(0.001005, False), (0.0009, True), (0.0012, True)])
def test_what_spans_say_is_held_against_their_tokens(tmp_path: Path, said: float, differs: bool) -> None:
    calls = [call(step(1000, 0, reported_cost_usd=said)), call(step(5000, 0))]
    reported = _costs(tmp_path, calls).total.reported
    assert reported == Reported(1, Decimal(repr(said)), Decimal("0.001"))
    assert reported.differs is differs


def test_a_workflow_that_nobody_knows_is_named_with_its_nearest(tmp_path: Path) -> None:
    facts = store_of(tmp_path, [call(step())])
    with pytest.raises(NotFound, match="there is no workflow 'support-triag'; did you mean 'support-triage'"):
        cost(facts, prices(tmp_path), "support-triag", since=NOON - HOUR)


def test_a_workflow_on_record_without_calls_costs_nothing_yet(tmp_path: Path) -> None:
    found = cost(store_of(tmp_path, []), prices(tmp_path), "quiet", since=NOON - HOUR, known=lambda: ["quiet"])
    assert (found.total.calls, found.total.per_call_usd) == (0, None)


@pytest.mark.parametrize("seed", range(4))
def test_sums_agree_with_pricing_call_by_call(tmp_path: Path, seed: int) -> None:
    calls, own = _random_traffic(seed), prices(tmp_path)
    facts = store_of(tmp_path, calls)
    for by in _WHOLE:
        found = cost(facts, own, WORKFLOW, since=NOON - 60 * HOUR, by=by)
        lines = found.lines or (found.total,)
        assert {line.group: (line.calls, line.unknown, line.cost_usd or Decimal()) for line in lines} == _priced(
            calls, own, by
        )


def test_lines_add_up_without_any_store() -> None:
    rates = Rates(Decimal(1), Decimal(10), request=Decimal("0.01"))
    spent = [Spent("a", Source("x", "y"), rates, 3, Usage(1_000_000, 100_000))]
    (line,) = lines_of([], spent)
    assert (line.calls, line.cost_usd, line.per_call_usd) == (0, Decimal("2.03"), None)
    assert replace(spent[0], told=False).cost_usd is None


def _random_traffic(seed: int) -> list[list[Fact]]:
    source = random.Random(seed)
    return [_random_call(source) for _ in range(60)]


def _random_call(source: random.Random) -> list[Fact]:
    steps = [_random_step(source) for _ in range(source.randrange(4))]
    at = NOON - timedelta(seconds=source.randrange(48 * 3600))
    at = at if at.hour else at + HOUR  # no call across midnight: its steps would be of the next day
    return call(*steps, at=at.replace(minute=30), version=source.randrange(1, 4), tenant=source.choice("abc"))


def _random_step(source: random.Random) -> Step:
    model = source.choices(["small", "large", "dated", "mute", "nobody"], [10, 5, 5, 1, 1])[0]
    tokens = source.choice([None, 0, source.randrange(5000)])
    more = {"cache_read_tokens": source.randrange(100), "failed": source.random() < 0.1}
    return step(tokens, source.choice([None, source.randrange(500)]), model, **more)


def _priced(calls: _Calls, own: Prices, by: By | None) -> dict[str, tuple[int, int, Decimal]]:
    """By group: calls, those of unknown cost, and what the others cost."""
    found: dict[str, tuple[int, int, Decimal]] = defaultdict(lambda: (0, 0, Decimal()))
    for facts in calls:
        group, price = _group(facts[0], by), _price(facts, own)
        count, unknown, usd = found[group]
        found[group] = (count + 1, unknown + (price is None), usd + (price or 0))
    return found


def _group(root: Fact, by: By | None) -> str:
    told = {"version": str(root.version), "tenant": root.tenant, "day": f"{root.started_at:%Y-%m-%d}"}
    return told[by] if by else ""


def _price(facts: Sequence[Fact], own: Prices) -> Decimal | None:
    total = Decimal()
    for fact in facts:
        if fact.kind != "model" or (fact.failed and not fact.input_tokens and not fact.output_tokens):
            continue
        usage = Usage(fact.input_tokens or 0, fact.output_tokens or 0, fact.cache_read_tokens or 0)
        price = own.price(ModelCall(fact.provider, fact.model, usage), fact.started_at)
        uncounted = fact.output_tokens is None and fact.model != "mute"
        if price is None or fact.input_tokens is None or uncounted:
            return None
        total += price
    return total
