"""Proof, against the live store, that it keeps the contract: no claim of a server's documentation is believed.

Some servers take conditional writes and ignore the conditions. On one of those, two promotions at once would both
"win", so the registry refuses to work there.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from registry.errors import Changed, Exists, Missing, StoreError, Unavailable
from registry.stores import Store

_RACERS = 8
_NEIGHBOUR = "-neighbour"

_Trial = Callable[[Store, str], str]


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """One promise of a store: its name in plain words, whether it held, and what was seen."""

    name: str
    ok: bool
    detail: str


def probe(store: Store) -> list[ProbeResult]:
    """Try every promise on a few small objects under `doctor/`, which are removed again, and say which held.

    Raises nothing that a store may raise: a promise that could not be tried counts as not held. A store that cannot
    even be written to and read from gets that one answer, at once, rather than a time-out for each promise.
    """
    folder = f"doctor/{os.urandom(6).hex()}/"
    opening = _result("write and read", _write_and_read, store, folder + "opening")
    if not opening.ok:
        return [opening]
    trials: list[tuple[str, _Trial]] = [
        ("write-once", _write_once),
        ("one winner among concurrent creates", _one_create_wins),
        ("compare-and-swap", _swap_only_if_unchanged),
        ("no swap of a missing object", _no_swap_of_missing),
        ("one winner among concurrent swaps", _one_swap_wins),
        ("conditional read", _conditional_read),
        ("list and delete", _list_and_delete),
    ]
    results = [_cleanly(name, trial, store, f"{folder}{number}") for number, (name, trial) in enumerate(trials)]
    return [opening, *results]


class _BrokenError(Exception):
    """What a store did that its contract rules out."""


def _result(name: str, trial: _Trial, store: Store, key: str) -> ProbeResult:
    try:
        return ProbeResult(name, True, trial(store, key))
    except _BrokenError as broken:
        return ProbeResult(name, False, str(broken))
    except Unavailable as error:
        return ProbeResult(name, False, error.message)
    except StoreError as error:
        return ProbeResult(name, False, f"unexpectedly {type(error).__name__}: {error.message}")


def _cleanly(name: str, trial: _Trial, store: Store, key: str) -> ProbeResult:
    try:
        return _result(name, trial, store, key)
    finally:
        for used in (key, key + _NEIGHBOUR):
            with suppress(Unavailable):
                store.delete(used)


def _write_and_read(store: Store, key: str) -> str:
    store.create(key, b"first")
    try:
        _expect(store, key, b"first")
    finally:
        with suppress(Unavailable):
            store.delete(key)
    return "an object was written and read back"


def _write_once(store: Store, key: str) -> str:
    store.create(key, b"first")
    try:
        store.create(key, b"second")
    except Exists:
        _expect(store, key, b"first")
        return "a second create of one key was refused, and changed nothing"
    raise _BrokenError("a second create of one key was let through: the store ignores If-None-Match")


def _one_create_wins(store: Store, key: str) -> str:
    won = _winners(lambda data: store.create(key, data), Exists)
    _expect_one(won, "creates")
    _expect(store, key, won[0])
    return f"of {_RACERS} at once exactly one won"


def _swap_only_if_unchanged(store: Store, key: str) -> str:
    stale = store.create(key, b"first")
    current = store.replace(key, b"second", expect=stale)
    try:
        store.replace(key, b"third", expect=stale)
    except Changed:
        _expect(store, key, b"second")
        store.replace(key, b"fourth", expect=current)
        _expect(store, key, b"fourth")
        return "a swap that expected an older state was refused, and changed nothing"
    raise _BrokenError("a swap that expected an older state was let through: the store ignores If-Match")


def _no_swap_of_missing(store: Store, key: str) -> str:
    token = store.create(key + _NEIGHBOUR, b"first")
    try:
        store.replace(key, b"second", expect=token)
    except Changed:
        if _there(store, key):
            raise _BrokenError("a refused swap of a missing object made it all the same") from None
        return "a swap of a missing object was refused, and made nothing"
    raise _BrokenError("a swap of a missing object made it: the store ignores If-Match")


def _one_swap_wins(store: Store, key: str) -> str:
    token = store.create(key, b"first")
    won = _winners(lambda data: store.replace(key, data, expect=token), Changed)
    _expect_one(won, "swaps")
    _expect(store, key, won[0])
    return f"of {_RACERS} at once exactly one won"


def _conditional_read(store: Store, key: str) -> str:
    first = store.create(key, b"first")
    if store.get(key, unless=first) is not None:
        raise _BrokenError("an unchanged object was sent again: the store ignores If-None-Match on reads")
    second = store.replace(key, b"second", expect=None)
    stored = store.get(key, unless=first)
    if stored is None or stored.data != b"second" or stored.token != second:
        raise _BrokenError("a changed object was not read back as it was written")
    return "an unchanged object was not sent again, a changed one was"


def _list_and_delete(store: Store, key: str) -> str:
    store.create(key, b"first")
    listed = [(entry.key, entry.size) for entry in store.entries(key)]
    if listed != [(key, len(b"first"))]:
        raise _BrokenError(f"a new object was listed as {listed}")
    store.delete(key)
    if _there(store, key) or list(store.entries(key)):
        raise _BrokenError("a deleted object is still there")
    store.delete(key)
    return "a new object was listed, and gone once deleted"


def _winners(write: Callable[[bytes], str], lost: type[StoreError]) -> list[bytes]:
    """What those wrote who were told that they won, of as many as can be held at the line and let go at once."""
    line = threading.Barrier(_RACERS)

    def race(number: int) -> bytes | None:
        data = b"racer %d" % number
        line.wait()
        try:
            write(data)
        except lost:
            return None
        return data

    with ThreadPoolExecutor(_RACERS) as pool:
        return [data for data in pool.map(race, range(_RACERS)) if data is not None]


def _expect_one(won: list[bytes], what: str) -> None:
    if len(won) != 1:
        raise _BrokenError(
            f"of {_RACERS} {what} at once {len(won)} won: the store does not honour its conditions atomically"
        )


def _expect(store: Store, key: str, data: bytes) -> None:
    stored = store.get(key)
    if stored is None or stored.data != data:
        raise _BrokenError("what is stored is not what the one successful write wrote")


def _there(store: Store, key: str) -> bool:
    try:
        return store.get(key) is not None
    except Missing:
        return False
