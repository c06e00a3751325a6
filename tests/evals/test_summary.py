"""A run summed up: counts, interval, costs that are known or said to be unknown, tokens, latency."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from agent_deploy.costs.usage import ModelCall, Usage
from agent_deploy.evals.cases import Case
from agent_deploy.evals.outcomes import decode_outcomes
from agent_deploy.evals.recording import pack_results
from agent_deploy.evals.results import Result, Score, Status
from agent_deploy.evals.running.progress import Meter, Progress
from agent_deploy.evals.running.summary import Summary, summarise
from agent_deploy.evals.runs import Run
from agent_deploy.statistics.rates import wilson
from registry.blobs import digest_of
from tests.evals.trying import CALL, NOON, numbered, set_of, started_of

CENT = Decimal("0.01")
MYSTERY = ModelCall("local", "mystery", Usage(input=7, output=3, reasoning=2))


def _summary(*results: Result, repeats: int = 1, **more: Any) -> Summary:
    eval_set = numbered(len(results) // repeats)
    by_key = {(result.case, result.repeat): result for result in results}
    return summarise(started_of(eval_set, repeats), eval_set, by_key, finished_at=NOON + timedelta(minutes=1), **more)


def _result(number: int, status: Status = "passed", **more: Any) -> Result:
    return Result(f"c{number}", 0, status, **{"latency_ms": 10.0, "calls": (CALL,), "cost_usd": CENT, **more})


def test_a_run_is_the_sum_of_its_results() -> None:
    results = [
        _result(0),
        _result(1, "failed", latency_ms=20.0),
        _result(2, "errored", latency_ms=900.0, error="busy", error_kind="rate_limit"),
        _result(3, latency_ms=30.0),
    ]
    made = _summary(*results, prices="2026-11", resumed=2)
    assert made.run == Run(
        started=started_of(numbered(4)), finished_at=NOON + timedelta(minutes=1), passed=2, failed=1, errored=1,
        interval=wilson(2, 4), cost_usd=Decimal("0.04"), judge_cost_usd=Decimal(0), unpriced=(),
        usage=Usage(input=400, output=40), p50_ms=20.0, p95_ms=29.0, outcomes=digest_of(made.outcomes),
        results=digest_of(made.results), resumed=2, prices="2026-11",
    )  # fmt: skip
    assert made.results == pack_results(results)
    assert decode_outcomes(made.outcomes).status == ("P", "F", "E", "P")


def test_an_error_never_leaves_the_denominator() -> None:
    run = _summary(_result(0), _result(1, "errored"), _result(2, "errored"), _result(3, "errored")).run
    assert (run.total, run.pass_rate, run.error_rate) == (4, 0.25, 0.75)


@pytest.mark.parametrize(
    ("second", "cost", "unpriced"),
    [
        ({}, Decimal("0.02"), ()),
        ({"calls": (MYSTERY,), "cost_usd": None}, None, ("local/mystery",)),
        ({"calls": (CALL, MYSTERY), "cost_usd": None}, None, ("local/mystery",)),
        ({"calls": (), "cost_usd": None}, None, ()),
        ({"calls": (), "cost_usd": None, "status": "errored"}, CENT, ()),
        ({"calls": (MYSTERY,), "cost_usd": None, "status": "errored"}, None, ("local/mystery",)),
        ({"calls": (), "cost_usd": CENT}, Decimal("0.02"), ()),
    ],
    ids=["known", "no price", "one of two without", "not told", "no answer", "no judgement", "imported"],
)
def test_a_cost_is_known_only_when_all_of_it_is(
    second: dict[str, Any], cost: Decimal | None, unpriced: tuple[str, ...]
) -> None:
    run = _summary(_result(0), replace(_result(1), **second), priced=lambda call: call != MYSTERY).run
    assert (run.cost_usd, run.unpriced) == (cost, unpriced)


def test_nothing_is_known_of_the_cost_when_every_case_errored() -> None:
    run = _summary(_result(0, "errored", calls=(), cost_usd=None, latency_ms=0.0)).run
    assert (run.cost_usd, run.usage, run.p50_ms, run.p95_ms) == (None, None, None, None)


@pytest.mark.parametrize(
    ("calls", "cost", "total", "unpriced"),
    [
        ((CALL,), CENT, CENT, ()),
        ((MYSTERY,), None, None, ("local/mystery",)),
        ((), CENT, CENT, ()),
    ],
    ids=["priced", "no price", "of a failed attempt"],
)
def test_judges_cost_is_kept_apart(
    calls: tuple[ModelCall, ...], cost: Decimal | None, total: Decimal | None, unpriced: tuple[str, ...]
) -> None:
    judged = _result(0, scores=(Score("judge", True, 1.0, calls=calls),), judge_cost_usd=cost)
    run = _summary(judged, _result(1), priced=lambda call: call != MYSTERY).run
    assert (run.cost_usd, run.judge_cost_usd, run.unpriced) == (Decimal("0.02"), total, unpriced)


def test_repeats_do_not_pass_for_cases() -> None:
    """Four repeats that agree are worth one try each."""
    results = [Result(f"c{n}", repeat, "passed" if n % 2 else "failed") for n in range(10) for repeat in range(4)]
    assert _summary(*results, repeats=4).run.interval == pytest.approx(wilson(5, 10), abs=1e-9)


def test_cases_of_one_cluster_count_less_than_cases_on_their_own() -> None:
    def width(cluster: str) -> float:
        cases = set_of(*(Case(f"c{n}", "in", "out", cluster=cluster and f"{cluster}{n // 4}") for n in range(20)))
        results = {(f"c{n}", 0): Result(f"c{n}", 0, "passed" if n // 4 % 2 else "failed") for n in range(20)}
        low, high = summarise(started_of(cases), cases, results, finished_at=NOON).run.interval
        return high - low

    assert width("alike") > 1.3 * width("")


def test_progress_counts_what_was_taken_over_and_takes_its_pace_from_the_rest() -> None:
    moments = iter([0.0, 0.05, 0.25, 0.3, 2.0])
    told: list[Progress] = []
    kept = [_result(0), _result(1, "failed")]
    meter = Meter(10, told.append, kept, lambda: next(moments))
    for number, status in enumerate(("passed", "passed", "errored", "passed"), start=2):
        meter.add(_result(number, status))  # type: ignore[arg-type]
    assert told == [
        Progress(10, passed=3, failed=1, spent_usd=4 * CENT, left_s=0.25 / 2 * 6),
        Progress(10, passed=4, failed=1, errored=1, spent_usd=6 * CENT, left_s=2.0 / 4 * 4),
    ]
