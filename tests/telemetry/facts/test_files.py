"""Segments as files: a folder's in place and hashed once, S3's from a bounded cache, and held while they are read."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent_deploy.telemetry.facts import files as reading
from agent_deploy.telemetry.facts.files import CachedFiles, FilesInPlace, hold_segments, segment_files
from agent_deploy.telemetry.facts.holding import HeldFiles
from agent_deploy.telemetry.facts.query import facts_connection
from agent_deploy.telemetry.facts.segments import Segment, put_segment
from registry.errors import Damaged, Missing, Unavailable
from registry.stores import Entry, Store, Stored, open_store
from registry.stores.memory import MemoryStore
from tests.telemetry.facts.made import HOUR, NINE, call, kept_in, read_facts, seal


class Counting(MemoryStore):
    """Counts what is fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.parallel = 4
        self.gets: list[str] = []

    def get(self, key: str, *, unless: str | None = None) -> Stored | None:
        """See `Store.get`."""
        self.gets.append(key)
        return super().get(key, unless=unless)


@pytest.fixture
def held(tmp_path: Path) -> Iterator[HeldFiles]:
    """A folder to hold files in."""
    files = HeldFiles(tmp_path)
    yield files
    files.release()


def _segments(store: Store, count: int = 3, size: int = 100) -> list[Segment]:
    return [put_segment(store, NINE + number * HOUR, bytes([number]) * size) for number in range(count)]


def test_a_segment_is_fetched_once_and_then_read_from_the_cache(tmp_path: Path, held: HeldFiles) -> None:
    store = Counting()
    segments = _segments(store)
    for _ in range(2):
        paths = hold_segments(store, segment_files(store, tmp_path), held, segments)
        assert [path.read_bytes()[:1] for path in paths] == [b"\x00", b"\x01", b"\x02"]
    assert sorted(store.gets) == sorted(segment.key for segment in segments)


def test_the_cache_lets_go_of_what_was_not_used_for_longest_and_queries_keep_what_they_hold(
    tmp_path: Path, held: HeldFiles
) -> None:
    store = Counting()
    segments = _segments(store)
    files = CachedFiles(store, tmp_path / "cache", limit=200)
    paths = hold_segments(store, files, held, segments)
    assert [path.read_bytes()[0] for path in paths] == [0, 1, 2]
    assert len(list((tmp_path / "cache").iterdir())) == 2
    for number, path in enumerate(sorted((tmp_path / "cache").iterdir())):
        os.utime(path, (number, number))
    kept = sorted((tmp_path / "cache").iterdir())[1]
    CachedFiles(store, tmp_path / "cache", limit=100).tidy()
    assert list((tmp_path / "cache").iterdir()) == [kept]


