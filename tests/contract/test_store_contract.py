"""What every store promises of reading and writing (the docstrings of `Store`), tried on each kind of store."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from registry.errors import Changed, Exists, Missing
from registry.stores import Store
from tests.contract.racing import RACERS, race

_KEY = "live/production/support-triage.json"
_LARGE = 256 * 1024


def _data(store: Store, key: str = _KEY) -> bytes:
    stored = store.get(key)
    assert stored is not None
    return stored.data


def _attempt_create(store: Store, key: str, data: bytes) -> bool:
    try:
        store.create(key, data)
    except Exists:
        return False
    return True


def _attempt_swap(store: Store, key: str, data: bytes, token: str) -> bool:
    try:
        store.replace(key, data, expect=token)
    except Changed:
        return False
    return True


# get


@pytest.mark.parametrize(
    "data", [b"", b"text", bytes(range(256)), os.urandom(4 << 20)], ids=["empty", "text", "binary", "4MiB"]
)
def test_an_object_is_read_back_byte_for_byte(store: Store, data: bytes) -> None:
    store.create(_KEY, data)
    assert _data(store) == data


def test_a_store_has_a_name_and_says_how_many_requests_at_once_are_worth_making(store: Store) -> None:
    assert store.url
    assert store.parallel >= 1


def test_reading_what_was_never_written_is_missing(store: Store) -> None:
    with pytest.raises(Missing, match="live/production"):
        store.get(_KEY)


def test_reading_what_was_never_written_is_missing_also_when_a_token_is_given(store: Store) -> None:
    token = store.create("live/staging/other.json", b"other")
    with pytest.raises(Missing):
        store.get(_KEY, unless=token)


def test_a_conditional_read_answers_none_while_nothing_changed(store: Store) -> None:
    created = store.create(_KEY, b"first")
    stored = store.get(_KEY)
    assert stored is not None
    assert stored.token == created
    assert store.get(_KEY, unless=created) is None


def test_a_conditional_read_answers_the_new_object_once_it_changed(store: Store) -> None:
    first = store.create(_KEY, b"first")
    second = store.replace(_KEY, b"second", expect=first)
    stored = store.get(_KEY, unless=first)
    assert stored is not None
    assert (stored.data, stored.token) == (b"second", second)
    assert store.get(_KEY, unless=second) is None


# create


def test_a_second_create_is_refused_and_changes_nothing(store: Store) -> None:
    token = store.create(_KEY, b"first")
    with pytest.raises(Exists):
        store.create(_KEY, b"second")
    stored = store.get(_KEY)
    assert stored is not None
    assert (stored.data, stored.token) == (b"first", token)


def test_of_many_creates_at_once_exactly_one_wins_and_its_bytes_stay(store: Store) -> None:
    won = race(lambda number: _attempt_create(store, _KEY, b"racer %d" % number))
    assert won.count(True) == 1
    assert _data(store) == b"racer %d" % won.index(True)


def test_a_reader_during_a_create_sees_the_whole_object_or_none(store: Store) -> None:
    contents = [bytes([number]) * _LARGE for number in range(8)]
    with ThreadPoolExecutor(2) as pool:
        writing = pool.submit(lambda: [store.create(f"blobs/{number}", data) for number, data in enumerate(contents)])
        for number, data in enumerate(contents):
            assert next(_seen_once_there(store, f"blobs/{number}")) == data
        writing.result()


def _seen_once_there(store: Store, key: str) -> Iterator[bytes]:
    while True:
        try:
            yield _data(store, key)
        except Missing:
            continue


# replace


def test_a_swap_that_expects_the_present_state_writes_and_answers_the_new_token(store: Store) -> None:
    first = store.create(_KEY, b"first")
    second = store.replace(_KEY, b"second", expect=first)
    third = store.replace(_KEY, b"third", expect=second)
    assert len({first, second, third}) == 3
    assert _data(store) == b"third"


def test_a_swap_that_expects_an_older_state_is_refused_and_changes_nothing(store: Store) -> None:
    first = store.create(_KEY, b"first")
    second = store.replace(_KEY, b"second", expect=first)
    with pytest.raises(Changed):
        store.replace(_KEY, b"third", expect=first)
    stored = store.get(_KEY)
    assert stored is not None
    assert (stored.data, stored.token) == (b"second", second)


def test_a_swap_of_a_deleted_object_is_refused_and_makes_nothing(store: Store) -> None:
    token = store.create(_KEY, b"first")
    store.delete(_KEY)
    with pytest.raises(Changed):
        store.replace(_KEY, b"second", expect=token)
    with pytest.raises(Missing):
        store.get(_KEY)


def test_a_swap_of_what_never_was_is_refused_and_makes_nothing(store: Store) -> None:
    token = store.create("live/staging/other.json", b"other")
    with pytest.raises(Changed):
        store.replace(_KEY, b"second", expect=token)
    assert [entry.key for entry in store.entries("")] == ["live/staging/other.json"]


def test_of_many_swaps_from_one_state_exactly_one_wins_and_its_bytes_stay(store: Store) -> None:
    token = store.create(_KEY, b"first")
    won = race(lambda number: _attempt_swap(store, _KEY, b"racer %d" % number, token))
    assert won.count(True) == 1
    assert _data(store) == b"racer %d" % won.index(True)


def test_no_swap_is_lost_when_many_threads_count_up_together(store: Store) -> None:
    each = 3
    store.create(_KEY, b"0")

    def act(_: int) -> None:
        for _ in range(each):
            _count_up(store)

    race(act)
    assert _data(store) == b"%d" % (RACERS * each)


def _count_up(store: Store) -> None:
    swapped = False
    while not swapped:
        stored = store.get(_KEY)
        assert stored is not None
        swapped = _attempt_swap(store, _KEY, b"%d" % (int(stored.data) + 1), stored.token)


def test_an_unconditional_replace_makes_the_object_where_it_is_missing(store: Store) -> None:
    store.replace(_KEY, b"first", expect=None)
    assert _data(store) == b"first"


def test_an_unconditional_replace_writes_over_whatever_is_there(store: Store) -> None:
    first = store.create(_KEY, b"first")
    second = store.replace(_KEY, b"second", expect=None)
    with pytest.raises(Changed):
        store.replace(_KEY, b"third", expect=first)
    store.replace(_KEY, b"fourth", expect=second)
    assert _data(store) == b"fourth"


def test_many_unconditional_replaces_at_once_all_succeed_and_one_of_them_stays(store: Store) -> None:
    race(lambda number: store.replace(_KEY, b"racer %d" % number, expect=None))
    assert _data(store) in [b"racer %d" % number for number in range(RACERS)]


@pytest.mark.parametrize("swapped", [True, False], ids=["swap", "unconditional"])
def test_a_reader_during_replaces_sees_old_bytes_or_new_never_a_mix(store: Store, swapped: bool) -> None:
    token = store.create(_KEY, b"\0" * _LARGE)

    def write() -> None:
        now = token
        for number in range(1, 12):
            now = store.replace(_KEY, bytes([number]) * _LARGE, expect=now if swapped else None)

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        seen = []
        while not writing.done():
            data = _data(store)
            assert data == data[:1] * _LARGE
            seen.append(data[0])
        writing.result()
    assert seen == sorted(seen)
