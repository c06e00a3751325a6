"""Disks full and read-only, files damaged and in the way: what failed is named, and nothing recorded is lost."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.blobs import blob_key
from registry.manifest import parse_manifest
from registry.models import Version
from registry.registry import Registry
from tests.builders import WORKFLOW, add_version, open_registry, write_bundle
from tests.commands import COMMAND, UNGATED, Answer, call, line
from tests.faults.disks import SmallDisk, read_only, small_disk
from tests.faults.states import look

POINTER = f"live/production/{WORKFLOW}.json"
PROMOTE = ("promote", WORKFLOW, "--version", "2", "--json")
ROLLBACK = ("rollback", WORKFLOW, "--to-version", "1", "--json")


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """Two versions, the first of them live."""
    return _ready(open_registry(tmp_path))


def _ready(registry: Registry) -> Registry:
    for number in (1, 2):
        add_version(registry, number)
    assert call(registry, "promote", WORKFLOW, "--version", "1").code == 0
    return registry


def _path(registry: Registry, key: str = "") -> Path:
    return Path(registry.store.url, key)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk") as disk:
        yield disk


def _assert_recorded_and_waiting(registry: Registry, answer: Answer, why: str) -> None:
    """Exit 6, and all that belongs to it."""
    assert (answer.code, answer.document["changed"], answer.document["delivered"]) == (6, True, False)
    assert f"not delivered: cannot write {_path(registry, POINTER)}: {why}" in answer.err
    assert "The release is recorded; readers still serve what they served." in answer.err
    assert "next: agent-deploy deliver" in answer.err
    assert look(registry).releases[-1] == answer.document["version"]
    assert look(registry).pointer != (answer.document["generation"], answer.document["version"])


def _deliver(registry: Registry) -> None:
    assert call(registry, "deliver").code == 0
    assert look(registry).settled


def test_a_full_disk_under_the_store_is_exit_6_after_the_commit_and_deliver_finishes_it(
    tmp_path: Path, disk: SmallDisk
) -> None:
    registry = _ready(open_registry(tmp_path, store=str(disk.folder / "store")))
    disk.fill()
    answer = call(registry, *PROMOTE)
    _assert_recorded_and_waiting(registry, answer, "No space left on device")
    assert call(registry, "deliver").code == 6
    disk.free()
    _deliver(registry)


def test_a_full_disk_under_the_store_refuses_a_register(tmp_path: Path, disk: SmallDisk) -> None:
    registry = _ready(open_registry(tmp_path, store=str(disk.folder / "store")))
    words = ("register", str(write_bundle(tmp_path / "bundle")))
    before = look(registry)
    disk.fill()
    answer = call(registry, *words)
    assert answer.code == 1
    assert f"cannot write {disk.folder}/store/blobs/sha256/" in answer.err
    assert "No space left on device\n  Nothing was registered.\n  next: agent-deploy doctor" in answer.err
    assert look(registry) == before
    disk.free()
    assert call(registry, *words).code == 0


@pytest.mark.parametrize("words", [PROMOTE, ROLLBACK], ids=["promote", "rollback"])
def test_a_full_disk_under_the_database_records_nothing_and_moves_nothing(
    tmp_path: Path, disk: SmallDisk, words: tuple[str, ...]
) -> None:
    database = f"sqlite:///{disk.folder}/registry.db"
    registry = _ready(open_registry(tmp_path, database))
    if words == ROLLBACK:
        call(registry, *PROMOTE)
    before = look(registry)
    disk.fill()
    answer = call(registry, *words)
    assert answer.code == 1
    assert f"the database {database} failed: database or disk is full" in answer.err
    assert "Nothing was recorded." in answer.err
    assert "next: agent-deploy doctor" in answer.err
    disk.free()
    assert look(registry) == before
    assert call(registry, *words).code == 0
    assert look(registry).settled


@pytest.mark.slow
@pytest.mark.parametrize("command", ["register", "promote"])
def test_a_process_that_may_write_no_byte_leaves_everything_as_it_was(
    registry: Registry, tmp_path: Path, command: str
) -> None:
    words = ("register", str(write_bundle(tmp_path / "bundle"))) if command == "register" else PROMOTE
    before = look(registry)
    limited = ["sh", "-c", 'ulimit -f 0 && exec "$@"', "sh", *COMMAND, *line(registry, *words)]
    done = subprocess.run(limited, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1, done.stderr
    assert "Nothing was re" in done.stderr
    assert "next: agent-deploy doctor" in done.stderr
    assert "Traceback" not in done.stderr
    assert look(registry) == before
    assert call(registry, *words).code == 0


def test_a_read_only_live_folder_is_exit_6_and_deliver_finishes_it(registry: Registry) -> None:
    with read_only(_path(registry, "live/production")):
        answer = call(registry, *PROMOTE)
        _assert_recorded_and_waiting(registry, answer, "")
        assert "not permitted" in answer.err or "denied" in answer.err
    _deliver(registry)


def test_a_read_only_blob_folder_refuses_a_register_and_hinders_no_rollback(registry: Registry, tmp_path: Path) -> None:
    call(registry, *PROMOTE)
    before = look(registry)
    with read_only(_path(registry, "blobs/sha256")):
        answer = call(registry, "register", str(write_bundle(tmp_path / "bundle")))
        assert answer.code == 1
        assert f"cannot write {_path(registry, 'blobs/sha256')}/" in answer.err
        assert "Nothing was registered." in answer.err
        assert look(registry) == before
        assert call(registry, *ROLLBACK).code == 0
    assert look(registry).settled


def test_a_read_only_database_records_nothing_and_is_still_read(tmp_path: Path) -> None:
    folder = tmp_path / "database"
    folder.mkdir()
    database = f"sqlite:///{folder}/registry.db"
    registry = _ready(open_registry(tmp_path, database))
    before = look(registry)
    with read_only(folder / "registry.db", folder):
        answer = call(registry, *PROMOTE)
        assert answer.code == 1
        assert f"the database {database} failed: " in answer.err
        assert "Nothing was recorded." in answer.err
        assert call(registry, "status").code == 0
        assert look(registry) == before
    assert call(registry, *PROMOTE).code == 0


def test_a_file_where_the_store_should_be_is_named(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    where = ("--config", str(UNGATED), "--database", registry.database.url, "--store", str(tmp_path / "file"))
    answer = call(None, *where, *PROMOTE)
    assert answer.code == 1
    assert f"cannot read {tmp_path}/file/blobs/sha256/" in answer.err
    assert "Not a directory\n  Nothing was moved.\n  next: agent-deploy doctor" in answer.err
    assert look(registry).releases == (1,)


def test_a_database_that_another_holds_too_long_is_told_and_nothing_is_recorded(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.database.BUSY_TIMEOUT_S", 0.05)
    with registry.database.write():
        answer = call(registry, *PROMOTE)
    assert answer.code == 1
    assert f"the database {registry.database.url} failed: " in answer.err
    assert "Nothing was recorded." in answer.err
    assert look(registry).releases == (1,)


def _blobs_of(registry: Registry, version: Version) -> dict[str, Path]:
    """Where each blob of a version lies, by what it is."""
    manifest = parse_manifest(version.manifest.encode(), version.digest)
    digests = {
        "manifest": version.digest,
        "config": manifest.config_digest,
        "file": manifest.files["prompts/system.md"],
    }
    return {what: _path(registry, blob_key(digest)) for what, digest in digests.items()}


@pytest.mark.parametrize("what", ["manifest", "config", "file"])
@pytest.mark.parametrize("fault", ["missing", "flipped", "truncated"])
@pytest.mark.parametrize("command", ["promote", "rollback"])
def test_a_version_that_is_not_whole_is_refused_before_anything_moves(
    registry: Registry, tmp_path: Path, what: str, fault: str, command: str
) -> None:
    target = add_version(registry, 3)
    if command == "rollback":
        assert call(registry, "promote", WORKFLOW, "--version", "3").code == 0
        assert call(registry, *PROMOTE).code == 0
    before = look(registry)
    blob = _blobs_of(registry, target)[what]
    whole = blob.read_bytes()
    _damage(blob, fault)
    option = "--version" if command == "promote" else "--to-version"
    words = (command, WORKFLOW, option, "3", "--json")
    answer = call(registry, *words)
    assert answer.code == 7
    assert answer.err.startswith(f"error: {WORKFLOW}@3 is not whole: ")
    assert blob.name in answer.err
    assert "Nothing was moved." in answer.err
    assert f"next: agent-deploy verify {WORKFLOW}" in answer.err
    assert call(registry, *words, "--dry-run").code == 7
    assert any(blob.name in fault for fault in call(registry, "verify", "--json").document["damaged"])
    blob.write_bytes(whole)
    assert look(registry) == before
    assert call(registry, *words).code == 0


def _damage(file: Path, fault: str) -> None:
    data = file.read_bytes()
    if fault == "missing":
        file.unlink()
    elif fault == "flipped":
        file.write_bytes(bytes([data[0] ^ 1]) + data[1:])
    else:
        file.write_bytes(data[: len(data) // 2])


@pytest.mark.parametrize("fault", ["missing", "flipped", "truncated"])
def test_registering_the_same_content_again_mends_its_blobs(registry: Registry, tmp_path: Path, fault: str) -> None:
    bundle = write_bundle(tmp_path / "bundle", prompt="Mended.\n")
    call(registry, "register", str(bundle))
    before = look(registry)
    for blob in _path(registry, "blobs/sha256").iterdir():
        if blob.read_bytes() == b"Mended.\n":
            _damage(blob, fault)
    assert call(registry, "verify").code == 7
    assert call(registry, "register", str(bundle), "--json").document["created"] is False
    assert look(registry) == before


@pytest.mark.parametrize("content", [b"", b"{", b'{"generation": 9', b"null", b'{"generation": true}'])
@pytest.mark.parametrize("words", [("deliver", "--all"), PROMOTE])
def test_a_pointer_that_is_not_whole_is_mended_by_the_next_delivery(
    registry: Registry, content: bytes, words: tuple[str, ...]
) -> None:
    _path(registry, POINTER).write_bytes(content)
    answer = call(registry, "verify")
    assert answer.code == 7
    assert f"{WORKFLOW} in production: {POINTER} in {registry.store.url} is not a whole pointer" in answer.out
    assert "next: agent-deploy deliver --all" in answer.err
    assert call(registry, *words).code == 0
    assert look(registry).settled


@pytest.mark.parametrize(
    "content", [b"not a database, but a text of some length\n" * 100, None], ids=["text", "cut off"]
)
@pytest.mark.parametrize("words", [PROMOTE, ROLLBACK, ("status",), ("verify",)], ids=lambda words: words[0])
def test_a_file_that_is_no_whole_database_is_named_and_left_as_it_is(
    registry: Registry, content: bytes | None, words: tuple[str, ...]
) -> None:
    file = Path(registry.database.url.removeprefix("sqlite:///"))
    damaged = content or file.read_bytes()[:6000]
    pointer = _path(registry, POINTER).read_bytes()
    file.write_bytes(damaged)
    answer = call(registry, *words)
    assert answer.code == 7
    assert f"error: the database {registry.database.url} cannot be read: " in answer.err
    assert (file.read_bytes(), _path(registry, POINTER).read_bytes()) == (damaged, pointer)
