"""Sealing, compacting, pruning, over stores of every kind: where facts lie, and that none is lost or counted twice."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent_deploy.operations.gc import gc
from agent_deploy.telemetry.facts import compaction
from agent_deploy.telemetry.facts.compaction import Compacted, merges, parts_for
from agent_deploy.telemetry.facts.lease import take_lease
from agent_deploy.telemetry.facts.pruning import Pruned
from agent_deploy.telemetry.facts.sealing import Sealed
from agent_deploy.telemetry.facts.segments import Segment, hour_prefix, list_segments, segment_of
from agent_deploy.telemetry.facts.spool import spool_files
from registry.blobs import digest_of
from registry.errors import Conflict, Damaged, Unavailable
from registry.stores import Store
from registry.stores.memory import MemoryStore
from tests.builders import open_registry
from tests.faults.away import StoreAway
from tests.telemetry.facts.made import HOUR, MINUTE, NINE, call, calls_of, fact, kept_in, read_calls, read_facts, seal

MIB = 1024 * 1024


def test_sealed_facts_lie_by_the_hour_under_the_digest_of_their_bytes(store: Store, tmp_path: Path) -> None:
    facts = kept_in(tmp_path, store=store)
    facts.spool().append([*call(1), *call(2, NINE + HOUR), *call(2, NINE + HOUR)])
    assert facts.seal() == Sealed()
    sealed = facts.seal(everything=True)
    assert (sealed.facts, sealed.files, [segment.hour for segment in sealed.segments]) == (6, 1, [NINE, NINE + HOUR])
    for segment in sealed.segments:
        stored = store.get(segment.key)
        assert stored is not None
        assert segment.key == f"{hour_prefix(segment.hour)}{digest_of(stored.data)[7:]}.parquet"
    assert sealed.segments[0].key.startswith("facts/date=2026-11-24/hour=09/")
    assert spool_files(facts.folder / "spool") == []
    assert (read_facts(facts), facts.seal()) == ([*call(1), *call(2, NINE + HOUR)], Sealed())


def test_the_same_facts_give_the_same_segment(tmp_path: Path) -> None:
    stores = [MemoryStore(), MemoryStore()]
    for number, store in enumerate(stores):
        seal(kept_in(tmp_path / str(number), store=store), [*call(1), *call(2)])
    assert list_segments(stores[0]) == list_segments(stores[1])


def test_an_hour_that_is_over_is_merged_into_one_each_fact_once(store: Store, tmp_path: Path) -> None:
    facts = kept_in(tmp_path, store=store)
    for number in (1, 2, 3):
        seal(facts, [*call(number), *call(1)])
    before = list_segments(store)
    done = facts.compact()
    (after,) = list_segments(store)
    assert done == Compacted(1, 3, 1, sum(segment.size for segment in before), after.size)
    delivered = [*call(1), *call(2), *call(3)]
    assert (read_facts(facts), read_calls(facts)) == (delivered, calls_of(delivered))
    assert facts.compact() == Compacted()


def test_late_facts_of_an_hour_that_was_merged_are_merged_into_it(tmp_path: Path) -> None:
    facts = kept_in(tmp_path)
    for number in (1, 2):
        seal(facts, call(number))
    facts.compact()
    seal(facts, call(3))
    assert facts.compact().merged == 2
    assert (len(list_segments(facts.store)), read_facts(facts)) == (1, [*call(1), *call(2), *call(3)])


def test_copies_that_add_nothing_go_and_the_segment_that_has_them_all_stays(tmp_path: Path) -> None:
    facts = kept_in(tmp_path)
    seal(facts, call(1))
    (whole,) = list_segments(facts.store)
    seal(facts, call(1)[:1])
    facts.compact()
    assert (list_segments(facts.store), read_facts(facts)) == ([whole], call(1))


def _segment(size: int, hour: datetime = NINE, number: int = 0) -> Segment:
    return Segment(hour, f"sha256:{number:064x}", size)


def test_the_running_hour_is_merged_only_once_it_has_many_segments() -> None:
    few = [_segment(1, number=number) for number in range(23)]
    assert merges(few, NINE + 30 * MINUTE) == []
    assert merges([*few, _segment(1, number=23)], NINE + 30 * MINUTE) == [[*few, _segment(1, number=23)]]
    assert merges(few, NINE + HOUR + 4 * MINUTE) == []
    assert merges(few, NINE + HOUR + 5 * MINUTE) == [few]


def test_a_busy_hour_is_split_into_parts_that_fit_into_memory() -> None:
    assert parts_for([_segment(12 * MIB), _segment(12 * MIB)]) == 1
    assert parts_for([_segment(12 * MIB), _segment(13 * MIB)]) == 2
    assert parts_for([_segment(100 * MIB)]) == 8
    assert parts_for([_segment(1), replace(_segment(1), part=2, parts=4)]) == 4
    assert parts_for([_segment(10**12)]) == 256


def test_different_parts_of_one_division_share_no_fact_and_are_left_alone() -> None:
    parts = [replace(_segment(1, number=part), part=part, parts=4) for part in (1, 2, 4)]
    assert merges(parts, NINE + 3 * HOUR) == []
    for other in (_segment(1, number=9), replace(parts[0], digest="sha256:" + "9" * 64), replace(parts[0], parts=2)):
        assert merges([*parts, other], NINE + 3 * HOUR) == [sorted([*parts, other])]


def test_late_facts_of_a_split_hour_change_their_part_of_it_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "_PART_BYTES", 16_000)
    facts, numbers = kept_in(tmp_path), range(1, 40)
    for some in (numbers[:20], numbers[18:]):
        seal(facts, [one for number in some for one in call(number)])
    given = [one for number in numbers for one in call(number)]
    assert facts.compact().written == 2
    before = list_segments(facts.store)
    assert [(segment.part, segment.parts) for segment in sorted(before, key=lambda one: one.part)] == [(1, 2), (2, 2)]
    assert (read_facts(facts), read_calls(facts)) == (given, calls_of(given))
    seal(facts, call(40))
    assert (read_calls(facts), facts.compact().merged) == (calls_of([*given, *call(40)]), 3)
    after = list_segments(facts.store)
    assert [segment.part for segment in set(before) & set(after)] == [2]
    assert (len(after), read_calls(facts)) == (2, calls_of([*given, *call(40)]))


def test_pruning_removes_whole_hours_that_are_old_enough_and_says_which(store: Store, tmp_path: Path) -> None:
    facts = kept_in(tmp_path, at=NINE + 30 * HOUR, store=store)
    seal(facts, [*call(1), *call(2, NINE + HOUR), *call(3, NINE + 5 * HOUR)])
    first, second, third = list_segments(store)
    would = facts.prune(timedelta(hours=28), dry_run=True)
    assert would == Pruned(NINE + 2 * HOUR, (first, second))
    assert list_segments(store) == [first, second, third]
    assert facts.prune(timedelta(hours=28, microseconds=1)) == Pruned(NINE + 2 * HOUR - timedelta.resolution, (first,))
    assert facts.prune(timedelta(hours=28)) == Pruned(NINE + 2 * HOUR, (second,))
    assert facts.prune(timedelta(days=999_999)).segments == ()
    assert (list_segments(store), read_facts(facts)) == ([third], call(3, NINE + 5 * HOUR))


def test_segments_are_listed_for_the_hours_that_are_asked_for(store: Store, tmp_path: Path) -> None:
    facts = kept_in(tmp_path, store=store)
    hours = [NINE, NINE + HOUR, NINE + 15 * HOUR, NINE + 40 * HOUR, NINE + timedelta(days=500)]
    seal(facts, [fact(number, at=hour + MINUTE) for number, hour in enumerate(hours)])
    store.create("facts/date=2026-11-24/hour=09/README.txt", b"not ours")

    def listed(since: datetime | None, until: datetime | None) -> list[datetime]:
        return [segment.hour for segment in list_segments(store, since, until)]

    assert listed(None, None) == hours
    assert listed(NINE + MINUTE, NINE + HOUR) == hours[:1]
    assert listed(NINE + 30 * MINUTE, NINE + 15 * HOUR + MINUTE) == hours[:3]
    assert listed(NINE + HOUR, NINE + timedelta(days=501)) == hours[1:]
    assert listed(None, NINE + HOUR) == hours[:1]
    assert listed(NINE + 40 * HOUR + 59 * MINUTE, None) == hours[3:]


@pytest.mark.parametrize("date", ["2026-13-01", "2026-11-31", "26-11-01"])
def test_an_object_that_no_hour_can_be_read_off_is_no_segment(date: str) -> None:
    assert segment_of(f"facts/date={date}/hour=09/{'0' * 64}.parquet", 1) is None


def test_while_the_store_is_away_facts_stay_in_the_spool(tmp_path: Path) -> None:
    store = StoreAway(MemoryStore())
    facts = kept_in(tmp_path, store=store)
    with pytest.raises(Unavailable):
        seal(facts, call(1))
    assert read_facts(facts) == call(1)
    store.away = False
    assert (facts.seal().facts, read_facts(facts)) == (3, call(1))


def test_only_one_tidies_at_a_time_and_sealing_waits_for_nobody(store: Store, tmp_path: Path) -> None:
    facts = kept_in(tmp_path, store=store)
    seal(facts, call(1))
    lease = take_lease(store, clock=lambda: NINE + 2 * HOUR)
    seal(facts, call(2))
    with pytest.raises(Conflict, match="another process tidies the facts"):
        facts.compact()
    with pytest.raises(Conflict):
        facts.prune(timedelta(0))
    lease.release()
    assert facts.compact().merged == 2


def test_servers_that_seal_and_compact_at_once_lose_and_double_nothing(store: Store, tmp_path: Path) -> None:
    hosts = [kept_in(tmp_path / name, store=store) for name in ("a", "b")]
    numbers = [range(start, start + 12) for start in (1, 101)]

    def work(host: int) -> None:
        for number in numbers[host]:
            seal(hosts[host], call(number))
            try:
                hosts[host].compact()
            except Conflict:
                continue

    threads = [threading.Thread(target=work, args=(host,)) for host in range(2)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert len(read_facts(hosts[0])) % 3 == 0  # whole calls only: a seal is seen whole or not at all
    delivered = [one for some in numbers for number in some for one in call(number)]
    assert (read_facts(hosts[1]), read_calls(hosts[0])) == (delivered, calls_of(delivered))


def _damage(store: Store, segment: Segment) -> None:
    stored = store.get(segment.key)
    assert stored is not None
    store.replace(segment.key, stored.data[:-9] + b"\x00" * 9, expect=None)


def test_a_damaged_segment_is_named_and_all_others_can_be_read(store: Store, tmp_path: Path) -> None:
    facts = kept_in(tmp_path, at=NINE + 9 * HOUR, store=store)
    seal(facts, [*call(1), *call(2, NINE + 4 * HOUR)])
    bad, _ = list_segments(store)
    _damage(store, bad)
    with pytest.raises(Damaged, match=f"{bad.key} in .* is damaged: it holds other bytes") as told:
        read_facts(facts)
    assert told.value.next_command.startswith("agent-deploy traces compact --set-aside")
    assert read_facts(facts, NINE + 3 * HOUR) == call(2, NINE + 4 * HOUR)
    assert facts.set_aside() == [replace(bad, size=bad.size)]
    assert read_facts(facts) == call(2, NINE + 4 * HOUR)
    assert [entry.key for entry in store.entries("facts-damaged/")] == [bad.key.replace("facts/", "facts-damaged/")]
    assert facts.set_aside() == []


def test_compaction_does_what_it_can_and_then_names_what_is_damaged(tmp_path: Path) -> None:
    facts = kept_in(tmp_path)
    for number in (1, 2):
        seal(facts, [*call(number), *call(number + 10, NINE - HOUR)])
    first, _, third, fourth = list_segments(facts.store)
    _damage(facts.store, first)
    with pytest.raises(Damaged, match=first.key):
        facts.compact()
    assert len(list_segments(facts.store, NINE, NINE + HOUR)) == 1
    assert third.hour == fourth.hour == NINE


def test_gc_of_the_registry_leaves_facts_alone(tmp_path: Path) -> None:
    registry = open_registry(tmp_path)
    facts = kept_in(tmp_path, store=registry.store)
    seal(facts, call(1))
    before = list_segments(registry.store)
    assert gc(registry).removed == ()
    assert list_segments(registry.store) == before


def test_a_fact_of_any_time_has_its_hour(tmp_path: Path) -> None:
    facts = kept_in(tmp_path)
    odd = [fact(number, at=datetime(year, 1, 1, tzinfo=UTC)) for number, year in enumerate((1970, 2026, 2554))]
    seal(facts, odd)
    assert ([segment.hour.year for segment in list_segments(facts.store)], read_facts(facts)) == (
        [1970, 2026, 2554],
        odd,
    )
