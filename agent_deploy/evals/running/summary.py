"""A run summed up from its results: what goes on record, and the two blobs that go with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from agent_deploy.costs.usage import ModelCall, Usage
from agent_deploy.evals.cases import EvalSet
from agent_deploy.evals.outcomes import Outcomes, outcomes_of
from agent_deploy.evals.recording import pack_results
from agent_deploy.evals.results import Result
from agent_deploy.evals.runs import Run, RunStarted
from registry.blobs import digest_of


@dataclass(frozen=True, slots=True)
class Summary:
    """A finished run and the bytes of the blobs that it names, as `recording.record_finished` takes them."""

    run: Run
    outcomes: bytes
    results: bytes


def summarise(
    started: RunStarted,
    eval_set: EvalSet,
    results: Mapping[tuple[str, int], Result],
    *,
    finished_at: datetime,
    priced: Callable[[ModelCall], bool] = lambda _: False,
    prices: str = "",
    resumed: int = 0,
) -> Summary:
    """The run that these results make: one of every case in every repeat, by both.

    priced: whether a model call has a price; asked only of results whose cost is unknown. prices: the version of the
    price data. resumed: how many of the results were taken over.
    """
    ordered = [results[key] for key in sorted(results)]
    outcomes = outcomes_of(eval_set.cases, results, started.repeats)
    columns, packed = outcomes.encoded(), pack_results(ordered)
    p50, p95 = _latencies(ordered)
    statuses = [result.status for result in ordered]
    run = Run(
        started=started,
        finished_at=finished_at,
        passed=statuses.count("passed"),
        failed=statuses.count("failed"),
        errored=statuses.count("errored"),
        interval=pass_interval(outcomes),
        cost_usd=agent_cost(ordered),
        judge_cost_usd=judge_cost(ordered),
        unpriced=_unpriced(ordered, priced),
        usage=total_usage(ordered),
        p50_ms=p50,
        p95_ms=p95,
        outcomes=digest_of(columns),
        results=digest_of(packed),
        resumed=resumed,
        prices=prices,
    )
    return Summary(run, columns, packed)


def pass_interval(outcomes: Outcomes) -> tuple[float, float]:
    """The 95 % interval of the pass rate: Wilson's, at what repeats and clusters leave of the number of cases."""
    from agent_deploy.statistics.clusters import rate_interval

    rates = [status.count("P") / outcomes.repeats for status in outcomes.status]
    return rate_interval(rates, outcomes.clusters, repeats=outcomes.repeats)


def agent_cost(results: Iterable[Result]) -> Decimal | None:
    """What the agent's calls cost together; None when one has no price, or an answer came without a word on its calls.

    An error that came without calls is left out: there may have been none.
    """
    told = [result for result in results if result.calls or result.status != "errored"]
    return _sum([result.cost_usd for result in told]) if told else None


def judge_cost(results: Iterable[Result]) -> Decimal | None:
    """What the scorers' own calls cost together: 0 when there were none, None when one has no price."""
    judged = [r for r in results if r.judge_cost_usd is not None or any(score.calls for score in r.scores)]
    return _sum([result.judge_cost_usd for result in judged])


def total_usage(results: Iterable[Result]) -> Usage | None:
    """The tokens of the agent's calls by class; None when it said nothing of them."""
    calls = [call.usage for result in results for call in result.calls]
    return sum(calls, Usage()) if calls else None


def _sum(costs: Sequence[Decimal | None]) -> Decimal | None:
    known = [cost for cost in costs if cost is not None]
    return sum(known, Decimal()) if len(known) == len(costs) else None


def _unpriced(results: Iterable[Result], priced: Callable[[ModelCall], bool]) -> tuple[str, ...]:
    """The models without a price, as `provider/model`."""
    models: set[str] = set()
    for result in results:
        calls = list(result.calls) if result.cost_usd is None else []
        if result.judge_cost_usd is None:
            calls += [call for score in result.scores for call in score.calls]
        models.update(f"{call.provider}/{call.model}" for call in calls if not priced(call))
    return tuple(sorted(models))


def _latencies(results: Iterable[Result]) -> tuple[float | None, float | None]:
    from agent_deploy.statistics.quantiles import percentile_of_sorted

    ordered = sorted(result.latency_ms for result in results if result.status != "errored")
    if not ordered:
        return None, None
    return round(percentile_of_sorted(ordered, 0.5), 3), round(percentile_of_sorted(ordered, 0.95), 3)
