"""The hash chain: each record carries the hash of the one before it, so that an edit anywhere shows.

hash = "sha256:" + hex SHA-256 over the RFC 8785 JSON of the record without its `hash`, nulls left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from registry.blobs import digest_of
from registry.errors import BadInput
from registry.manifest import canonical

GENESIS = ""


def record_hash(record: Mapping[str, Any]) -> str:
    """The hash of a record given as its columns (moments as text); a `hash` among them is left out."""
    return digest_of(canonical({key: value for key, value in record.items() if key != "hash" and value is not None}))


def chain_faults(records: Iterable[Mapping[str, Any]], number: str, name: str) -> Iterator[str]:
    """One line for each record that does not follow from the one before it.

    records: the columns, oldest first. number: the column that counts 1, 2, 3…; name: what messages call a record.
    """
    before = GENESIS
    expected = 1
    for record in records:
        here = record[number]
        if here != expected:
            missing = f"{expected}" if here == expected + 1 else f"{expected} to {here - 1}"
            yield f"{name} {missing} is missing from the chain"
        elif record["previous_hash"] != before:
            yield f"{name} {here} does not follow {name} {here - 1}: the one before was rebuilt or edited"
        if _hash_or_none(record) != record["hash"]:
            yield f"{name} {here} was edited: its content does not give its hash"
        before, expected = record["hash"], here + 1


def _hash_or_none(record: Mapping[str, Any]) -> str | None:
    """A record's hash; None when it was edited to something that has none."""
    try:
        return record_hash(record)
    except BadInput:
        return None
