"""Large registries, made quickly: the rows of years, with the chains, blobs and pointers that commands leave behind.

Rows go in by the thousand instead of one command at a time; records are hashed and packed by the registry's own
functions, so that `verify` finds nothing amiss, and every table, index and folder is as full as it would be.
"""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.bundles import ACTOR, ENVIRONMENT, database_url, source
from benchmarks.context import say
from registry.blobs import blob_key, digest_of
from registry.chain import GENESIS, record_hash
from registry.database import Database
from registry.models import Kind, Reader
from registry.pointers import pointer_of, publish
from registry.readers import write_reader
from registry.registry import Registry
from registry.releases import find_head
from registry.stores import Store, open_store
from registry.tables import deliveries, releases, versions, workflows
from registry.times import now, to_text
from registry.verification import log_faults, read_records

READERS = 3
_FORMAT = 1
_BATCH = 20
_BEGIN = datetime(2025, 1, 1, tzinfo=UTC)
_STEP = timedelta(minutes=7)

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Size:
    """How many workflows, and how many versions and releases each of them has."""

    workflows: int
    versions: int
    releases: int

    def __str__(self) -> str:
        return f"{self.workflows:,} × {self.versions:,} × {self.releases:,}"


def name_of(index: int) -> str:
    """The workflow of that index."""
    return f"workflow-{index:04}"


def is_drilled(index: int) -> bool:
    """Whether the workflow's history is one of drills, every other one; the rest is of deployments."""
    return index % 2 == 1


def history(index: int, size: Size) -> Iterator[tuple[Kind, int]]:
    """What happened to a workflow, oldest first, as (kind, version); the newest version is live at the end.

    Deployments: each version is promoted, and some are rolled back once and promoted again. Drills: a few versions are
    promoted, then, week after week, the last is left for the one before by a rollback and restored.
    """
    newest = size.versions
    promoted = size.releases // 5 if is_drilled(index) else newest
    first, left = newest - promoted + 1, (size.releases - promoted) // 2
    each = 0 if is_drilled(index) else left // (promoted - 1)
    for version in range(first, newest + 1):
        yield "promote", version
        again = left if version == newest else each if version > first else 0
        left -= again
        for _ in range(again):
            yield "rollback", version - 1
            yield ("restore" if is_drilled(index) else "promote"), version


def populate(folder: Path, size: Size) -> Registry:
    """The registry of that size in the folder; made there unless it is there already."""
    whole = folder / "whole"
    if not whole.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _fill(Registry(Database(database_url(folder)), open_store(str(folder))), size)
        whole.touch()
    return Registry(Database(database_url(folder)), open_store(str(folder)))


def cache_name(size: Size, alike: Path) -> str:
    """What a kept registry is called: another one whenever tables, records or bundles are made in another way.

    alike: the folder of a registry made just now, whose tables, indexes and triggers are those of today.
    """
    with closing(sqlite3.connect(alike / "registry.db")) as connection:
        made = [row[0] or "" for row in connection.execute("SELECT sql FROM sqlite_master ORDER BY name")]
    made += [str(_FORMAT), source("w", 1).digest, record_hash({"a": 1})]
    key = hashlib.sha256("\n".join(made).encode()).hexdigest()[:8]
    return f"registry-{size.workflows}-{size.versions}-{size.releases}-{key}"


def _fill(registry: Registry, size: Size) -> None:
    for start in range(0, size.workflows, _BATCH):
        batch = range(start, min(start + _BATCH, size.workflows))
        with registry.database.write() as connection:
            for index in batch:
                _add(connection, registry.store, index, size)
        for index in batch:
            _announce(registry, name_of(index))
        if size.workflows > _BATCH:  # the small ones are made in no time
            say(f"  made {batch.stop:,} of {size.workflows:,} workflows")
    for index in (0, size.workflows - 1):
        assert not list(log_faults(read_records(registry.database, name_of(index))))


def _add(connection: sa.Connection, store: Store, index: int, size: Size) -> None:
    workflow = name_of(index)
    connection.execute(sa.insert(workflows), [{"name": workflow, "created_at": to_text(_BEGIN)}])
    rows = _versions(store, workflow, size.versions)
    connection.execute(sa.insert(versions), rows)
    log = list(_releases(rows, index, size))
    connection.execute(sa.insert(releases), log)
    place = {"workflow": workflow, "environment": ENVIRONMENT}
    connection.execute(
        sa.insert(deliveries), [{**place, "generation": len(log), "delivered_at": log[-1]["released_at"]}]
    )


def _versions(store: Store, workflow: str, count: int) -> list[Row]:
    """The workflow's version rows, their blobs in the store; not one by one to the disk, which would take hours."""
    rows: list[Row] = []
    for number in range(1, count + 1):
        packed = source(workflow, number).packed
        new = (*packed.blobs, packed.manifest) if number == 1 else (_prompt_blob(packed.blobs), packed.manifest)
        for blob in new:
            store.replace(blob_key(digest_of(blob)), blob, expect=None)
        row: Row = {
            "workflow": workflow,
            "number": number,
            "tag": f"1.0.{number - 1}",
            "digest": packed.digest,
            "manifest": packed.manifest.decode(),
            "note": "",
            "actor": ACTOR,
            "created_at": to_text(_BEGIN + number * _STEP),
            "previous_hash": rows[-1]["hash"] if rows else GENESIS,
        }
        rows.append({**row, "hash": record_hash(row)})
    return rows


def _prompt_blob(blobs: Sequence[bytes]) -> bytes:
    """The one blob in which versions of a workflow differ."""
    return next(blob for blob in blobs if blob.startswith(b"You sort letters"))


def _releases(rows: Sequence[Row], index: int, size: Size) -> Iterator[Row]:
    before: Row = {"generation": 0, "version": None, "hash": GENESIS}
    live: set[int] = set()
    for kind, number in history(index, size):
        row: Row = {
            "workflow": rows[0]["workflow"],
            "environment": ENVIRONMENT,
            "generation": before["generation"] + 1,
            "version": number,
            "tag": rows[number - 1]["tag"],
            "digest": rows[number - 1]["digest"],
            "kind": kind,
            "actor": ACTOR,
            "reason": "",
            "released_at": to_text(_BEGIN + (before["generation"] + 1) * _STEP),
            "previous_version": before["version"],
            "override_hold": kind == "promote" and number in live,
            "previous_hash": before["hash"],
        }
        before = {**row, "hash": record_hash(row)}
        live.add(number)
        yield before


def _announce(registry: Registry, workflow: str) -> None:
    """The pointer to the head, and some readers that serve it."""
    with registry.database.read() as connection:
        head = find_head(connection, workflow, ENVIRONMENT)
    assert head is not None
    publish(registry.store, pointer_of(head))
    refresh_readers(registry.store, workflow, head.generation, head.version, head.digest)


def refresh_readers(store: Store, workflow: str, generation: int, version: int, digest: str) -> None:
    """Have the workflow's readers say that they serve this now."""
    for number in range(READERS):
        at = now()
        write_reader(
            store,
            Reader(
                workflow=workflow,
                environment=ENVIRONMENT,
                instance=f"reader-{number}",
                generation=generation,
                version=version,
                digest=digest,
                source="store",
                serving_since=at,
                seen_at=at,
                heartbeat_s=10.0,
                host="host",
                pid=number,
            ),
        )
