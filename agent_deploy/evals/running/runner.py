"""The runner: a number of workers that take one case after the other until none is left."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from typing import Any

from agent_deploy.evals.cases import Case
from agent_deploy.evals.errors import CaseError
from agent_deploy.evals.results import Result
from agent_deploy.evals.running.trying import Bench, errored, try_case

_SYNC_EVERY_S = 1.0

Work = Sequence[tuple[Case, int]]


def plan(cases: Iterable[Case], repeats: int, done: Collection[tuple[str, int]] = ()) -> Work:
    """What is to be asked, in order: every case once, then every case again, so that a stopped run has breadth.

    done: case ids and repeats that need no asking.
    """
    ordered = tuple(cases)
    return [(case, repeat) for repeat in range(repeats) for case in ordered if (case.id, repeat) not in done]


async def run_cases(
    work: Work, bench: Bench, concurrency: int, keep: Callable[[Result], None], sync: Callable[[], None]
) -> None:
    """Try them all, `concurrency` at once. keep: told each result as it comes; raises ValueError for one without JSON.

    sync: called every second, in a thread, and at the end. Whatever keep, sync or the bench's spending raise ends the
    run at once, as does cancelling it: what is under way is cancelled, not waited for.
    """
    left = iter(work)
    workers = [asyncio.create_task(_work(left, bench, keep)) for _ in range(min(concurrency, len(work)))]
    syncing = asyncio.create_task(_sync_often(sync, bench.patience.sleep))
    all_of_them = asyncio.gather(*workers)
    both: set[asyncio.Future[Any]] = {all_of_them, syncing}
    try:
        ended, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for one in ended:
            one.result()
    finally:
        for task in (*workers, syncing):
            task.cancel()
        await asyncio.gather(*workers, syncing, all_of_them, return_exceptions=True)
    sync()


async def _work(left: Iterator[tuple[Case, int]], bench: Bench, keep: Callable[[Result], None]) -> None:
    for case, repeat in left:
        await bench.spending.admit()
        result = _kept(await try_case(bench, case, repeat), case, keep)
        bench.spending.settle(result)
        await asyncio.sleep(0)  # an agent that never waits would else leave no turn to anyone, not even to Ctrl-C


def _kept(result: Result, case: Case, keep: Callable[[Result], None]) -> Result:
    try:
        keep(result)
    except (ValueError, TypeError) as error:
        bad = CaseError(f"what came of it is not JSON: {error}", kind="parse_error")
        result = errored(
            case, result.repeat, bad, attempts=result.attempts, latency_ms=result.latency_ms, calls=result.calls,
            cost_usd=result.cost_usd,
        )  # fmt: skip
        keep(result)
    return result


async def _sync_often(sync: Callable[[], None], sleep: Callable[[float], Awaitable[None]]) -> None:
    while True:
        await sleep(_SYNC_EVERY_S)
        await asyncio.to_thread(sync)
