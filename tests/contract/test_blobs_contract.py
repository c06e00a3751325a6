"""What `registry.blobs` promises on every kind of store."""

from __future__ import annotations

import pytest

from registry.blobs import blob_key, digest_of, get_blob, get_blobs, has_blob, list_blobs, put_blob
from registry.errors import Damaged, Missing
from registry.stores import Entry, Store
from tests.contract.racing import race

_DATA = b"You are a support agent. Answer {{ query }}."
_DIGEST = digest_of(_DATA)


def test_what_was_put_is_read_back_under_its_digest(store: Store) -> None:
    assert put_blob(store, _DATA) == _DIGEST
    assert get_blob(store, _DIGEST) == _DATA
    assert has_blob(store, _DIGEST)


def test_a_blob_never_put_is_missing(store: Store) -> None:
    assert not has_blob(store, _DIGEST)
    with pytest.raises(Missing):
        get_blob(store, _DIGEST)


def test_putting_present_content_again_leaves_the_object_alone(store: Store) -> None:
    put_blob(store, _DATA)
    before = store.get(blob_key(_DIGEST))
    assert put_blob(store, _DATA) == _DIGEST
    assert store.get(blob_key(_DIGEST)) == before


@pytest.mark.parametrize("damaged", [b"", _DATA[:-1], b"X" + _DATA[1:]], ids=["empty", "cut off", "flipped"])
def test_a_damaged_blob_is_reported_on_reading_and_healed_by_the_next_put(store: Store, damaged: bytes) -> None:
    put_blob(store, _DATA)
    store.replace(blob_key(_DIGEST), damaged, expect=None)
    with pytest.raises(Damaged, match=_DIGEST):
        get_blob(store, _DIGEST)
    put_blob(store, _DATA)
    assert get_blob(store, _DIGEST) == _DATA


def test_many_who_put_the_same_content_at_once_all_succeed(store: Store) -> None:
    assert set(race(lambda _: put_blob(store, _DATA))) == {_DIGEST}
    assert list(list_blobs(store)) == [(_DIGEST, Entry(blob_key(_DIGEST), len(_DATA)))]


def test_many_who_heal_the_same_blob_at_once_all_succeed(store: Store) -> None:
    store.create(blob_key(_DIGEST), b"damaged")
    race(lambda _: put_blob(store, _DATA))
    assert get_blob(store, _DIGEST) == _DATA


def test_a_put_that_races_with_a_delete_ends_with_the_blob_there(store: Store) -> None:
    put_blob(store, _DATA)

    def act(number: int) -> None:
        if number % 2:
            put_blob(store, _DATA)
        else:
            store.delete(blob_key(_DIGEST))

    race(act)
    put_blob(store, _DATA)
    assert get_blob(store, _DIGEST) == _DATA


def test_several_blobs_are_read_at_once_each_checked(store: Store) -> None:
    contents = [b"prompt %d" % number for number in range(40)]
    digests = [put_blob(store, data) for data in contents]
    assert get_blobs(store, digests) == dict(zip(digests, contents, strict=True))
    assert [digest for digest, _ in list_blobs(store)] == sorted(digests)
    store.replace(blob_key(digests[7]), b"damaged", expect=None)
    with pytest.raises(Damaged, match=digests[7]):
        get_blobs(store, digests)
