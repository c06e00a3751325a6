"""Reader records: who counts as current, behind or silent, and that a bad record harms nobody."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from registry.models import Reader
from registry.readers import Readers, count, decode, encode, list_readers, reader_key, standing, write_reader
from registry.stores.memory import MemoryStore

_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
_READER = Reader(
    workflow="support-triage", environment="production", instance="web-1", generation=7, version=3,
    digest="sha256:" + "ab" * 32, source="store", serving_since=_NOON - timedelta(hours=2), seen_at=_NOON,
    heartbeat_s=10.0, host="web", pid=4711,
)  # fmt: skip


def _seen(seconds_ago: float, generation: int = 7) -> Reader:
    return replace(_READER, generation=generation, seen_at=_NOON - timedelta(seconds=seconds_ago))


STANDINGS = [
    (_seen(0), "current"),
    (_seen(30), "current"),
    (_seen(30.001), "silent"),
    (_seen(0, generation=8), "current"),
    (_seen(0, generation=6), "behind"),
    (_seen(30, generation=6), "behind"),
    (_seen(30.001, generation=6), "silent"),
    (_seen(0, generation=0), "behind"),
    (_seen(-3600), "current"),
    (_seen(86_400), "silent"),
    (_seen(86_400.001), "forgotten"),
]


@pytest.mark.parametrize(("reader", "expected"), STANDINGS)
def test_a_reader_is_silent_after_three_heartbeats_and_forgotten_after_a_day(reader: Reader, expected: str) -> None:
    assert standing(reader, 7, _NOON) == expected


def test_readers_are_counted_by_where_they_stand() -> None:
    assert count((reader for reader, _ in STANDINGS), 7, _NOON) == Readers(current=4, behind=3, silent=3)


def test_a_record_is_read_back_as_it_was_written() -> None:
    assert decode(encode(_READER)) == _READER
    assert reader_key(_READER) == "readers/production/support-triage/web-1.json"


def _changed(**changes: Any) -> bytes:
    document = json.loads(encode(_READER)) | changes
    return json.dumps({key: value for key, value in document.items() if value is not ...}).encode()


BAD = {
    "empty": b"",
    "cut off": encode(_READER)[:40],
    "not text": b"\xff",
    "a list": b"[]",
    "nested without end": b"[" * 100_000,
    "no host": _changed(host=...),
    "unknown key": _changed(mood="good"),
    "no time zone": _changed(seen_at="2026-11-23T12:00:00"),
    "time as a number": _changed(seen_at=7),
    "time out of range": _changed(seen_at="9999-12-31T23:59:59-12:00"),
    "heartbeat not a number": _changed(heartbeat_s=float("nan")),
    "heartbeat without end": _changed(heartbeat_s=float("inf")),
    "heartbeat of centuries": _changed(heartbeat_s=1e300),
    "heartbeat backwards": _changed(heartbeat_s=-1),
    "generation without end": _changed(generation=float("inf")),
    "generation a word": _changed(generation="seven"),
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_a_bad_record_is_passed_over(data: bytes) -> None:
    store = MemoryStore()
    write_reader(store, _READER)
    store.create("readers/production/support-triage/bad.json", data)
    assert list(list_readers(store)) == [_READER]


def test_a_name_that_is_no_text_becomes_text_and_can_be_counted() -> None:
    reader = decode(_changed(workflow=["support-triage"]))
    assert reader is not None
    assert reader.workflow == "['support-triage']"


def test_readers_are_listed_by_environment_and_workflow() -> None:
    store = MemoryStore()
    here = _READER
    other_workflow = replace(_READER, workflow="support-triage-2")
    other_environment = replace(_READER, environment="staging")
    for reader in (here, other_workflow, other_environment):
        write_reader(store, reader)
    store.create("readers/production/support-triage/web-1.json.tmp", b"")
    assert list(list_readers(store)) == [other_workflow, here, other_environment]
    assert list(list_readers(store, "production")) == [other_workflow, here]
    assert list(list_readers(store, "production", "support-triage")) == [here]
    assert list(list_readers(store, "prod")) == []
    with pytest.raises(ValueError, match="within one environment"):
        list(list_readers(store, "", "support-triage"))


def test_many_readers_are_read_many_at_once() -> None:
    store = MemoryStore()
    store.parallel = 8
    readers = [replace(_READER, instance=f"web-{number:02}") for number in range(30)]
    for reader in readers:
        write_reader(store, reader)
    assert list(list_readers(store)) == readers


def test_a_record_that_goes_away_while_being_read_is_passed_over() -> None:
    class Leaving(MemoryStore):
        def get(self, key: str, *, unless: str | None = None) -> Any:
            self.delete(key)
            return super().get(key, unless=unless)

    store = Leaving()
    write_reader(store, _READER)
    assert list(list_readers(store)) == []
