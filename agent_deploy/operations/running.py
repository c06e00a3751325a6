"""A trial carried out: from the first case to the record, with a journal in between."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import NoReturn

from agent_deploy.config import Config
from agent_deploy.costs.usage import ModelCall
from agent_deploy.errors import ControlPlaneError
from agent_deploy.evals.errors import CapReached, JournalFailed, RunInterrupted, RunStopped
from agent_deploy.evals.recording import record_finished, record_started
from agent_deploy.evals.results import Result
from agent_deploy.evals.running.asking import Patience
from agent_deploy.evals.running.interrupts import interruptible
from agent_deploy.evals.running.journal import FOLDER, Journal, Key, open_journal
from agent_deploy.evals.running.progress import Meter
from agent_deploy.evals.running.runner import plan, run_cases
from agent_deploy.evals.running.spending import Spending, cost_now
from agent_deploy.evals.running.summary import Summary, summarise
from agent_deploy.evals.running.trying import Bench
from agent_deploy.evals.runs import Run
from agent_deploy.operations.collecting import settled
from agent_deploy.operations.evaluating import Talk, Tools, Trial, open_tools
from registry.errors import BadInput, Unavailable
from registry.registry import Registry

# Every agent keeps the time limit itself, from when a question is really with it. A question may have to go there again
# for what its neighbours did; only one that never comes back at all is given up here.
_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Tried:
    """A run that is on record, its results by case and repeat, and what it is known to have cost us, in US dollars."""

    run: Run
    results: Mapping[Key, Result]
    spent_usd: Decimal


async def carry_out(
    registry: Registry,
    config: Config,
    trial: Trial,
    *,
    resumed: bool,
    talk: Talk,
    clock: Callable[[], datetime],
    spent_usd: Decimal = Decimal(),
) -> Tried:
    """Ask what is left of it, and put the run on record. spent_usd: counts towards the cap already.

    resumed: the run is on record as started, and what its journal holds is not asked again, errors excepted.
    Raises BadInput before anything is asked or recorded; RunStopped when it ended early, with what is done kept.
    """
    tools = await open_tools(registry, config, trial)
    try:
        trial = _with_judges(trial, tools, resumed)
        with closing(open_journal(config.state / FOLDER, trial.started)) as journal:
            if not resumed:
                _record_started(registry, trial, journal)
            return await _asked(registry, trial, tools, journal, talk, clock, spent_usd)
    finally:
        await tools.close()


def journal_path(config: Config, run: str) -> Path:
    """Where the run's journal is, on the machine that it ran on."""
    return config.state / FOLDER / f"{run}.jsonl"


def _with_judges(trial: Trial, tools: Tools, resumed: bool) -> Trial:
    from agent_deploy.evals.scorers.assembly import judges_of

    judges = judges_of(tools.scorers)
    if resumed and judges != dict(trial.started.judges):
        raise BadInput(
            f"a judge's rubric has changed since {trial.started.id} began, and one run is judged by one rubric",
            unchanged="Nothing was asked.",
            next_command=f"agent-deploy eval {trial.version.ref}",
        )
    return replace(trial, started=replace(trial.started, judges=judges))


def _record_started(registry: Registry, trial: Trial, journal: Journal) -> None:
    try:
        record_started(registry, trial.version, trial.started, trial.eval_set)
    except BaseException:
        journal.remove()
        raise


async def _asked(
    registry: Registry,
    trial: Trial,
    tools: Tools,
    journal: Journal,
    talk: Talk,
    clock: Callable[[], datetime],
    spent_usd: Decimal,
) -> Tried:
    kept = {key: result for key, result in journal.kept.items() if result.status != "errored"}
    results = dict(kept)
    spending = _spending(trial, kept, spent_usd)
    meter = Meter(trial.started.cases * trial.started.repeats, talk.watch, kept.values())

    def keep(result: Result) -> None:
        journal.append(result)
        results[result.case, result.repeat] = result
        meter.add(result)

    try:
        with interruptible(_this_task()), settled():
            work = plan(trial.eval_set.cases, trial.started.repeats, kept)
            await run_cases(work, _bench(trial, tools, spending), trial.settings.concurrency, keep, journal.sync)
        summary = _summary(trial, tools, results, len(kept), clock())
        record_finished(registry, trial.version, summary.run, summary.outcomes, summary.results)
    except (RunInterrupted, CapReached, JournalFailed, Unavailable) as error:
        _tell_stopped(error, trial, results)
    journal.remove()
    if tools.cache and tools.cache.trouble:
        talk.say(tools.cache.trouble)
    return Tried(summary.run, results, spending.spent - spent_usd)


def _this_task() -> asyncio.Task[object]:
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("a run is carried out by a task")
    return task


def _spending(trial: Trial, kept: Mapping[Key, Result], spent_usd: Decimal) -> Spending:
    before = sum((cost_now(result) or Decimal() for result in kept.values()), Decimal())
    return Spending(trial.settings.max_cost_usd, spent_usd + before)


def _bench(trial: Trial, tools: Tools, spending: Spending) -> Bench:
    from agent_deploy.costs.prices import cost_of
    from agent_deploy.evals.agents import START_S
    from agent_deploy.evals.providers.limits import Limits

    def price(calls: tuple[ModelCall, ...]) -> Decimal | None:
        return cost_of(calls, tools.prices, trial.started.started_at)[0]

    patience = Patience(trial.settings.timeout_s, trial.settings.attempts)
    answer_s = _ROUNDS * trial.settings.timeout_s + START_S
    return Bench(tools.agent, tools.scorers, price, defaultdict(Limits), patience, spending, answer_s)


def _summary(trial: Trial, tools: Tools, results: Mapping[Key, Result], resumed: int, at: datetime) -> Summary:
    def priced(call: ModelCall) -> bool:
        return tools.prices.price(call, trial.started.started_at) is not None

    return summarise(
        trial.started, trial.eval_set, results, finished_at=at, priced=priced, prices=tools.prices.version,
        resumed=resumed,
    )  # fmt: skip


def _tell_stopped(error: Exception, trial: Trial, results: Mapping[Key, Result]) -> NoReturn:
    """The same error, in words that say what is kept and how to go on."""
    total = trial.started.cases * trial.started.repeats
    kept = sum(result.status != "errored" for result in results.values())
    why = error.message if isinstance(error, ControlPlaneError | Unavailable) else str(error)
    kind = RunInterrupted if isinstance(error, RunInterrupted) else RunStopped
    cap = trial.settings.max_cost_usd
    higher = f" --max-cost-usd {2 * cap:f}" if isinstance(error, CapReached) and cap else ""
    raise kind(
        f"stopped: {kept} of {total} results kept" + ("" if kind is RunInterrupted else f"; {why}"),
        unchanged=f"{trial.started.id} is not complete, and no gate counts it.",
        next_command=f"agent-deploy eval --resume {trial.started.id}{higher}",
    ) from error
