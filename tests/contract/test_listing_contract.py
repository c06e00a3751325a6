"""What every store promises of listing and deleting (`Store.entries`, `Store.delete`), tried on each kind of store."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from registry.errors import Missing
from registry.stores import Entry, Store, open_store
from tests.conftest import UseS3
from tests.contract.racing import RACERS, race
from tests.servers import S3Server

_KEY = "live/production/support-triage.json"
_KEYS = [
    "blobs/sha256/ab",
    "blobs/sha256/abc",
    "blobs/sha256/b",
    "live-2/x.json",
    "live/p/x.json",
    "live/p/y.json",
    "live/q/x.json",
]


@pytest.mark.parametrize(
    ("prefix", "found"),
    [
        ("", _KEYS),
        ("blobs/sha256/", ["blobs/sha256/ab", "blobs/sha256/abc", "blobs/sha256/b"]),
        ("blobs/sha256/ab", ["blobs/sha256/ab", "blobs/sha256/abc"]),
        ("blobs/sha256/abc", ["blobs/sha256/abc"]),
        ("blobs/sha256/abcd", []),
        ("live", ["live-2/x.json", "live/p/x.json", "live/p/y.json", "live/q/x.json"]),
        ("live/", ["live/p/x.json", "live/p/y.json", "live/q/x.json"]),
        ("live/p", ["live/p/x.json", "live/p/y.json"]),
        ("live/p/x.json", ["live/p/x.json"]),
        ("nothing/", []),
    ],
)
def test_entries_are_all_keys_that_start_with_the_prefix_in_order(store: Store, prefix: str, found: list[str]) -> None:
    for key in reversed(_KEYS):
        store.create(key, b"x" * len(key))
    assert list(store.entries(prefix)) == [Entry(key, len(key)) for key in found]


def test_an_empty_store_has_no_entries(store: Store) -> None:
    assert list(store.entries("")) == []


def test_an_object_named_by_its_digest_is_found_by_its_own_key(store: Store) -> None:
    there, absent = f"blobs/sha256/{'a' * 64}", f"blobs/sha256/{'b' * 64}"
    store.create(there, b"four")
    assert list(store.entries(there)) == [Entry(there, 4)]
    assert list(store.entries(absent)) == []


def test_a_replaced_object_is_listed_once_with_its_new_size(store: Store) -> None:
    token = store.create(_KEY, b"first")
    store.replace(_KEY, b"longer than before", expect=token)
    assert list(store.entries("live/")) == [Entry(_KEY, len(b"longer than before"))]


def test_listing_goes_on_while_others_write_and_delete(store: Store) -> None:
    staying = [f"readers/{number:02}" for number in range(20)]
    for key in staying:
        store.create(key, b"stays")

    def come_and_go(number: int) -> None:
        for _ in range(5):
            store.replace(f"readers/{number:02}-gone", b"goes", expect=None)
            store.delete(f"readers/{number:02}-gone")

    with ThreadPoolExecutor(4) as pool:
        others = [pool.submit(come_and_go, number) for number in range(4)]
        while not all(other.done() for other in others):
            listed = [entry.key for entry in store.entries("readers/")]
            assert listed == sorted(set(listed))
            assert [key for key in listed if not key.endswith("-gone")] == staying
        for other in others:
            other.result()


@pytest.mark.slow
def test_a_listing_longer_than_a_page_is_whole_and_in_order(ministack: S3Server, use_s3: UseS3) -> None:
    store = open_store(use_s3(ministack))
    keys = [f"blobs/{number:05}" for number in range(2100)]
    with ThreadPoolExecutor(store.parallel) as pool:
        list(pool.map(lambda key: store.create(key, b"x"), keys))
    assert [entry.key for entry in store.entries("blobs/")] == keys


# delete


def test_a_deleted_object_is_gone_and_may_be_created_again(store: Store) -> None:
    store.create(_KEY, b"first")
    store.delete(_KEY)
    with pytest.raises(Missing):
        store.get(_KEY)
    assert list(store.entries("")) == []
    store.create(_KEY, b"second")
    stored = store.get(_KEY)
    assert stored is not None
    assert stored.data == b"second"


def test_deleting_what_is_not_there_is_no_error(store: Store) -> None:
    store.delete(_KEY)
    store.create(_KEY, b"first")
    store.delete(_KEY)
    store.delete(_KEY)


def test_a_delete_leaves_its_neighbours(store: Store) -> None:
    for key in _KEYS:
        store.create(key, b"x")
    store.delete("live/p/x.json")
    assert [entry.key for entry in store.entries("")] == [key for key in _KEYS if key != "live/p/x.json"]


def test_creates_and_deletes_of_one_folder_at_once_lose_nothing(store: Store) -> None:
    def act(number: int) -> None:
        for turn in range(4):
            store.create(f"readers/p/w/{number}-{turn}", b"x")
            store.delete(f"readers/p/w/{number}-{turn}")
        store.create(f"readers/p/w/{number}", b"stays")

    race(act)
    assert {entry.key for entry in store.entries("readers/")} == {f"readers/p/w/{number}" for number in range(RACERS)}
