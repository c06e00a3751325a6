"""What a store in a folder promises beyond the contract: where things lie, and what it refuses."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from registry.errors import BadInput, Changed, Missing, Unavailable
from registry.stores import Entry, Store, local
from registry.stores.local import LocalStore
from tests.contract.racing import race

_KEY = "live/production/support-triage.json"
_HOUR_S = 3600


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(root: Path) -> LocalStore:
    return LocalStore(root)


def _files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and path.name != ".lock")


def test_a_key_is_the_path_of_a_file_that_holds_the_bytes_verbatim(store: LocalStore, root: Path) -> None:
    store.create(_KEY, b"{}\n")
    assert (root / _KEY).read_bytes() == b"{}\n"
    assert _files(root) == [_KEY]


def test_the_folder_is_made_by_the_first_write_only(store: LocalStore, root: Path) -> None:
    with pytest.raises(Missing):
        store.get(_KEY)
    with pytest.raises(Changed):
        store.replace(_KEY, b"x", expect="sha256:00")
    store.delete(_KEY)
    assert list(store.entries("")) == []
    assert not root.exists()
    store.create(_KEY, b"x")
    assert root.is_dir()


def test_the_url_is_the_folder_as_given_and_stays_right_when_the_process_changes_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = LocalStore(Path(".agent-deploy"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    store.create(_KEY, b"x")
    assert store.url == ".agent-deploy"
    assert (tmp_path / ".agent-deploy" / _KEY).is_file()


def test_a_delete_takes_the_folders_that_it_empties_but_not_the_root(store: LocalStore, root: Path) -> None:
    store.create("readers/p/w/one.json", b"x")
    store.create("readers/p/other.json", b"x")
    store.delete("readers/p/w/one.json")
    assert not (root / "readers/p/w").exists()
    assert (root / "readers/p").is_dir()
    store.delete("readers/p/other.json")
    assert not (root / "readers").exists()
    assert root.is_dir()


def test_a_create_always_finds_a_folder_though_others_keep_emptying_it(store: LocalStore, root: Path) -> None:
    def act(number: int) -> None:
        for turn in range(20):
            store.create(f"readers/p/w/{number}-{turn}.json", b"x")
            store.delete(f"readers/p/w/{number}-{turn}.json")

    race(act, racers=4)
    assert _files(root) == []


_USES: dict[str, Callable[[Store, str], object]] = {
    "get": lambda store, key: store.get(key),
    "create": lambda store, key: store.create(key, b"x"),
    "swap": lambda store, key: store.replace(key, b"x", expect="sha256:00"),
    "replace": lambda store, key: store.replace(key, b"x", expect=None),
    "delete": lambda store, key: store.delete(key),
}


@pytest.mark.parametrize("use", _USES.values(), ids=_USES)
@pytest.mark.parametrize(
    "key", ["../x", "/etc/passwd", "a/../../x", "a//b", "a/", "", "./a", "a/.", "a\0b", "tmp/x", "tmp", ".lock"]
)
def test_a_key_that_leads_out_of_the_folder_or_is_the_stores_own_is_refused(
    store: LocalStore, root: Path, key: str, use: Callable[[Store, str], object]
) -> None:
    with pytest.raises(BadInput, match="is not a key"):
        use(store, key)
    assert not root.exists()


@pytest.mark.parametrize("prefix", ["../", "../x", "/etc/", "/etc", "live/../../"])
def test_a_prefix_that_leads_out_of_the_folder_is_refused(store: LocalStore, prefix: str) -> None:
    with pytest.raises(BadInput, match="is not a key"):
        list(store.entries(prefix))


@pytest.mark.parametrize("prefix", ["", "t", "tmp", "tmp/", "tmp/left", "."])
def test_files_being_written_and_the_lock_are_never_listed(store: LocalStore, root: Path, prefix: str) -> None:
    store.replace("live/x.json", b"x", expect=None)
    (root / "tmp/leftover").write_bytes(b"half")
    assert [entry.key for entry in store.entries(prefix) if entry.key != "live/x.json"] == []


def test_a_blob_is_found_among_many_without_listing_its_folder(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = f"blobs/sha256/{'a' * 64}"
    store.create(key, b"four")

    def refuse(path: str) -> None:
        raise AssertionError(f"listed {path}")

    monkeypatch.setattr(os, "scandir", refuse)
    assert list(store.entries(key)) == [Entry(key, 4)]
    assert list(store.entries(key[:-1] + "b")) == []


def test_a_swap_sweeps_what_killed_processes_left_an_hour_ago_and_nothing_younger(
    store: LocalStore, root: Path
) -> None:
    token = store.create(_KEY, b"first")
    for name, age_s in (("old", _HOUR_S + 60), ("young", _HOUR_S - 60)):
        (root / "tmp" / name).write_bytes(b"half")
        os.utime(root / "tmp" / name, (time.time() - age_s,) * 2)
    store.replace(_KEY, b"second", expect=token)
    assert _files(root) == [_KEY, "tmp/young"]


def test_a_lock_that_another_holds_too_long_is_reported_and_nothing_changes(
    store: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = store.create(_KEY, b"first")
    monkeypatch.setattr(local, "_LOCK_WAIT_S", 0.05)
    with (root / ".lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(Unavailable, match="another process has held its lock"):
            store.replace(_KEY, b"second", expect=token)
    store.replace(_KEY, b"second", expect=token)
