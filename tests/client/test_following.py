"""A client follows its store: whole releases only, upwards only, and a drill's revert exactly on time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from agent_deploy.client import Client
from registry.blobs import blob_key
from registry.pointers import encode
from registry.times import now
from tests.client.conftest import MakeClient
from tests.client.releases import NOON, WORKFLOW, FakeTime, Releases, wait_until

SOON = NOON + timedelta(seconds=60)


def refreshed(client: Client) -> int:
    """The version that is served after a look at the store."""
    client.refresh()
    return client.bundle(WORKFLOW).version


def test_a_release_is_followed_at_the_next_look(releases: Releases, make_client: MakeClient) -> None:
    releases.release(1)
    client = make_client()
    assert client.bundle(WORKFLOW).version == 1
    releases.release(2)
    assert client.bundle(WORKFLOW).version == 1
    assert refreshed(client) == 2
    assert client.bundle(WORKFLOW).generation == 2
    assert client.bundle(WORKFLOW).prompt("system").render() == "You are version 2.\n"


def test_the_warm_bundle_is_the_same_object(releases: Releases, make_client: MakeClient) -> None:
    releases.release(1)
    client = make_client()
    bundle = client.bundle(WORKFLOW)
    client.refresh()
    assert client.bundle(WORKFLOW) is bundle


def test_the_thread_follows_releases_by_itself(releases: Releases, make_client: MakeClient) -> None:
    releases.release(1)
    client = make_client(polling=True)
    client.bundle(WORKFLOW)
    releases.release(2)
    wait_until(lambda: client.bundle(WORKFLOW).version == 2)


def test_a_rollback_is_followed_and_reads_no_blob_again(releases: Releases, make_client: MakeClient) -> None:
    releases.release(1)
    client = make_client(cache=False)
    content = client.bundle(WORKFLOW).content
    releases.release(2)
    assert refreshed(client) == 2
    releases.store.delete(blob_key(releases.digests[1]))
    releases.release(1)
    assert refreshed(client) == 1
    assert client.bundle(WORKFLOW).content is content


def test_a_lower_generation_is_refused_and_said(releases: Releases, make_client: MakeClient) -> None:
    first = releases.release(1)
    releases.release(2)
    client = make_client()
    client.bundle(WORKFLOW)
    releases.force(first)
    assert refreshed(client) == 2
    status = client.status()[WORKFLOW]
    assert status.rejected.startswith("the pointer went back from generation 2 to 1")
    assert (status.version, status.last_error) == (2, "")


def test_a_lower_generation_than_another_process_saw_is_refused_from_the_start(
    releases: Releases, make_client: MakeClient
) -> None:
    first = releases.release(1)
    releases.release(2)
    earlier = make_client()
    earlier.bundle(WORKFLOW)
    earlier.refresh()
    releases.force(first)
    late = make_client()
    assert (late.bundle(WORKFLOW).version, late.bundle(WORKFLOW).source) == (2, "disk")
    assert "went back from generation 2 to 1" in late.status()[WORKFLOW].rejected


def test_the_same_generation_with_other_content_is_refused(releases: Releases, make_client: MakeClient) -> None:
    releases.release(1)
    client = make_client()
    client.bundle(WORKFLOW)
    releases.register(2)
    releases.force(releases.pointer(2, generation=1))
    assert refreshed(client) == 1
    assert client.status()[WORKFLOW].rejected.startswith("the pointer says generation 1 as before, with other content")


def test_following_goes_on_after_a_refusal(releases: Releases, make_client: MakeClient) -> None:
    first = releases.release(1)
    releases.release(2)
    client = make_client()
    client.bundle(WORKFLOW)
    releases.force(first)
    client.refresh()
    releases.release(3)
    assert refreshed(client) == 3
    assert client.status()[WORKFLOW].rejected == ""


def test_a_pointer_of_another_workflow_is_refused(releases: Releases, make_client: MakeClient) -> None:
    pointer = releases.release(1)
    client = make_client()
    client.bundle(WORKFLOW)
    releases.force(replace(pointer, workflow="billing", generation=9))
    assert refreshed(client) == 1
    assert client.status()[WORKFLOW].rejected.startswith("the pointer is that of billing in production")


@pytest.mark.parametrize("length", [0, 1, 40, -3])
def test_a_truncated_pointer_keeps_what_is_served(releases: Releases, make_client: MakeClient, length: int) -> None:
    releases.release(1)
    client = make_client()
    client.bundle(WORKFLOW)
    releases.register(2)
    whole = encode(releases.pointer(2, generation=2))
    releases.overwrite(whole[:length])
    assert refreshed(client) == 1
    assert "is not a whole pointer" in client.status()[WORKFLOW].last_error
    releases.overwrite(whole)
    assert refreshed(client) == 2
    assert client.status()[WORKFLOW].last_error == ""


def test_a_flipped_blob_keeps_what_is_served_until_it_is_healed(releases: Releases, make_client: MakeClient) -> None:
    releases.release(1)
    client = make_client()
    client.bundle(WORKFLOW)
    releases.release(2)
    key = blob_key(releases.digests[2])
    whole = releases.store.get(key)
    assert whole is not None
    releases.store.replace(key, b"x" + whole.data[1:], expect=None)
    assert refreshed(client) == 1
    error = client.status()[WORKFLOW].last_error
    assert error.startswith("generation 2 (version 2) cannot be loaded")
    assert "holds other bytes" in error
    releases.store.replace(key, whole.data, expect=None)
    assert refreshed(client) == 2


def test_a_missing_blob_keeps_what_is_served_until_it_is_there(releases: Releases, make_client: MakeClient) -> None:
    releases.release(1)
    client = make_client()
    client.bundle(WORKFLOW)
    releases.release(2)
    releases.store.delete(blob_key(releases.digests[2]))
    assert refreshed(client) == 1
    assert "is not in" in client.status()[WORKFLOW].last_error
    releases.register(2)
    assert refreshed(client) == 2


def test_a_bundle_of_another_workflow_is_never_served(releases: Releases, make_client: MakeClient) -> None:
    releases.release(1)
    client = make_client()
    client.bundle(WORKFLOW)
    releases.digests[2] = Releases(releases.store, "billing").register(2)
    releases.force(releases.pointer(2, generation=2))
    assert refreshed(client) == 1
    assert "is a bundle of billing" in client.status()[WORKFLOW].last_error


def test_a_deleted_pointer_is_no_release(releases: Releases, make_client: MakeClient) -> None:
    releases.release(1)
    client = make_client()
    client.bundle(WORKFLOW)
    releases.store.delete(f"live/production/{WORKFLOW}.json")
    assert refreshed(client) == 1
    assert "is not in" in client.status()[WORKFLOW].last_error


def test_workflows_are_followed_each_on_its_own(releases: Releases, make_client: MakeClient) -> None:
    billing = Releases(releases.store, "billing")
    releases.release(1)
    billing.release(7)
    client = make_client()
    assert (client.bundle(WORKFLOW).version, client.bundle("billing").version) == (1, 7)
    billing.overwrite(b"")
    releases.release(2)
    client.refresh()
    assert (client.bundle(WORKFLOW).version, client.bundle("billing").version) == (2, 7)


def test_a_drill_reverts_exactly_on_time(releases: Releases, make_client: MakeClient, at: FakeTime) -> None:
    releases.release(2, revert_to=1, revert_at=SOON)
    client = make_client()
    assert client.bundle(WORKFLOW).version == 2
    at.pass_s(59.999)
    assert client.bundle(WORKFLOW).version == 2
    at.pass_s(0.001)
    bundle = client.bundle(WORKFLOW)
    assert (bundle.version, bundle.tag, bundle.generation) == (1, "1.1.0", 1)
    assert bundle.prompt("system").render() == "You are version 1.\n"


def test_a_drill_reverts_while_the_store_is_away(
    releases: Releases, make_client: MakeClient, at: FakeTime, folder: Path
) -> None:
    releases.release(2, revert_to=1, revert_at=SOON)
    client = make_client(cache=False)
    client.bundle(WORKFLOW)
    folder.rename(folder.with_name("elsewhere"))
    at.pass_s(60)
    assert client.bundle(WORKFLOW).version == 1
    client.refresh()
    assert client.bundle(WORKFLOW).version == 1


def test_a_client_that_starts_after_the_moment_serves_what_was_reverted_to(
    releases: Releases, make_client: MakeClient, at: FakeTime
) -> None:
    releases.release(2, revert_to=1, revert_at=SOON)
    releases.store.delete(blob_key(releases.digests[2]))
    at.pass_s(61)
    assert make_client().bundle(WORKFLOW).version == 1


def test_once_reverted_it_stays_so_though_the_clock_goes_back(
    releases: Releases, make_client: MakeClient, at: FakeTime
) -> None:
    releases.release(2, revert_to=1, revert_at=SOON)
    client = make_client()
    client.bundle(WORKFLOW)
    at.pass_s(60)
    assert client.bundle(WORKFLOW).version == 1
    at.moment = NOON
    whole = encode(releases.pointer(2, generation=1, revert_to=1, revert_at=SOON))
    releases.overwrite(whole + b"\n")
    assert refreshed(client) == 1


def test_the_release_that_ends_a_drill_is_followed(releases: Releases, make_client: MakeClient, at: FakeTime) -> None:
    releases.release(2, revert_to=1, revert_at=SOON)
    client = make_client()
    client.bundle(WORKFLOW)
    releases.release(1)
    assert refreshed(client) == 1
    at.pass_s(120)
    assert client.bundle(WORKFLOW).generation == 2


def test_a_revert_whose_bundle_is_missing_is_said_and_tried_again(
    releases: Releases, make_client: MakeClient, at: FakeTime
) -> None:
    releases.release(2, revert_to=1, revert_at=SOON)
    releases.store.delete(blob_key(releases.digests[1]))
    client = make_client()
    assert client.bundle(WORKFLOW).version == 2
    assert "(version 1) cannot be loaded" in client.status()[WORKFLOW].last_error
    releases.register(1)
    client.refresh()
    assert client.status()[WORKFLOW].last_error == ""
    at.pass_s(60)
    assert client.bundle(WORKFLOW).version == 1


@pytest.mark.slow
def test_the_thread_turns_a_drill_by_itself(releases: Releases, make_client: MakeClient) -> None:
    releases.release(2, revert_to=1, revert_at=now() + timedelta(seconds=1.5))
    client = make_client(poll_interval=3600, clock=now, polling=True)
    client.bundle(WORKFLOW)
    records = releases.store
    wait_until(lambda: any(b'"version": 1' in _data(releases, entry.key) for entry in records.entries("readers/")))
    assert client.bundle(WORKFLOW).version == 1


def _data(releases: Releases, key: str) -> bytes:
    stored = releases.store.get(key)
    return stored.data if stored else b""
