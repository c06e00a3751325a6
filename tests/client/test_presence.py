"""Reader records: true, timely, and never in the way."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from registry.errors import Unavailable
from registry.models import Reader
from registry.readers import list_readers, standing, write_reader
from registry.stores.local import LocalStore
from tests.client.conftest import MakeClient
from tests.client.releases import NOON, WORKFLOW, FakeTime, Releases, wait_until


class ReadOnly(LocalStore):
    """A store that takes no writes, as S3 with a reader's permissions."""

    refuses = True
    tried = 0

    def replace(self, key: str, data: bytes, *, expect: str | None) -> str:
        if self.refuses:
            self.tried += 1
            raise Unavailable("AccessDenied")
        return super().replace(key, data, expect=expect)


def readers(releases: Releases) -> list[Reader]:
    return list(list_readers(releases.store, "production", WORKFLOW))


def test_a_reader_says_what_it_serves(releases: Releases, make_client: MakeClient) -> None:
    releases.release(3)
    client = make_client()
    client.bundle(WORKFLOW)
    client.refresh()
    (reader,) = readers(releases)
    assert (reader.generation, reader.version, reader.digest, reader.source) == (1, 3, releases.digests[3], "store")
    assert (reader.serving_since, reader.seen_at, reader.heartbeat_s) == (NOON, NOON, 10)
    assert reader.instance == client.instance
    assert re.fullmatch(rf"{re.escape(reader.host)}-{reader.pid}-[0-9a-f]{{6}}", reader.instance)
    assert standing(reader, 1, NOON) == "current"


def test_the_thread_says_so_without_being_asked(releases: Releases, make_client: MakeClient) -> None:
    releases.release(1)
    client = make_client(polling=True)
    client.bundle(WORKFLOW)
    wait_until(lambda: [reader.generation for reader in readers(releases)] == [1])
    releases.release(2)
    wait_until(lambda: [reader.generation for reader in readers(releases)] == [2])


def test_the_record_names_a_generation_only_once_it_is_served(releases: Releases, make_client: MakeClient) -> None:
    releases.release(1)
    client = make_client()
    client.bundle(WORKFLOW)
    client.refresh()
    releases.release(2)
    key = f"blobs/sha256/{releases.digests[2].removeprefix('sha256:')}"
    releases.store.delete(key)
    client.refresh()
    assert [reader.generation for reader in readers(releases)] == [1]
    releases.register(2)
    client.refresh()
    assert [reader.generation for reader in readers(releases)] == [2]


def test_the_record_follows_a_drills_revert(releases: Releases, make_client: MakeClient, at: FakeTime) -> None:
    releases.release(2, revert_to=1, revert_at=NOON + timedelta(seconds=60))
    client = make_client()
    client.bundle(WORKFLOW)
    client.refresh()
    at.pass_s(60)
    client.bundle(WORKFLOW)
    client.refresh()
    assert [(reader.generation, reader.version) for reader in readers(releases)] == [(1, 1)]


def test_a_heartbeat_renews_the_record(releases: Releases, make_client: MakeClient, at: FakeTime) -> None:
    releases.release(1)
    client = make_client(heartbeat=10)
    client.bundle(WORKFLOW)
    client.refresh()
    for passed, seen in ((9, 0), (1, 10), (5, 10), (6, 21)):
        at.pass_s(passed)
        client.refresh()
        assert [reader.seen_at for reader in readers(releases)] == [NOON + timedelta(seconds=seen)]


def test_closing_removes_the_record(releases: Releases, make_client: MakeClient) -> None:
    releases.release(1)
    client = make_client(polling=True)
    client.bundle(WORKFLOW)
    wait_until(lambda: readers(releases))
    client.close()
    wait_until(lambda: not readers(releases))


def test_a_store_that_takes_no_records_is_read_all_the_same(
    releases: Releases, make_client: MakeClient, folder: Path, at: FakeTime, caplog: pytest.LogCaptureFixture
) -> None:
    releases.release(1)
    store = ReadOnly(folder)
    client = make_client(store=store, poll_interval=1000)
    client.bundle(WORKFLOW)
    for _ in range(100):
        client.refresh()
    releases.release(2)
    client.refresh()
    assert client.bundle(WORKFLOW).version == 2
    assert (store.tried, caplog.text.count("takes no reader record")) == (1, 1)


def test_a_refused_record_is_tried_again_less_and_less_often(
    releases: Releases, make_client: MakeClient, folder: Path, at: FakeTime
) -> None:
    releases.release(1)
    store = ReadOnly(folder)
    client = make_client(store=store, poll_interval=1)
    client.bundle(WORKFLOW)
    wait_until(lambda: store.tried == 1)
    for _ in range(3600):
        at.pass_s(1)
        client.refresh()
    assert 10 <= store.tried <= 20
    store.refuses = False
    at.pass_s(600)
    client.refresh()
    assert [reader.generation for reader in readers(releases)] == [1]


def test_a_new_reader_clears_away_the_long_dead(releases: Releases, make_client: MakeClient) -> None:
    releases.release(1)
    client = make_client()
    client.bundle(WORKFLOW)
    client.refresh()
    (living,) = readers(releases)
    for instance, days in (("dead", 2), ("silent", 0.5)):
        write_reader(releases.store, replace(living, instance=instance, seen_at=NOON - timedelta(days=days)))
    late = make_client()
    late.bundle(WORKFLOW)
    late.refresh()
    assert {reader.instance for reader in readers(releases)} == {client.instance, late.instance, "silent"}


def test_an_instance_may_be_named(releases: Releases, make_client: MakeClient) -> None:
    releases.release(1)
    client = make_client(instance="web-7")
    client.bundle(WORKFLOW)
    client.refresh()
    assert [reader.instance for reader in readers(releases)] == ["web-7"]
