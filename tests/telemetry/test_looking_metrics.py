"""Every figure of `metrics` is what counting by hand gives."""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from agent_deploy.costs.prices import Prices
from agent_deploy.operations.metrics import DAY, HOUR, MINUTE, metrics
from agent_deploy.statistics.quantiles import percentile
from agent_deploy.statistics.rates import wilson
from agent_deploy.telemetry.facts.fact import Fact
from agent_deploy.telemetry.looking.metrics import (
    Cost,
    Counts,
    Figures,
    Latency,
    Metrics,
    OutcomeFigures,
    StepFigures,
    ToolFigures,
)  # fmt: skip
from registry.errors import NotFound
from tests.telemetry.traffic import NOW, PRICES, chat, prices_of, root, step, store_of

MODES = ["timeout", "rate_limit", "parse_error", "low_confidence", "downstream_error", "other"]
EACH_USD = Decimal("0.002")  # what `chat` costs


def look(folder: Path, facts: list[Fact], prices: Prices | None = None, **options: object) -> Metrics:
    given: dict[str, object] = {"workflow": "support-triage", **options}
    store = store_of(folder, facts)
    return metrics(store, prices or prices_of(folder), clock=lambda: NOW, **given)  # type: ignore[arg-type]


def random_call(number: int, chance: random.Random, window: timedelta) -> list[Fact]:
    """A call of one to three model calls and up to two of the tools, in the last two windows."""
    failed = chance.random() < 0.2
    ago = timedelta(seconds=chance.randrange(10, int(2 * window.total_seconds()) - 10))
    call = root(
        number, ago, duration_ms=chance.uniform(100, 5000), version=chance.choice([1, 2, 2]), failed=failed,
        failure_mode=chance.choice(MODES) if failed else "",
        outcome="" if failed else chance.choice(["solved", "passed on"]),
        score_passed=chance.choice([None, None, True, True, False]),
    )  # fmt: skip
    models = ["small"] * 19 + ["unheard-of"]
    chats = [
        chat(call, one, duration_ms=chance.uniform(50, 2000), model=chance.choice(models),
             input_tokens=chance.randrange(2000))
        for one in range(1, chance.randrange(2, 5))
    ]  # fmt: skip
    tools = [
        step(call, 9 - one, "tool", tool=name, name=f"execute_tool {name}", duration_ms=chance.uniform(5, 50),
             failed=chance.random() < 0.1)
        for one, name in enumerate(chance.choices(["look_up", "search"], k=chance.randrange(3)))
    ]  # fmt: skip
    return [call, *chats, *tools]


def by_hand(calls: list[list[Fact]]) -> Figures:
    """The same figures, counted one by one."""
    roots = [call[0] for call in calls]
    unknown = [call[0] for call in calls if any(fact.model == "unheard-of" for fact in call)]
    known = [fact for call in calls if call[0] not in unknown for fact in call if fact.kind == "model"]
    usd = sum((Decimal(fact.input_tokens or 0) + 10 * Decimal(100) for fact in known), Decimal()) / 1_000_000
    steps = [fact for call in calls for fact in call[1:]]
    tools = [fact for fact in steps if fact.kind == "tool"]
    outcomes = Counter(one.outcome for one in roots if one.outcome)
    paid = outcomes - Counter(one.outcome for one in unknown)
    return Figures(
        counts=Counts(
            calls=len(roots),
            failed=sum(one.failed for one in roots),
            scored=sum(one.score_passed is not None for one in roots),
            passed=sum(one.score_passed is True for one in roots),
            latency=latency(roots),
        ),
        cost=Cost(usd, len(unknown)),
        failures=ordered(Counter(one.failure_mode for one in roots if one.failed)),
        outcomes=tuple(
            OutcomeFigures(name, count, usd / paid[name] if paid[name] else None)
            for name, count in ordered(outcomes).items()
        ),
        steps=steps_by_hand(steps),
        tools=tuple(
            ToolFigures(name, count, sum(one.failed for one in tools if one.tool == name))
            for name, count in ordered(Counter(one.tool for one in tools)).items()
        ),
    )


def steps_by_hand(steps: list[Fact]) -> tuple[StepFigures, ...]:
    same = defaultdict(list)
    for one in steps:
        same[one.kind, one.name].append(one)
    most_first = sorted(same.items(), key=lambda item: -sum(one.duration_ms for one in item[1]))
    return tuple(
        StepFigures(kind, name, len(of_it), sum(one.failed for one in of_it), latency(of_it))
        for (kind, name), of_it in most_first
    )


