"""The cap: nothing is served that the store has not confirmed for too long, a restart or not."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent_deploy.client import Stale
from tests.client.conftest import MakeClient
from tests.client.flaky import Flaky, kept
from tests.client.releases import WORKFLOW, FakeTime, Releases


def test_the_cap_refuses_what_was_not_confirmed_for_too_long(
    releases: Releases, make_client: MakeClient, store: Flaky, at: FakeTime
) -> None:
    releases.release(1)
    client = make_client(store=store, max_staleness=60)
    client.bundle(WORKFLOW)
    store.away = True
    at.pass_s(59)
    client.refresh()
    assert client.bundle(WORKFLOW).version == 1
    at.pass_s(1)
    with pytest.raises(Stale, match=r"for 60.0 s .* max_staleness is 60 s \(the store does not answer\)"):
        client.bundle(WORKFLOW)
    assert client.status()[WORKFLOW].stale
    store.away = False
    client.refresh()
    assert client.bundle(WORKFLOW).version == 1
    assert not client.status()[WORKFLOW].stale


def test_the_cap_counts_while_a_pointer_is_refused(releases: Releases, make_client: MakeClient, at: FakeTime) -> None:
    first = releases.release(1)
    releases.release(2)
    client = make_client(max_staleness=60)
    client.bundle(WORKFLOW)
    releases.force(first)
    at.pass_s(61)
    client.refresh()
    with pytest.raises(Stale, match="went back from generation 2 to 1"):
        client.bundle(WORKFLOW)


def test_the_cap_outlives_a_restart(releases: Releases, make_client: MakeClient, store: Flaky, at: FakeTime) -> None:
    releases.release(1)
    kept(make_client(store=store, max_staleness=60))
    store.away = True
    at.pass_s(61)
    with pytest.raises(Stale):
        make_client(store=store, max_staleness=60).bundle(WORKFLOW)


def test_a_long_confirmed_release_is_fresh_after_a_restart(
    releases: Releases, make_client: MakeClient, store: Flaky, at: FakeTime
) -> None:
    releases.release(1)
    client = make_client(store=store, max_staleness=60)
    kept(client)
    at.pass_s(1000)
    client.refresh()
    store.away = True
    at.pass_s(50)
    assert make_client(store=store, max_staleness=60).bundle(WORKFLOW).version == 1


def test_the_cap_counts_from_the_start_for_a_fallback(make_client: MakeClient, shipped: Path, at: FakeTime) -> None:
    client = make_client(fallback=shipped, max_staleness=60)
    assert client.bundle(WORKFLOW).version == 0
    assert client.status()[WORKFLOW].age_s is None
    at.pass_s(60)
    with pytest.raises(Stale):
        client.bundle(WORKFLOW)
