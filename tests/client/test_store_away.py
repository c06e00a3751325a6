"""When the store is away: what is in memory or on disk is served on, and where there is nothing, a clear refusal."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent_deploy.client import NotServed
from registry.errors import RegistryError
from tests.client.conftest import MakeClient
from tests.client.flaky import Flaky, kept
from tests.client.releases import WORKFLOW, FakeTime, Releases


def test_what_is_in_memory_is_served_on(releases: Releases, make_client: MakeClient, store: Flaky) -> None:
    releases.release(1)
    client = make_client(store=store)
    client.bundle(WORKFLOW)
    store.away = True
    client.refresh()
    assert (client.bundle(WORKFLOW).version, client.bundle(WORKFLOW).source) == (1, "store")
    assert client.status()[WORKFLOW].last_error == "the store does not answer"


def test_a_warm_bundle_asks_the_store_nothing(releases: Releases, make_client: MakeClient, store: Flaky) -> None:
    releases.release(1)
    client = make_client(store=store)
    client.bundle(WORKFLOW)
    asked = store.asked
    for _ in range(1000):
        client.bundle(WORKFLOW)
    assert store.asked == asked


def test_a_process_that_starts_then_serves_the_last_known_good(
    releases: Releases, make_client: MakeClient, folder: Path
) -> None:
    releases.release(1)
    releases.release(2)
    kept(make_client())
    away = folder.rename(folder.with_name("elsewhere"))
    client = make_client()
    bundle = client.bundle(WORKFLOW)
    assert (bundle.version, bundle.tag, bundle.generation, bundle.source) == (2, "1.2.0", 2, "disk")
    assert bundle.prompt("system").render() == "You are version 2.\n"
    away.rename(folder)
    client.refresh()
    assert client.bundle(WORKFLOW).source == "store"
    assert client.bundle(WORKFLOW) != bundle


def test_the_age_of_a_last_known_good_counts_from_when_it_was_confirmed(
    releases: Releases, make_client: MakeClient, store: Flaky, at: FakeTime
) -> None:
    releases.release(1)
    kept(make_client(store=store))
    store.away = True
    at.pass_s(500)
    late = make_client(store=store)
    late.bundle(WORKFLOW)
    assert late.status()[WORKFLOW].age_s == 500


def test_a_new_release_that_was_damaged_before_the_first_start_falls_back_to_the_last_known_good(
    releases: Releases, make_client: MakeClient
) -> None:
    releases.release(1)
    kept(make_client())
    releases.release(2)
    releases.store.delete(f"blobs/sha256/{releases.digests[2].removeprefix('sha256:')}")
    client = make_client()
    assert (client.bundle(WORKFLOW).version, client.bundle(WORKFLOW).source) == (1, "disk")


def test_with_nothing_at_all_the_error_says_why_and_what_to_type(make_client: MakeClient, folder: Path) -> None:
    with pytest.raises(NotServed) as caught:
        make_client().bundle(WORKFLOW)
    assert str(caught.value) == (
        f"support-triage is not served in production from {folder}: live/production/support-triage.json is not in "
        f"{folder}; no last known good bundle on disk; no fallback folder for it; "
        "run: agent-deploy promote support-triage --version REF --env production"
    )
    assert isinstance(caught.value.__cause__, RegistryError)


def test_a_workflow_that_was_not_served_is_served_once_it_is_promoted(
    releases: Releases, make_client: MakeClient
) -> None:
    client = make_client()
    with pytest.raises(NotServed):
        client.bundle(WORKFLOW)
    releases.release(1)
    assert client.bundle(WORKFLOW).version == 1


def test_a_store_that_is_away_is_not_asked_at_every_call(
    releases: Releases, make_client: MakeClient, store: Flaky, at: FakeTime
) -> None:
    releases.release(1)
    client = make_client(store=store, poll_interval=5)
    store.away = True
    for _ in range(3):
        with pytest.raises(NotServed, match="the store does not answer"):
            client.bundle(WORKFLOW)
    assert store.asked == 1
    store.away = False
    at.pass_s(5)
    assert client.bundle(WORKFLOW).version == 1


def test_status_says_how_each_workflow_is_served(releases: Releases, make_client: MakeClient, at: FakeTime) -> None:
    releases.release(3)
    client = make_client()
    client.bundle(WORKFLOW)
    at.pass_s(7)
    status = client.status()[WORKFLOW]
    assert (status.workflow, status.environment, status.version, status.generation) == (WORKFLOW, "production", 3, 1)
    assert (status.source, status.age_s, status.stale, status.last_error, status.rejected) == (
        "store",
        7,
        False,
        "",
        "",
    )
    client.refresh()
    assert client.status()[WORKFLOW].age_s == 0


def test_first_calls_at_once_read_the_store_once(releases: Releases, make_client: MakeClient, store: Flaky) -> None:
    from concurrent.futures import ThreadPoolExecutor

    releases.release(1)
    client = make_client(store=store, cache=False)
    with ThreadPoolExecutor(8) as pool:
        bundles = list(pool.map(lambda _: client.bundle(WORKFLOW), range(64)))
    assert {id(bundle) for bundle in bundles} == {id(bundles[0])}
    assert store.blobs_read == 6  # the manifest, the config and four files
