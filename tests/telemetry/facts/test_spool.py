"""The spool: durable when `append` returns, one fsync for many, and never a line lost or half read."""

from __future__ import annotations

import errno
import math
import multiprocessing
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent_deploy.telemetry.facts.spool import Spool, finished_file, spool_files
from registry.errors import Unavailable
from tests.telemetry.facts.made import call, fact, kept_in, read_facts


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def _lines(folder: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in spool_files(folder))


def test_what_was_appended_is_read_back_as_it_was(tmp_path: Path) -> None:
    facts = kept_in(tmp_path)
    full = fact(
        2, 1, tag="1.4.0", digest="sha256:ab", generation=3, user="ü'\"\\\n\x00", request_id="r", conversation="c",
        reasoning_tokens=0, tier="batch", reported_cost_usd=0.0, failed=True, failure_mode="timeout",
        error_type="TimeoutError", attempt=2, tool="t", outcome="o", confidence=0.0, parse_ok=False, score=1.0,
        score_passed=True, origin="gen_ai",
    )  # fmt: skip
    facts.spool().append([*call(1), full])
    assert read_facts(facts) == [*call(1), full]
    facts.seal(everything=True)
    assert read_facts(facts) == [*call(1), full]


@pytest.mark.parametrize(
    ("bad", "kept"),
    [
        ({"confidence": math.nan}, {"confidence": None}),
        ({"duration_ms": math.inf}, {"duration_ms": 0.0}),
        ({"input_tokens": 2**70}, {"input_tokens": None}),
        ({"version": 2**64}, {"version": 0}),
        ({"tenant": "a\ud800b"}, {"tenant": "a?b"}),
    ],
)
def test_a_value_that_no_column_can_hold_does_not_cost_its_row(
    tmp_path: Path, bad: dict[str, Any], kept: dict[str, Any]
) -> None:
    facts = kept_in(tmp_path)
    facts.spool().append([fact(1, 1, **bad), fact(2)])
    assert read_facts(facts) == [replace(fact(1, 1), **kept), fact(2)]


def test_a_torn_last_line_is_no_fact_wherever_it_was_torn(tmp_path: Path) -> None:
    facts = kept_in(tmp_path)
    facts.spool().append([fact(1)])
    facts.close()
    (path,) = spool_files(facts.folder / "spool")
    whole = path.read_bytes()
    for length in range(1, len(whole) - 1, 7):
        path.write_bytes(whole + whole[:length].replace(b"00010", b"00020"))
        assert read_facts(facts) == [fact(1)]
    sealed = facts.seal()
    assert (sealed.facts, sealed.damaged, read_facts(facts)) == (1, (), [fact(1)])


def test_a_line_that_is_no_fact_is_kept_aside_and_the_others_are_sealed(tmp_path: Path) -> None:
    facts = kept_in(tmp_path)
    facts.spool().append(call(1))
    facts.close()
    (path,) = spool_files(facts.folder / "spool")
    path.write_bytes(b"\x00\x00garbage\n" + path.read_bytes())
    assert read_facts(facts) == call(1)
    sealed = facts.seal()
    assert (sealed.facts, sealed.damaged) == (3, (path.with_suffix(".damaged"),))
    assert (read_facts(facts), path.with_suffix(".damaged").exists()) == (call(1), True)


def test_appends_that_wait_together_share_one_fsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool, syncs, first, go_on = Spool(tmp_path), list[int](), threading.Event(), threading.Event()
    spool.append([fact(1)])

    def slow_fsync(descriptor: int) -> None:
        syncs.append(descriptor)
        first.set()
        assert go_on.wait(30)

    monkeypatch.setattr(os, "fsync", slow_fsync)
    threads = [threading.Thread(target=spool.append, args=([fact(number)],)) for number in range(2, 34)]
    threads[0].start()
    assert first.wait(30)
    for thread in threads[1:]:
        thread.start()
    while len(spool._waiting.parts) < len(threads) - 1:  # all others have joined the next batch
        threading.Event().wait(0.001)
    go_on.set()
    for thread in threads:
        thread.join(30)
    assert (len(syncs), _lines(tmp_path)) == (2, 33)


def test_many_threads_lose_nothing_while_files_are_finished_under_them(tmp_path: Path) -> None:
    spool = Spool(tmp_path, max_file_bytes=2000)

    def write(start: int) -> None:
        for number in range(start, start + 50):
            spool.append([fact(number)])

    threads = [threading.Thread(target=write, args=(100 * number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert _lines(tmp_path) == 400
    assert len(spool_files(tmp_path)) > 10


def test_a_file_is_finished_by_size_by_age_and_on_demand(tmp_path: Path) -> None:
    clock = Clock()
    spool = Spool(tmp_path, max_file_bytes=1000, max_file_age_s=10, monotonic=clock)
    spool.append([fact(1)])
    spool.roll()
    spool.append([fact(2)])
    assert len(spool_files(tmp_path)) == 1
    clock.at = 10
    spool.roll()
    spool.append([fact(3)])
    spool.close()
    spool.append(call(4, steps=3))
    spool.append([fact(5)])
    assert len(spool_files(tmp_path)) == 4


def test_a_file_that_is_written_is_not_finished_and_one_that_was_closed_is(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([fact(1)])
    (path,) = spool_files(tmp_path)
    with finished_file(path) as finished:
        assert not finished
    spool.close()
    with finished_file(path) as finished, finished_file(path) as another:
        assert (finished, another) == (True, False)
    path.unlink()
    with finished_file(path) as finished:
        assert not finished


def test_nothing_is_written_where_nothing_is_given(tmp_path: Path) -> None:
    Spool(tmp_path / "spool").append([])
    assert not (tmp_path / "spool").exists()


def _failing(real: Callable[..., int], fail: list[int]) -> Callable[..., int]:
    """Writes half and then fails with a full disk, while `fail` holds anything."""

    def write(descriptor: int, data: memoryview) -> int:
        if not fail:
            return real(descriptor, data)
        if fail.pop() == errno.ENOSPC:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(descriptor, data[: len(data) // 2])

    return write


def test_a_full_disk_is_told_takes_back_what_it_had_written_and_spoils_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts, fail = kept_in(tmp_path), list[int]()
    facts.spool().append([fact(1)])
    monkeypatch.setattr(os, "write", _failing(os.write, fail))
    fail += [errno.ENOSPC, 0]
    with pytest.raises(Unavailable, match="No space left on device"):
        facts.spool().append(call(2))
    facts.spool().append([fact(3)])
    assert read_facts(facts) == [fact(1), fact(3)]
    assert facts.seal(everything=True).damaged == ()


def _append_and_exit(spool: Spool) -> None:
    spool.append([fact(2)])


@pytest.mark.slow
def test_a_forked_child_writes_a_file_of_its_own_and_leaves_the_parents_locked(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([fact(1)])
    (own,) = spool_files(tmp_path)
    child = multiprocessing.get_context("fork").Process(target=_append_and_exit, args=(spool,))
    child.start()
    child.join(60)
    (childs,) = set(spool_files(tmp_path)) - {own}
    with finished_file(own) as own_finished, finished_file(childs) as childs_finished:
        assert (child.exitcode, own_finished, childs_finished) == (0, False, True)
    spool.append([fact(3)])
    assert own.read_bytes().count(b"\n") == 2