def ordered(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def latency(facts: list[Fact]) -> Latency:
    taken = [fact.duration_ms for fact in facts]
    return Latency(percentile(taken, 0.5), percentile(taken, 0.95), percentile(taken, 0.99))


def told(figures: Figures) -> str:
    """All of it, less the last digits in which two ways of adding up fractions differ."""
    return re.sub(r"\d+\.\d+", lambda number: f"{float(number[0]):.6g}", repr(figures))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("window", "bucket"), [(DAY, HOUR), (7 * DAY, DAY)], ids=["24h", "7d"])
def test_every_figure_is_what_counting_by_hand_gives(
    tmp_path: Path, window: timedelta, bucket: timedelta, seed: int
) -> None:
    chance = random.Random(seed)
    calls = [random_call(number, chance, window) for number in range(1, 301)]
    found = look(tmp_path, [fact for call in calls for fact in call], window=window)
    current = [call for call in calls if call[0].started_at >= NOW - window]
    before = [call for call in calls if call[0].started_at < NOW - window]
    assert told(found.current) == told(by_hand(current))
    assert told(found.before) == told(by_hand(before))
    assert list(found.versions) == [1, 2]
    for version, figures in found.versions.items():
        assert told(figures) == told(by_hand([call for call in current if call[0].version == version]))
    assert found.unpriced == ("acme/unheard-of",)
    assert (found.since, found.until, found.before_since) == (NOW - window, NOW, NOW - 2 * window)
    for one in found.trend:
        inside = [call for call in current if one.since <= call[0].started_at < one.since + bucket]
        expected = by_hand(inside) if inside else Figures()
        assert told(Figures(one.counts, one.cost)) == told(Figures(expected.counts, expected.cost))


def test_the_trend_is_by_whole_hours_of_the_clock_for_a_day_and_by_days_for_longer(tmp_path: Path) -> None:
    starts = [one.since for one in look(tmp_path, [root(1)]).trend]
    assert (starts[0], starts[-1], len(starts)) == (NOW.replace(minute=0) - DAY, NOW.replace(minute=0), 25)
    starts = [one.since for one in look(tmp_path, [], window=30 * DAY).trend]
    midnight = NOW.replace(hour=0, minute=0)
    assert (starts[0], starts[-1], len(starts)) == (midnight - 30 * DAY, midnight, 31)


@pytest.mark.parametrize(
    ("window", "bucket", "number"),
    [
        (timedelta(seconds=1), MINUTE, 1), (20 * MINUTE, MINUTE, 20), (HOUR, MINUTE, 60), (2 * HOUR, 5 * MINUTE, 24),
        (DAY, HOUR, 25), (2 * DAY, HOUR, 49), (7 * DAY, DAY, 8), (30 * DAY, DAY, 31), (400 * DAY, 7 * DAY, 58),
    ],
    ids=str,
)  # fmt: skip
def test_a_trend_has_stretches_of_the_clock_few_enough_to_be_read(
    tmp_path: Path, window: timedelta, bucket: timedelta, number: int
) -> None:
    soon = min(window / 2, MINUTE / 2)
    found = look(tmp_path, [root(1, soon), root(2, window - soon), root(3, window + soon)], window=window)
    assert (found.bucket, len(found.trend)) == (bucket, number)
    assert (found.current.counts.calls, found.before.counts.calls) == (2, 1)
    assert sum(one.counts.calls for one in found.trend) == 2
    assert found.trend[0].since <= found.since < found.trend[0].since + bucket
    assert found.trend[-1].since < found.until <= found.trend[-1].since + bucket
    assert {one.since.weekday() for one in found.trend} == {0} or bucket < 7 * DAY, "weeks begin on Monday"


def test_of_one_call_every_percentile_is_what_it_took(tmp_path: Path) -> None:
    call = root(1, outcome="solved", score_passed=True)
    found = look(tmp_path, [call, chat(call, 1)])
    assert found.current == Figures(
        counts=Counts(1, 0, 1, 1, Latency(1000.0, 1000.0, 1000.0)),
        cost=Cost(EACH_USD, 0),
        outcomes=(OutcomeFigures("solved", 1, EACH_USD),),
        steps=(StepFigures("model", "chat small", 1, 0, Latency(100.0, 100.0, 100.0)),),
    )
    assert found.before == Figures()
    assert found.current.counts.quality_interval == wilson(1, 1)


