"""Many threads, many releases: every bundle that anyone sees is whole, and nobody ever goes back."""

from __future__ import annotations

import sys
import threading
import time
import timeit
from pathlib import Path

import pytest

from agent_deploy.client import Bundle
from agent_deploy.client.poller import Poller
from tests.client.conftest import MakeClient
from tests.client.releases import WORKFLOW, FakeTime, Releases, wait_until


def is_whole(bundle: Bundle) -> bool:
    """Whether all parts are of the version that the bundle says."""
    version = bundle.version
    return (
        bundle.tag == f"1.{version}.0"
        and bundle.prompt("classify").render(query="?") == f"You are version {version}.\nClassify by {version}: ?\n"
        and bundle.model().name == f"model-{version}"
        and bundle.tools["lookup"]["properties"]["order"]["minimum"] == version
        and bundle.output_schema["title"] == f"triage {version}"
    )


@pytest.mark.slow
def test_eight_threads_see_only_whole_bundles_while_two_hundred_swaps_happen(
    releases: Releases, make_client: MakeClient
) -> None:
    releases.release(1)
    client = make_client(poll_interval=0.005, polling=True)
    over, faults, seen = threading.Event(), [], set()

    def read() -> None:
        generation = 0
        while not over.wait(0.0005):
            bundle = client.bundle(WORKFLOW)
            if not is_whole(bundle) or bundle.generation < generation:
                faults.append(bundle)
            generation = bundle.generation
            seen.add(generation)

    threads = [threading.Thread(target=read) for _ in range(8)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for number in range(2, 202):
            releases.release(number % 5 + 1)
            if number % 10 == 0:
                client.refresh()
        wait_until(lambda: client.bundle(WORKFLOW).generation == 201)
    finally:
        over.set()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(interval)
    assert faults == []
    assert len(seen) > 20


@pytest.mark.slow
def test_swapping_by_hand_two_hundred_times_misses_none(releases: Releases, make_client: MakeClient) -> None:
    releases.release(1)
    client = make_client()
    client.bundle(WORKFLOW)
    for number in range(2, 202):
        releases.release(number % 20 + 1)
        client.refresh()
        assert client.bundle(WORKFLOW).generation == number
        assert is_whole(client.bundle(WORKFLOW))


def test_a_warm_bundle_costs_next_to_nothing(releases: Releases, make_client: MakeClient) -> None:
    releases.release(1)
    client = make_client()
    client.bundle(WORKFLOW)
    best_s = min(timeit.repeat(lambda: client.bundle(WORKFLOW), number=10_000, repeat=7)) / 10_000
    assert best_s < 0.54e-6 * 2  # a tenth of the nearest peer's, doubled for a busy machine


def test_an_idle_look_costs_a_hundredth_of_the_poll_interval_at_most(
    releases: Releases, make_client: MakeClient
) -> None:
    releases.release(1)
    client = make_client()
    client.bundle(WORKFLOW)
    client.refresh()
    started = time.thread_time()
    for _ in range(100):
        client.refresh()
    assert (time.thread_time() - started) / 100 < 0.01 * 1.0


def test_a_heartbeat_that_cannot_be_given_does_not_keep_the_thread_busy(
    releases: Releases, make_client: MakeClient, folder: Path, at: FakeTime
) -> None:
    releases.release(1)
    client = make_client(heartbeat=10, poll_interval=100)
    client.bundle(WORKFLOW)
    client.refresh()
    folder.rename(folder.with_name("elsewhere"))
    at.pass_s(11)
    assert client._poller.tick() > 50


def test_looks_are_jittered_and_never_further_apart_than_the_interval() -> None:
    class Standing:
        def monotonic(self) -> float:
            return 0.0

    poller = Poller(None, None, None, Standing(), poll_s=5.0, parallel=1)  # type: ignore[arg-type]
    looks = [poller._next_look() for _ in range(1000)]
    assert 4.5 <= min(looks) < 4.6
    assert 4.9 < max(looks) <= 5.0
