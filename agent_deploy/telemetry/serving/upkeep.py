"""What the receiver does beside receiving: seals, compacts, looks after disk and store, reads what is live."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from agent_deploy.log import event
from registry.errors import Conflict, RegistryError


@dataclass(frozen=True, slots=True)
class Job:
    """Something to be done again and again, on a thread. every_s: seconds from one end to the next beginning."""

    name: str
    every_s: float
    work: Callable[[], None]


class Upkeep:
    """Does jobs until it is told to stop. One that fails is logged, counted and tried again; none stops another."""

    def __init__(self, jobs: Sequence[Job], failed: Callable[[str], None], executor: Executor) -> None:
        self._jobs = jobs
        self._failed = failed
        self._executor = executor
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin, with every job at once."""
        self._tasks = [asyncio.create_task(self._again_and_again(job)) for job in self._jobs]

    async def stop(self) -> None:
        """Begin no job any more, and wait for those that are being done."""
        self._stopping.set()
        await asyncio.gather(*self._tasks)

    async def _again_and_again(self, job: Job) -> None:
        while not self._stopping.is_set():
            await asyncio.get_running_loop().run_in_executor(self._executor, self._do, job)
            try:
                await asyncio.wait_for(self._stopping.wait(), job.every_s)
            except TimeoutError:
                continue

    def _do(self, job: Job) -> None:
        try:
            job.work()
        except Conflict:  # another process does it at this moment
            return
        except RegistryError as error:
            self._failed(job.name)
            event("upkeep failed", job=job.name, why=error.message)
        except Exception as error:  # noqa: BLE001 - whatever it is, receiving goes on
            self._failed(job.name)
            event("upkeep failed", job=job.name, why=f"{type(error).__name__}: {error}")
