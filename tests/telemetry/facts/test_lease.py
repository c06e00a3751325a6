"""The lease: one holder at a time, by the store's own compare-and-swap, and none for ever."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agent_deploy.telemetry.facts.lease import KEY, LEASE_FOR, take_lease
from registry.errors import Changed, Conflict, Exists
from registry.stores import Store
from registry.stores.memory import MemoryStore
from tests.telemetry.facts.made import MINUTE, NINE


def test_a_lease_is_had_by_one_and_then_by_the_next(store: Store) -> None:
    lease = take_lease(store, clock=lambda: NINE)
    with pytest.raises(Conflict, match="it has the lease until 2026-11-24T09:02:00"):
        take_lease(store, clock=lambda: NINE)
    lease.renew()
    lease.release()
    take_lease(store, clock=lambda: NINE).renew()


def test_a_lease_that_ran_out_is_taken_and_its_holder_learns_of_it(store: Store) -> None:
    late = take_lease(store, clock=lambda: NINE)
    other = take_lease(store, clock=lambda: NINE + LEASE_FOR)
    with pytest.raises(Conflict):
        late.renew()
    late.release()
    other.renew()


def test_a_renewed_lease_lasts_its_full_time_again() -> None:
    store, at = MemoryStore(), [NINE]
    lease = take_lease(store, clock=lambda: at[0])
    at[0] += MINUTE
    lease.renew()
    with pytest.raises(Conflict):
        take_lease(store, clock=lambda: NINE + MINUTE + LEASE_FOR - timedelta.resolution)


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"until": "soon"}'])
def test_a_damaged_lease_stands_in_nobodys_way(data: bytes) -> None:
    store = MemoryStore()
    store.create(KEY, data)
    take_lease(store, clock=lambda: NINE)


class _AnswersLost(MemoryStore):
    """Does what it is told, and answers as if another had come first: its first try's answer was lost."""

    def create(self, key: str, data: bytes) -> str:
        super().create(key, data)
        raise Exists(key)

    def replace(self, key: str, data: bytes, *, expect: str | None) -> str:
        super().replace(key, data, expect=expect)
        raise Changed(key)


def test_an_answer_that_was_lost_is_no_loss_of_the_lease() -> None:
    store = _AnswersLost()
    lease = take_lease(store, clock=lambda: NINE)
    lease.renew()
    lease.release()
    take_lease(store, clock=lambda: NINE).renew()
