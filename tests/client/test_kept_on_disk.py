"""What a client keeps on disk: shared, read once, healed where damaged, and in no way where it cannot be written."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from agent_deploy.client import NotServed
from registry.stores.local import LocalStore
from tests.client.conftest import MakeClient
from tests.client.flaky import Flaky, kept
from tests.client.releases import WORKFLOW, FakeTime, Releases


def test_a_damaged_file_on_disk_is_read_from_the_store_and_healed(
    releases: Releases, make_client: MakeClient, cache: Path, folder: Path
) -> None:
    releases.release(1)
    kept(make_client())
    for blob in cache.glob("*/blobs/sha256/*"):
        blob.write_bytes(b"")
    kept(make_client())
    folder.rename(folder.with_name("elsewhere"))
    assert make_client().bundle(WORKFLOW).prompt("system").render() == "You are version 1.\n"


def test_a_damaged_pointer_on_disk_is_as_none(
    releases: Releases, make_client: MakeClient, cache: Path, folder: Path
) -> None:
    releases.release(1)
    kept(make_client())
    next(cache.glob("*/live/production/*.json")).write_bytes(b"{")
    away = folder.rename(folder.with_name("elsewhere"))
    with pytest.raises(NotServed, match="no last known good bundle on disk"):
        make_client().bundle(WORKFLOW)
    away.rename(folder)
    kept(make_client())
    folder.rename(folder.with_name("elsewhere"))
    assert make_client().bundle(WORKFLOW).source == "disk"


def test_a_last_known_good_that_is_not_whole_is_named(
    releases: Releases, make_client: MakeClient, cache: Path, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    releases.release(1)
    kept(make_client())
    folder.rename(folder.with_name("elsewhere"))
    for blob in cache.glob("*/blobs/sha256/*"):
        blob.write_bytes(b"")
    client = make_client()
    for _ in range(3):
        with pytest.raises(NotServed, match=r"on disk: generation 1 \(version 1\) cannot be loaded: .*; no fallback"):
            client.bundle(WORKFLOW)
    assert caplog.text.count("live/production/support-triage.json is not in") == 1


def test_a_folder_that_goes_away_is_not_made_again(
    releases: Releases, make_client: MakeClient, folder: Path, at: FakeTime
) -> None:
    releases.release(1)
    client = make_client(heartbeat=10)
    client.bundle(WORKFLOW)
    client.refresh()
    folder.rename(folder.with_name("elsewhere"))
    at.pass_s(10)
    client.refresh()
    client.close()
    assert not folder.exists()


@pytest.mark.parametrize("spoil", ["file", "read-only"])
def test_a_cache_that_cannot_be_written_keeps_nothing_from_being_served(
    releases: Releases, make_client: MakeClient, cache: Path, spoil: str, caplog: pytest.LogCaptureFixture
) -> None:
    if spoil == "file":
        cache.write_text("a file where the folder should be")
    else:
        cache.mkdir(mode=0o500)
    releases.release(1)
    client = make_client(heartbeat=0.001)
    client.bundle(WORKFLOW)
    client.refresh()
    releases.release(2)
    client.refresh()
    assert client.bundle(WORKFLOW).version == 2
    complaints = [record for record in caplog.records if "nothing can be kept on disk" in record.message]
    assert len(complaints) == 1 or (spoil == "read-only" and os.geteuid() == 0)  # root may write anyway


def test_two_clients_share_one_cache(releases: Releases, make_client: MakeClient, cache: Path, folder: Path) -> None:
    releases.release(1)
    one, other = make_client(), make_client()
    kept(one)
    kept(other)
    releases.release(2)
    other.refresh()
    one.refresh()
    pointer = json.loads(next(cache.glob("*/live/production/*.json")).read_bytes())
    assert pointer["generation"] == 2
    folder.rename(folder.with_name("elsewhere"))
    assert make_client().bundle(WORKFLOW).version == 2


def test_what_is_kept_on_disk_was_read_from_the_store_once(
    releases: Releases, make_client: MakeClient, store: Flaky
) -> None:
    releases.release(1)
    kept(make_client(store=store))
    assert store.blobs_read == 6  # the manifest, the config and four files
    kept(make_client(store=store))
    assert store.blobs_read == 6


def test_an_idle_client_writes_to_disk_only_where_there_is_a_cap(
    releases: Releases, make_client: MakeClient, cache: Path, at: FakeTime
) -> None:
    releases.release(1)
    written = {}
    for cap in (None, 60):
        client = make_client(max_staleness=cap)
        kept(client)
        (note,) = cache.glob("*/checked/production/*")
        before = note.read_text()
        at.pass_s(30)
        client.refresh()
        written[cap] = note.read_text() != before
    assert written == {None: False, 60: True}


def test_two_stores_never_share_a_cached_pointer(tmp_path: Path, make_client: MakeClient) -> None:
    one, other = Releases(LocalStore(tmp_path / "one")), Releases(LocalStore(tmp_path / "other"))
    one.release(1)
    one.release(2)
    other.release(7)
    kept(make_client(store=str(tmp_path / "one")))
    assert make_client(store=str(tmp_path / "other")).bundle(WORKFLOW).version == 7