def test_with_no_call_in_either_window_every_figure_is_nothing(tmp_path: Path) -> None:
    found = look(tmp_path, [root(1, 3 * DAY)], known=lambda: ["support-triage"])
    assert (found.current, found.before, found.versions) == (Figures(), Figures(), {})
    assert {one.counts for one in found.trend} == {Counts()}
    none = found.current
    assert (none.counts.failure_rate, none.counts.quality_rate, none.cost_usd, none.per_call_usd) == (None,) * 4


def test_a_workflow_that_nobody_knows_is_not_found_and_the_nearest_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as raised:
        look(tmp_path, [root(1)], workflow="suport-triage", known=lambda: ["billing"])
    assert raised.value.message == (
        "there is no workflow 'suport-triage'; did you mean 'support-triage'? (there: billing, support-triage)"
    )


def test_other_workflows_and_environments_are_left_out(tmp_path: Path) -> None:
    calls = [root(1), root(2, environment="staging"), root(3, workflow="billing")]
    facts = [fact for call in calls for fact in (call, chat(call, 1))]
    assert look(tmp_path, facts).current.counts.calls == 2
    found = look(tmp_path, [], environment="staging").current
    assert (found.counts.calls, found.cost.known_usd, found.steps[0].count) == (1, EACH_USD, 1)


def test_calls_whose_price_is_unknown_are_counted_as_unknown_and_never_as_free(tmp_path: Path) -> None:
    call, silent = root(1, outcome="solved"), root(2, outcome="solved")
    facts = [
        call,
        chat(call, 1, model="unheard-of"),
        chat(call, 2),
        silent,
        chat(silent, 1, input_tokens=None, output_tokens=None),
    ]
    found = look(tmp_path, facts)
    assert (found.current.cost, found.current.cost_usd, found.current.per_call_usd) == (Cost(Decimal(0), 2), None, None)
    assert found.current.outcomes == (OutcomeFigures("solved", 2, None),)
    assert found.unpriced == ("acme/small", "acme/unheard-of")


def test_a_model_call_that_failed_before_any_token_cost_nothing(tmp_path: Path) -> None:
    call = root(1)
    facts = [call, chat(call, 1, failed=True, input_tokens=None, output_tokens=None), chat(call, 2)]
    assert look(tmp_path, facts).current.cost == Cost(EACH_USD, 0)


def test_tokens_that_do_not_add_up_make_a_cost_unknown(tmp_path: Path) -> None:
    call = root(1)
    assert look(tmp_path, [call, chat(call, 1, cache_read_tokens=1001)]).current.cost == Cost(Decimal(0), 1)


def test_what_the_cache_held_pays_its_own_price(tmp_path: Path) -> None:
    call = root(1)
    found = look(tmp_path, [call, chat(call, 1, cache_read_tokens=600)])
    assert found.current.cost == Cost(Decimal("0.00146"), 0)  # 400 × 1 + 600 × 0.1 + 100 × 10, by the million


def test_each_call_pays_the_price_of_its_day(tmp_path: Path) -> None:
    dearer = PRICES.replace("input = 1\n", 'from = "2026-11-24"\ninput = 1001\n')
    calls = [root(1, timedelta(hours=13)), root(2, timedelta(hours=1))]
    found = look(tmp_path, [f for call in calls for f in (call, chat(call, 1))], prices_of(tmp_path, PRICES + dearer))
    assert found.current.cost == Cost(EACH_USD + EACH_USD + 1, 0)
    assert [one.cost.known_usd for one in found.trend if one.counts.calls] == [EACH_USD, EACH_USD + 1]


def test_a_model_without_a_price_for_output_is_known_where_there_is_none(tmp_path: Path) -> None:
    prices = prices_of(tmp_path, PRICES.replace("output = 10\n", ""))
    call, other = root(1), root(2)
    found = look(tmp_path, [call, chat(call, 1, output_tokens=0), other, chat(other, 1)], prices)
    assert found.current.cost == Cost(Decimal("0.001"), 1)


def test_a_call_whose_root_never_came_counts_and_has_no_latency(tmp_path: Path) -> None:
    found = look(tmp_path, [chat(root(1), 1)])
    assert found.current.counts == Counts(1, 0, 0, 0, None)
    assert found.current.cost == Cost(EACH_USD, 0)


def test_a_span_delivered_twice_counts_once(tmp_path: Path) -> None:
    call = root(1)
    found = look(tmp_path, [call, chat(call, 1), chat(call, 1), call])
    assert (found.current.counts.calls, found.current.steps[0].count, found.current.cost.known_usd) == (1, 1, EACH_USD)