def test_the_cache_leaves_alone_what_is_being_written_and_removes_what_was_left_half_written(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    for name, age_s in (("young.aside", 60), ("old.aside", 4000)):
        (cache / name).write_bytes(b"half")
        os.utime(cache / name, (time.time() - age_s,) * 2)
    CachedFiles(MemoryStore(), cache, limit=1).tidy()
    assert [path.name for path in cache.iterdir()] == ["young.aside"]


def test_a_cached_file_of_another_size_is_fetched_again(tmp_path: Path) -> None:
    store = Counting()
    (segment,) = _segments(store, 1)
    files = segment_files(store, tmp_path)
    files.path(segment).write_bytes(b"half")
    assert files.path(segment).read_bytes() == b"\x00" * 100


def test_what_holds_other_bytes_never_gets_into_the_cache(tmp_path: Path) -> None:
    store = Counting()
    (segment,) = _segments(store, 1)
    store.replace(segment.key, b"other", expect=None)
    with pytest.raises(Damaged, match="it holds other bytes"):
        segment_files(store, tmp_path).path(segment)
    assert not (tmp_path / "cache").exists()


def test_a_cache_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    store = Counting()
    (segment,) = _segments(store, 1)
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(Unavailable, match=r"cannot write to .*cache"):
        segment_files(store, tmp_path).path(segment)


def test_processes_and_threads_may_fill_one_cache_at_once(tmp_path: Path) -> None:
    store = Counting()
    segments = _segments(store, 20, 20_000)
    faults: list[Exception] = []

    def read() -> None:
        held = HeldFiles(tmp_path)
        files = CachedFiles(store, tmp_path / "cache", limit=60_000)
        try:
            paths = hold_segments(store, files, held, segments)
            assert [path.read_bytes()[0] for path in paths] == list(range(20))
        except Exception as error:  # noqa: BLE001 - any at all is one too many
            faults.append(error)
        held.release()

    threads = [threading.Thread(target=read) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert faults == []


def test_a_folders_files_are_read_in_place_and_hashed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(str(tmp_path / "store"))
    (segment,) = _segments(store, 1)
    hashed, digest_of_file = list[Path](), reading._digest_of_file

    def note_and_hash(path: Path) -> str:
        hashed.append(path)
        return digest_of_file(path)

    monkeypatch.setattr(reading, "_digest_of_file", note_and_hash)
    path = tmp_path / "store" / segment.key
    for _ in range(2):
        files = segment_files(store, tmp_path)
        assert (type(files), files.path(segment)) == (FilesInPlace, path)
        files.tidy()
    assert hashed == [path]
    path.write_bytes(b"\x01" * 100)
    with pytest.raises(Damaged):
        segment_files(store, tmp_path).path(segment)
    path.unlink()
    with pytest.raises(Missing):
        segment_files(store, tmp_path).path(segment)


def test_what_this_machine_sealed_is_not_hashed_again_to_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = kept_in(tmp_path)
    for number in (1, 2):
        seal(facts, call(number))
    facts.compact()
    monkeypatch.delattr(reading, "_digest_of_file")
    assert read_facts(facts) == [*call(1), *call(2)]


def _nothing() -> None:
    pass


class Merging(MemoryStore):
    """Before the first segments are read, another process merges them."""

    def __init__(self) -> None:
        super().__init__()
        self.merge: Callable[[], object] = _nothing

    def get(self, key: str, *, unless: str | None = None) -> Stored | None:
        """See `Store.get`."""
        if key.endswith(".parquet"):
            merge, self.merge = self.merge, _nothing
            merge()
        return super().get(key, unless=unless)


def test_a_segment_that_is_merged_away_between_listing_and_reading_is_looked_for_again(tmp_path: Path) -> None:
    store = Merging()
    here, there = kept_in(tmp_path / "here", store=store), kept_in(tmp_path / "there", store=store)
    for number in (1, 2):
        seal(there, call(number))
    store.merge = there.compact
    assert read_facts(here) == [*call(1), *call(2)]


class Listing(MemoryStore):
    """Lists a segment that it never had."""

    def entries(self, prefix: str) -> Iterator[Entry]:
        """See `Store.entries`."""
        yield Entry(Segment(NINE, "sha256:" + "0" * 64, 1).key, 1)


def test_a_store_that_lists_what_it_has_not_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="changed faster than they could be read"):
        facts_connection(Listing(), tmp_path)


def test_a_file_that_is_what_its_digest_says_and_no_table_of_facts_is_named(tmp_path: Path) -> None:
    store = MemoryStore()
    segment = put_segment(store, NINE, b"PAR1 or so they said")
    with pytest.raises(Damaged, match=f"{segment.key} in memory: is damaged"):
        facts_connection(store, tmp_path)


def test_held_files_outlive_their_removal_and_go_when_they_are_let_go(tmp_path: Path, held: HeldFiles) -> None:
    file = tmp_path / "file"
    file.write_text("kept")
    path = held.hold(file)
    file.unlink()
    HeldFiles(tmp_path).release()  # which sweeps, and leaves alone what is in use
    assert path.read_text() == "kept"
    held.release()
    assert list((tmp_path / "held").iterdir()) == []
    with pytest.raises(FileNotFoundError):
        HeldFiles(tmp_path).hold(file)


def test_to_let_go_twice_closes_nobody_elses_file(tmp_path: Path) -> None:
    held = HeldFiles(tmp_path)
    held.release()
    with (tmp_path / "another").open("w") as file:  # has the number that was ours
        held.release()
        assert os.fstat(file.fileno()).st_size == 0


def test_a_connection_lets_go_when_nobody_has_it_any_more(tmp_path: Path) -> None:
    facts = kept_in(tmp_path)
    seal(facts, call(1))
    connection = facts.connection()
    assert len(list((facts.folder / "held").iterdir())) == 1
    del connection
    assert list((facts.folder / "held").iterdir()) == []


def _leave(held: HeldFiles) -> None:
    held.release()


def test_where_nothing_can_be_written_beside_the_facts_they_are_read_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = kept_in(tmp_path)
    seal(facts, call(1))
    (facts.folder / "held").rmdir()
    (facts.folder / "held").write_text("a file where a folder has to be")
    assert len(read_facts(facts)) == 3
    held = HeldFiles(facts.folder)
    assert (held.folder.is_dir(), facts.folder in held.folder.parents) == (True, False)
    held.release()
    assert not held.folder.parent.exists()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(Unavailable, match=f"cannot write to {facts.folder}"):
        HeldFiles(facts.folder)


def test_a_spool_that_cannot_be_read_is_told_as_such(tmp_path: Path) -> None:
    facts = kept_in(tmp_path)
    facts.folder.mkdir(parents=True)
    (facts.folder / "spool").write_text("a file where a folder has to be")
    with pytest.raises(Unavailable, match=f"cannot read {facts.folder}/spool: Not a directory"):
        read_facts(facts)


@pytest.mark.slow
def test_a_forked_child_takes_nothing_away_from_its_parent(tmp_path: Path, held: HeldFiles) -> None:
    child = multiprocessing.get_context("fork").Process(target=_leave, args=(held,))
    child.start()
    child.join(60)
    assert (child.exitcode, held.folder.exists()) == (0, True)


@pytest.mark.slow
def test_what_a_killed_process_held_is_swept(tmp_path: Path) -> None:
    code = "import os, sys; from pathlib import Path; from agent_deploy.telemetry.facts.holding import HeldFiles\n"
    code += "held = HeldFiles(Path(sys.argv[1])); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, timeout=60)
    (left,) = (tmp_path / "held").iterdir()
    HeldFiles(tmp_path).release()
    assert not left.exists()
