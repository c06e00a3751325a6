"""The probe believes a store only what it saw it do."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.errors import Unavailable
from registry.stores import Store, Stored, open_store
from registry.stores.memory import MemoryStore
from registry.stores.probe import ProbeResult, probe
from tests.conftest import UseS3

_PROMISES = [
    "write and read",
    "write-once",
    "one winner among concurrent creates",
    "compare-and-swap",
    "no swap of a missing object",
    "one winner among concurrent swaps",
    "conditional read",
    "list and delete",
]
_CONDITIONS = _PROMISES[1:6]


def test_every_promise_holds_on_a_store_that_keeps_the_contract_and_nothing_is_left(store: Store) -> None:
    results = probe(store)
    assert [(result.name, result.ok) for result in results] == [(name, True) for name in _PROMISES], results
    assert list(store.entries("")) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("server", "broken"),
    [("nanio", [*_CONDITIONS, "conditional read"]), ("rclone_s3", _CONDITIONS)],
)
def test_a_server_that_ignores_conditions_is_found_out(
    server: str, broken: list[str], request: pytest.FixtureRequest, use_s3: UseS3
) -> None:
    store = open_store(use_s3(request.getfixturevalue(server)))
    results = probe(store)
    assert [result.name for result in results if not result.ok] == broken
    assert all(
        "ignores If-" in result.detail or "at once 8 won" in result.detail for result in results if not result.ok
    )
    if server != "rclone_s3":  # which lists out of a cache
        assert list(store.entries("")) == []


def test_a_store_that_cannot_be_written_gets_one_answer_that_names_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    store = open_store(str(tmp_path / "file"))
    (result,) = probe(store)
    assert (result.name, result.ok) == ("write and read", False)
    assert result.detail.startswith(f"cannot write {tmp_path}/file/doctor/")
    assert result.detail.endswith(": Not a directory")


class _NoReplace(MemoryStore):
    def replace(self, key: str, data: bytes, *, expect: str | None) -> str:
        raise Unavailable(f"memory: AccessDenied on PutObject {key}")


def test_a_store_that_fails_midway_fails_those_promises_by_name_and_is_still_cleaned() -> None:
    store = _NoReplace()
    results = {result.name: result for result in probe(store)}
    assert list(results) == _PROMISES
    swapping = {
        "compare-and-swap",
        "no swap of a missing object",
        "one winner among concurrent swaps",
        "conditional read",
    }
    assert {name for name, result in results.items() if not result.ok} == swapping
    assert results["compare-and-swap"].detail.startswith("memory: AccessDenied on PutObject doctor/")
    assert list(store.entries("")) == []


class _Forgetful(MemoryStore):
    """A store that says it wrote, and did not."""

    def create(self, key: str, data: bytes) -> str:
        return "token"


class _Careless(MemoryStore):
    """A store that refuses the second create, and writes all the same."""

    def create(self, key: str, data: bytes) -> str:
        try:
            return super().create(key, data)
        finally:
            self.replace(key, data, expect=None)


class _Stale(MemoryStore):
    """A store that takes every object for unchanged."""

    def get(self, key: str, *, unless: str | None = None) -> Stored | None:
        return None if unless is not None else super().get(key)


@pytest.mark.parametrize(
    ("store", "broken"),
    [
        (_Forgetful(), ProbeResult("write and read", False, "unexpectedly Missing: ")),
        (_Careless(), ProbeResult("write-once", False, "what is stored is not what the one successful write wrote")),
        (_Stale(), ProbeResult("conditional read", False, "a changed object was not read back as it was written")),
    ],
)
def test_a_store_that_says_one_thing_and_does_another_is_found_out(store: Store, broken: ProbeResult) -> None:
    result = next(result for result in probe(store) if not result.ok)
    assert (result.name, result.ok) == (broken.name, broken.ok)
    assert result.detail.startswith(broken.detail)
