"""The hash chain: an edit, a gap, a cut or a rebuilt tail shows, by name."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from registry.chain import chain_faults, record_hash


def _chain(*words: str) -> list[dict[str, Any]]:
    """Records numbered 1, 2, 3…, each of one word, chained as the registry does."""
    records: list[dict[str, Any]] = []
    for number, word in enumerate(words, start=1):
        record = {"number": number, "word": word, "previous_hash": records[-1]["hash"] if records else "", "hash": ""}
        records.append(record | {"hash": record_hash(record)})
    return records


def _faults(records: list[dict[str, Any]]) -> list[str]:
    return list(chain_faults(records, "number", "version"))


def test_a_hash_is_sha_256_over_the_canonical_record_without_hash_and_nulls() -> None:
    record = {"number": 1, "word": "é", "note": None, "previous_hash": "", "hash": "whatever"}
    plain = json.dumps({"number": 1, "previous_hash": "", "word": "é"}, separators=(",", ":"), ensure_ascii=False)
    assert record_hash(record) == "sha256:" + hashlib.sha256(plain.encode()).hexdigest()


def test_a_column_added_later_and_never_set_leaves_old_hashes_as_they_are() -> None:
    record = {"number": 1, "word": "a", "previous_hash": ""}
    assert record_hash(record | {"added_later": None}) == record_hash(record)


def test_a_whole_chain_has_no_faults() -> None:
    assert _faults([]) == []
    assert _faults(_chain("a", "b", "c")) == []


def _edited(number: int, **changes: Any) -> list[dict[str, Any]]:
    records = _chain("a", "b", "c")
    return [record | changes if record["number"] == number else record for record in records]


def _rebuilt_from(number: int) -> list[dict[str, Any]]:
    """The chain with record `number` edited and its hash made good, the rest as it was."""
    records = _edited(number, word="x")
    return [r | {"hash": record_hash(r)} if r["number"] == number else r for r in records]


FAULTS = {
    "a word edited": (_edited(2, word="x"), ["version 2 was edited: its content does not give its hash"]),
    "a column emptied": (_edited(2, word=None), ["version 2 was edited: its content does not give its hash"]),
    "edited to what has no hash": (
        _edited(2, word=2**60),
        ["version 2 was edited: its content does not give its hash"],
    ),
    "a hash edited": (
        _edited(2, hash="sha256:00"),
        [
            "version 2 was edited: its content does not give its hash",
            "version 3 does not follow version 2: the one before was rebuilt or edited",
        ],
    ),
    "one rebuilt, with a hash that fits": (
        _rebuilt_from(2),
        ["version 3 does not follow version 2: the one before was rebuilt or edited"],
    ),
    "the first missing": (_chain("a", "b", "c")[1:], ["version 1 is missing from the chain"]),
    "one missing": ([_chain("a", "b", "c")[0], _chain("a", "b", "c")[2]], ["version 2 is missing from the chain"]),
    "several missing": (_chain("a", "b", "c", "d")[3:], ["version 1 to 3 is missing from the chain"]),
    "the first follows something": (
        [r | {"hash": record_hash(r)} for r in _edited(1, previous_hash="sha256:00")[:1]],
        ["version 1 does not follow version 0: the one before was rebuilt or edited"],
    ),
    "another chain's tail": (
        _chain("a") + _chain("x", "b")[1:],
        ["version 2 does not follow version 1: the one before was rebuilt or edited"],
    ),
}


@pytest.mark.parametrize(("records", "expected"), FAULTS.values(), ids=FAULTS)
def test_each_fault_is_one_line_that_names_the_record(records: list[dict[str, Any]], expected: list[str]) -> None:
    assert _faults(records) == expected


def test_a_tail_cut_off_leaves_a_whole_chain_so_that_a_witness_is_needed() -> None:
    assert _faults(_chain("a", "b", "c")[:2]) == []
