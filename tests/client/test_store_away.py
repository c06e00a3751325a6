"""When the store is away: the last known good bundle, the fallback folder, the cap, and a clear refusal."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from agent_deploy.client import Client, NotServed, Stale
from registry.errors import RegistryError, Unavailable
from registry.stores import Stored
from registry.stores.local import LocalStore
from tests.client.conftest import MakeClient
from tests.client.releases import WORKFLOW, FakeTime, Releases, config_of, files_of


class Flaky(LocalStore):
    """A store that can be away, and counts how often it was asked for something."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.away = False
        self.asked = 0
        self.blobs_read = 0

    def get(self, key: str, *, unless: str | None = None) -> Stored | None:
        self.asked += 1
        self.blobs_read += key.startswith("blobs/")
        if self.away:
            raise Unavailable("the store does not answer")
        return super().get(key, unless=unless)


@pytest.fixture
def store(folder: Path) -> Flaky:
    return Flaky(folder)


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """A bundle folder that the application ships, of version "9"."""
    import tomli_w

    root = tmp_path / "shipped"
    for path, data in files_of(9).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    (root / "bundle.toml").write_text(tomli_w.dumps(config_of(9)))
    return root


def kept(client: Client) -> None:
    """Have the client keep what it serves on disk."""
    client.bundle(WORKFLOW)
    client.refresh()


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


@pytest.mark.parametrize("by_workflow", [True, False])
def test_what_was_never_seen_is_served_from_the_folder_shipped_with_the_application(
    releases: Releases, make_client: MakeClient, shipped: Path, by_workflow: bool
) -> None:
    client = make_client(fallback={WORKFLOW: shipped} if by_workflow else shipped)
    bundle = client.bundle(WORKFLOW)
    assert (bundle.generation, bundle.version, bundle.tag, bundle.source) == (0, 0, "", "fallback")
    assert bundle.digest == releases.register(9)
    assert bundle.prompt("classify").render(query="where?") == "You are version 9.\nClassify by 9: where?\n"
    releases.release(1)
    client.refresh()
    assert (client.bundle(WORKFLOW).version, client.bundle(WORKFLOW).source) == (1, "store")


def test_a_fallback_is_for_its_own_workflow_only(make_client: MakeClient, shipped: Path) -> None:
    with pytest.raises(NotServed, match="billing is not served"):
        make_client(fallback=shipped).bundle("billing")
    with pytest.raises(NotServed, match="billing is not served"):
        make_client(fallback={WORKFLOW: shipped}).bundle("billing")


def test_a_broken_fallback_is_named(make_client: MakeClient, shipped: Path) -> None:
    (shipped / "prompts/system.md").unlink()
    with pytest.raises(NotServed, match=r"no last known good bundle on disk; the fallback folder: .*prompts/system.md"):
        make_client(fallback=shipped).bundle(WORKFLOW)


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


def test_first_calls_at_once_read_the_store_once(releases: Releases, make_client: MakeClient, store: Flaky) -> None:
    from concurrent.futures import ThreadPoolExecutor

    releases.release(1)
    client = make_client(store=store, cache=False)
    with ThreadPoolExecutor(8) as pool:
        bundles = list(pool.map(lambda _: client.bundle(WORKFLOW), range(64)))
    assert {id(bundle) for bundle in bundles} == {id(bundles[0])}
    assert store.blobs_read == 6  # the manifest, the config and four files
