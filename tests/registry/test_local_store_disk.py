"""What a store in a folder does when the disk fails, is full or is read-only: it says why, and keeps what was there."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from registry.errors import Unavailable
from registry.stores.local import LocalStore

_KEY = "live/production/support-triage.json"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def store(root: Path) -> LocalStore:
    return LocalStore(root)


def _files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and path.name != ".lock")


def _failing_sync(number: int, *, folders: bool) -> Callable[[int], None]:
    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode) is folders:
            raise OSError(number, os.strerror(number))

    return fsync


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_a_write_that_does_not_reach_the_disk_changes_nothing_and_says_why(
    store: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    token = store.create(_KEY, b"first")
    monkeypatch.setattr(os, "fsync", _failing_sync(number, folders=False))
    with pytest.raises(Unavailable) as created:
        store.create("blobs/x", b"x")
    with pytest.raises(Unavailable) as swapped:
        store.replace(_KEY, b"x", expect=token)
    assert created.value.message == f"cannot write {root}/blobs/x: {os.strerror(number)}"
    assert swapped.value.message == f"cannot write {root}/{_KEY}: {os.strerror(number)}"
    assert _files(root) == [_KEY]
    assert (root / _KEY).read_bytes() == b"first"


def test_a_write_whose_name_does_not_reach_the_disk_is_not_reported_as_done(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = store.create(_KEY, b"first")
    store.create("blobs/x", b"x")
    monkeypatch.setattr(os, "fsync", _failing_sync(errno.EIO, folders=True))
    with pytest.raises(Unavailable):
        store.replace(_KEY, b"second", expect=token)
    with pytest.raises(Unavailable):
        store.create("blobs/y", b"y")
    with pytest.raises(Unavailable):  # there, but nobody knows whether it stays
        store.create("blobs/x", b"x")


def test_a_heartbeat_does_not_wait_for_the_disk(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.replace("readers/p/w/one.json", b"first", expect=None)
    for folders in (False, True):
        monkeypatch.setattr(os, "fsync", _failing_sync(errno.EIO, folders=folders))
        store.replace("readers/p/w/one.json", b"second", expect=None)


def test_a_file_where_a_folder_has_to_be_is_reported_by_every_method(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = LocalStore(tmp_path / "file")
    uses: dict[str, list[Callable[[], object]]] = {
        "read": [lambda: store.get(_KEY)],
        "write": [
            lambda: store.create(_KEY, b"x"),
            lambda: store.replace(_KEY, b"x", expect="sha256:00"),
            lambda: store.replace(_KEY, b"x", expect=None),
        ],
        "list": [lambda: list(store.entries(_KEY))],
        "delete": [lambda: store.delete(_KEY)],
    }
    for verb, use in [(verb, use) for verb, several in uses.items() for use in several]:
        with pytest.raises(Unavailable) as caught:
            use()
        assert caught.value.message == f"cannot {verb} {tmp_path}/file/{_KEY}: Not a directory"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write into any folder")
def test_a_folder_without_write_permission_is_still_read(store: LocalStore, root: Path) -> None:
    token = store.create(_KEY, b"first")
    root.chmod(0o500)
    (root / "live/production").chmod(0o500)
    (root / "tmp").chmod(0o500)
    with pytest.raises(Unavailable, match="Permission denied"):
        store.replace(_KEY, b"second", expect=token)
    stored = store.get(_KEY)
    assert stored is not None
    assert stored.data == b"first"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 128 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", folder], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a small disk takes root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_full_disk_refuses_the_write_and_keeps_all_that_was_there(small_disk: Path) -> None:
    store = LocalStore(small_disk)
    token = store.create(_KEY, b"first")
    with pytest.raises(Unavailable) as caught:
        store.create("blobs/large", b"x" * (1 << 20))
    assert caught.value.message == f"cannot write {small_disk}/blobs/large: No space left on device"
    with pytest.raises(Unavailable, match="No space left on device"):
        store.replace(_KEY, b"x" * (1 << 20), expect=token)
    assert _files(small_disk) == [_KEY]
    store.replace(_KEY, b"second", expect=token)


def test_a_read_only_disk_is_still_read(small_disk: Path) -> None:
    store = LocalStore(small_disk)
    token = store.create(_KEY, b"first")
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(Unavailable, match="Read-only file system"):
        store.create("live/other.json", b"other")
    with pytest.raises(Unavailable, match="Read-only file system"):
        store.replace("live/other.json", b"other", expect=None)
    with pytest.raises(Unavailable, match="Read-only file system"):
        store.replace(_KEY, b"second", expect=token)
    assert store.get(_KEY, unless=token) is None
    assert [entry.key for entry in store.entries("")] == [_KEY]
