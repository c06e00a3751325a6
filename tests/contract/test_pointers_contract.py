"""What `registry.pointers` promises on every kind of store."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from registry.errors import Damaged, Missing
from registry.models import Pointer
from registry.pointers import encode, pointer_key, publish, read_pointer
from registry.stores import Store
from tests.contract.racing import RACERS, race

_ENVIRONMENT, _WORKFLOW = "production", "support-triage"
_KEY = pointer_key(_ENVIRONMENT, _WORKFLOW)


def _pointer(generation: int) -> Pointer:
    return Pointer(
        workflow=_WORKFLOW,
        environment=_ENVIRONMENT,
        generation=generation,
        version=generation,
        tag=f"1.0.{generation}",
        digest=f"sha256:{generation:064x}",
        kind="promote",
        released_at=datetime(2026, 11, 23, 12, tzinfo=UTC),
        hash=f"{generation:064x}",
    )


def test_a_pointer_that_was_never_published_is_missing(store: Store) -> None:
    with pytest.raises(Missing):
        read_pointer(store, _ENVIRONMENT, _WORKFLOW)


def test_a_published_pointer_is_read_back_and_publishing_it_again_changes_nothing(store: Store) -> None:
    assert publish(store, _pointer(1)) == "published"
    before = store.get(_KEY)
    assert publish(store, _pointer(1)) == "present"
    assert store.get(_KEY) == before
    assert read_pointer(store, _ENVIRONMENT, _WORKFLOW) == _pointer(1)


def test_a_pointer_moves_to_a_higher_generation(store: Store) -> None:
    publish(store, _pointer(1))
    assert publish(store, _pointer(3)) == "published"
    assert read_pointer(store, _ENVIRONMENT, _WORKFLOW) == _pointer(3)


def test_a_pointer_never_moves_to_a_lower_generation(store: Store) -> None:
    publish(store, _pointer(3))
    assert publish(store, _pointer(2)) == "superseded"
    assert read_pointer(store, _ENVIRONMENT, _WORKFLOW) == _pointer(3)


@pytest.mark.parametrize("damaged", [b"", encode(_pointer(9))[:50], b"null"], ids=["empty", "cut off", "no object"])
def test_a_damaged_pointer_is_reported_on_reading_and_replaced_by_the_next(store: Store, damaged: bytes) -> None:
    store.create(_KEY, damaged)
    with pytest.raises(Damaged, match=_KEY):
        read_pointer(store, _ENVIRONMENT, _WORKFLOW)
    assert publish(store, _pointer(2)) == "published"
    assert read_pointer(store, _ENVIRONMENT, _WORKFLOW) == _pointer(2)


def test_of_many_publishers_at_once_the_highest_generation_stays(store: Store) -> None:
    generations = random.sample(range(1, 100), RACERS)
    answers = race(lambda number: publish(store, _pointer(generations[number])))
    assert read_pointer(store, _ENVIRONMENT, _WORKFLOW).generation == max(generations)
    assert answers[generations.index(max(generations))] == "published"


def test_a_reader_never_sees_a_pointer_go_back_while_many_publish(store: Store) -> None:
    publish(store, _pointer(1))
    generations = random.sample(range(2, 100), 4)
    with ThreadPoolExecutor(4) as pool:
        publishing = [pool.submit(publish, store, _pointer(generation)) for generation in generations]
        seen = []
        while not all(one.done() for one in publishing):
            seen.append(read_pointer(store, _ENVIRONMENT, _WORKFLOW).generation)
        for one in publishing:
            one.result()
    assert seen == sorted(seen)
    assert read_pointer(store, _ENVIRONMENT, _WORKFLOW).generation == max(generations)
