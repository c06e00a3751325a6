"""Upkeep goes on whatever fails; health tells of a spool that takes nothing, and of a store that stays away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from agent_deploy.telemetry.serving.health import STORE_GRACE_S, Health, probe_spool, probe_store
from agent_deploy.telemetry.serving.upkeep import Job, Upkeep
from registry.errors import Conflict, Unavailable
from registry.stores.memory import MemoryStore
from tests.faults.disks import small_disk


def run_until(jobs: Callable[[Callable[[], None]], list[Job]]) -> list[str]:
    """The failures that were counted until a job called what it was given."""
    failed: list[str] = []

    async def run() -> None:
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        with ThreadPoolExecutor(2) as executor:

            def tell() -> None:
                loop.call_soon_threadsafe(over.set)

            upkeep = Upkeep(jobs(tell), failed.append, executor)
            upkeep.start()
            await over.wait()
            await upkeep.stop()

    asyncio.run(run())
    return failed


def test_a_job_that_fails_is_counted_and_done_again_and_stops_no_other() -> None:
    times = {"seal": 0, "look": 0}

    def jobs(over: Callable[[], None]) -> list[Job]:
        def seal() -> None:
            times["seal"] += 1
            raise (Unavailable("the store is away"), ZeroDivisionError("a bug"))[times["seal"] % 2]

        def look() -> None:
            times["look"] += 1
            if times["seal"] >= 3 and times["look"] >= 3:
                over()

        return [Job("seal", 0.0, seal), Job("look", 0.0, look)]

    failed = run_until(jobs)
    assert (len(failed), set(failed)) == (times["seal"], {"seal"})


def test_that_another_process_does_it_is_no_failure() -> None:
    def jobs(over: Callable[[], None]) -> list[Job]:
        def compact() -> None:
            over()
            raise Conflict("another process tidies the facts")

        return [Job("compact", 3600.0, compact)]

    assert run_until(jobs) == []


def test_a_store_may_be_away_for_two_minutes_before_it_is_a_fault() -> None:
    seconds = [0.0]
    health = Health(lambda: seconds[0])
    health.store_is("timed out")
    assert (health.faults(), health.store_ok) == ([], True)
    seconds[0] = STORE_GRACE_S
    assert (health.faults(), health.store_ok) == (["the store: timed out"], False)
    health.store_is()
    assert (health.faults(), health.store_ok) == ([], True)


def test_a_spool_that_cannot_be_written_to_is_a_fault_at_once() -> None:
    health = Health()
    health.spool_is("cannot write to /spool: No space left on device")
    assert (health.faults(), health.spool_ok) == (["cannot write to /spool: No space left on device"], False)
    health.spool_is()
    assert health.faults() == []


def test_probing_leaves_nothing_behind_and_makes_the_folder(tmp_path: Path) -> None:
    probe_spool(tmp_path / "facts" / "spool")
    assert list((tmp_path / "facts" / "spool").iterdir()) == []
    store = MemoryStore()
    probe_store(store)
    assert list(store.entries("")) == []


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "facts").write_text("a file")
    with pytest.raises(Unavailable) as raised:
        probe_spool(tmp_path / "facts" / "spool")
    assert raised.value.message == f"cannot write to {tmp_path}/facts/spool: Not a directory"


@pytest.mark.slow
def test_a_full_disk_is_found_though_it_still_takes_empty_files(tmp_path: Path) -> None:
    with small_disk(tmp_path / "small") as disk:
        probe_spool(disk.folder)
        disk.fill()
        with pytest.raises(Unavailable) as raised:
            probe_spool(disk.folder)
        assert raised.value.message == f"cannot write to {disk.folder}: No space left on device"
        disk.free()
        probe_spool(disk.folder)
