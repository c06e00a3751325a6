"""Many slow calls at once: how near the runner and its worker process come to waiting for nothing but the agent."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

from agent_deploy.evals.agents import open_agent
from agent_deploy.evals.providers import Providers
from agent_deploy.evals.providers.limits import Limits
from agent_deploy.evals.reading import read_eval_set
from agent_deploy.evals.results import Result
from agent_deploy.evals.running.asking import Patience
from agent_deploy.evals.running.journal import open_journal
from agent_deploy.evals.running.runner import plan, run_cases
from agent_deploy.evals.running.spending import Spending
from agent_deploy.evals.running.trying import Bench
from agent_deploy.evals.runs import RunStarted
from agent_deploy.evals.scorers.assembly import scorers_for
from agent_deploy.operations.collecting import settled
from agent_deploy.operations.evaluating import bundle_of
from benchmarks.bundles import ACTOR, ENVIRONMENT, WORKFLOW
from benchmarks.context import Context
from benchmarks.desk import CASES_FILE, SLOW_S, lay, open_desk
from benchmarks.figures import Figure, no_more_than, seconds
from benchmarks.timing import typical
from registry.catalog import version_numbered
from registry.times import now

_CASES, _AT_ONCE = 2000, 200
_IDEAL_S = _CASES / _AT_ONCE * SLOW_S
_ASKED = 1.15


def measure(context: Context) -> Iterator[Figure]:
    """From the first question to the last result, journal included; the start of the agent's process is not."""
    folder = context.scratch / "slow"
    lay(folder, _CASES)
    against = f"{_CASES // _AT_ONCE} × {SLOW_S * 1000:g} ms"
    for agent in ("slow", "slow_async"):
        durations = [asyncio.run(_asked(folder, f"agent:{agent}", number)) for number in range(context.repeats(10) + 1)]
        what = f"{_CASES:,} calls of {SLOW_S * 1000:g} ms, {_AT_ONCE} at once, agent:{agent}"
        yield no_more_than(_ASKED, what, typical(durations[1:]), seconds, against=against, baseline=_IDEAL_S)


async def _asked(folder: Path, agent: str, number: int) -> float:
    """The seconds that all questions took together."""
    registry = open_desk(folder)
    with registry.database.read() as connection:
        version = version_numbered(connection, WORKFLOW, 1)
    eval_set = read_eval_set(folder / CASES_FILE)
    started = RunStarted(
        id=f"run-{number:010x}", workflow=WORKFLOW, version=1, digest=version.digest, environment=ENVIRONMENT,
        set_path=CASES_FILE, set_digest=eval_set.digest, cases=_CASES, repeats=1, agent=agent, origin="eval", tag="",
        actor=ACTOR, started_at=now(),
    )  # fmt: skip
    asked = await open_agent(
        agent, bundle_of(registry, version, ENVIRONMENT), timeout_s=60.0, concurrency=_AT_ONCE, folder=folder
    )
    scorers = scorers_for(eval_set, output_schema=None, providers=Providers().get, folder=folder, modules=folder)
    bench = Bench(asked, scorers, lambda _: Decimal(), defaultdict(Limits), Patience(), Spending(None))
    results: list[Result] = []
    try:
        with closing(open_journal(folder / "runs", started)) as journal:
            keep = _keeper(journal.append, results)
            began = asyncio.get_running_loop().time()
            with settled():
                await run_cases(plan(eval_set.cases, 1), bench, _AT_ONCE, keep, journal.sync)
            took = asyncio.get_running_loop().time() - began
            journal.remove()
    finally:
        await asked.close()
        registry.database.close()
    assert len(results) == _CASES
    assert all(result.status == "passed" for result in results)
    return took


def _keeper(append: Callable[[Result], None], results: list[Result]) -> Callable[[Result], None]:
    def keep(result: Result) -> None:
        append(result)
        results.append(result)

    return keep
