"""Readers looked at: who followed, when, and who did not, and why."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from drills.course import Clock
from drills.errors import Yielded
from drills.following import Followed, Lookout, live_readers
from drills.models import DrillPlan, Side, Times
from registry.errors import Unavailable
from registry.models import Reader
from registry.readers import write_reader
from registry.stores.memory import MemoryStore
from registry.times import now
from tests.builders import WORKFLOW
from tests.drills.scenes import PLACE

_NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
_BASELINE, _TARGET = Side(3, "1.0.2", "sha256:03", 3), Side(2, "1.0.1", "sha256:02", 4)
_PLAN = DrillPlan(
    "drill-1", WORKFLOW, PLACE, "live", _BASELINE, _TARGET, timedelta(), _NOON, _NOON, "ann", "operator", ""
)


def _reader(name: str, side: Side, *, seen_at: datetime | None = None) -> Reader:
    return Reader(
        WORKFLOW, PLACE, name, side.generation or 0, side.version, side.digest, "store", _NOON, seen_at or now(), 10.0,
        "host", 1,
    )  # fmt: skip


def _store(*readers: Reader) -> MemoryStore:
    store = MemoryStore()
    for reader in readers:
        write_reader(store, reader)
    return store


def _look(
    store: MemoryStore, *expected: str, within_s: float = 0.1, ours: Callable[[], None] = lambda: None
) -> Followed:
    with closing(Lookout(store, _PLAN, _TARGET, Clock())) as lookout:
        lookout.begin(expected)
        return lookout.wait(within_s, ours)


def test_readers_that_serve_the_target_have_followed() -> None:
    store = _store(_reader("one", _TARGET), _reader("two", _TARGET), _reader("unheard-of", _BASELINE))
    followed = _look(store, "one", "two", within_s=10)
    assert (sorted(followed.took_ms), followed.late, followed.left) == (["one", "two"], {}, frozenset())
    assert all(0 <= took < 5000 for took in followed.took_ms.values())


def test_one_that_is_behind_when_the_time_is_up_is_late() -> None:
    followed = _look(_store(_reader("one", _TARGET), _reader("deaf", _BASELINE)), "one", "deaf")
    assert followed.late == {"deaf": "serving generation 3, version 3"}


def test_one_that_says_the_generation_and_serves_another_version_is_late() -> None:
    stuck = replace(_reader("stuck", _BASELINE), generation=4)
    followed = _look(_store(stuck), "stuck")
    assert followed.late == {"stuck": "at generation 4, but serving version 3: is its clock ahead?"}


def test_one_that_fell_silent_is_late_at_once() -> None:
    silent = _reader("dead", _BASELINE, seen_at=now() - timedelta(seconds=31))
    followed = _look(_store(silent), "dead", within_s=3600)
    assert list(followed.late) == ["dead"]
    assert followed.late["dead"].startswith("silent since ")
    assert followed.late["dead"].endswith("Z, serving generation 3, version 3")


def test_one_that_took_its_record_away_has_left() -> None:
    followed = _look(_store(), "gone", within_s=3600)
    assert (dict(followed.late), set(followed.left)) == ({}, {"gone"})


def test_a_store_that_is_away_is_told_as_the_reason() -> None:
    class Away(MemoryStore):
        def entries(self, prefix: str) -> object:  # type: ignore[override]
            raise Unavailable("no route to host")

    assert _look(Away(), "one").late == {"one": "the store is away: no route to host"}


def test_it_is_asked_whether_the_head_is_still_ours_even_with_no_reader_to_wait_for() -> None:
    def theirs() -> None:
        raise Yielded("somebody moved the head")

    with pytest.raises(Yielded):
        _look(_store(), ours=theirs)


def test_those_that_are_to_follow_are_those_alive_now() -> None:
    dead = _reader("dead", _BASELINE, seen_at=now() - timedelta(minutes=1))
    store = _store(_reader("one", _BASELINE), _reader("behind", Side(1, "", "sha256:01", 1)), dead)
    assert live_readers(store, _PLAN, Clock()) == {"one", "behind"}


@pytest.mark.parametrize(
    ("took", "late", "expected"),
    [
        ({}, 0, Times(12.3)),
        ({"a": 50.04}, 0, Times(12.3, 50.0, 50.0, 50.0, 50.0)),
        ({"a": 10.0, "b": 30.0, "c": 20.0, "d": 40.0}, 0, Times(12.3, 10.0, 20.0, 40.0, 40.0)),
        ({"a": 10.0, "b": 20.0, "c": 30.0}, 1, Times(12.3, 10.0, 20.0, None, None)),
        ({}, 2, Times(12.3)),
        ({f"r{n:02}": float(n) for n in range(1, 101)}, 0, Times(12.3, 1.0, 50.0, 95.0, 100.0)),
    ],
)
def test_times_are_nearest_ranks_and_who_never_followed_took_for_ever(
    took: dict[str, float], late: int, expected: Times
) -> None:
    followed = Followed(took, {f"late{n}": "behind" for n in range(late)})
    assert followed.times(12.345) == expected
