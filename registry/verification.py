"""What verify asks of one workflow: chains from the database, blobs and pointers from the store, held together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from registry.blobs import get_blob
from registry.catalog import version_records
from registry.chain import chain_faults
from registry.database import Database
from registry.delivery import delivered_generation
from registry.errors import BadInput, Damaged, Missing
from registry.evidence import evidence_records
from registry.manifest import parse_manifest
from registry.models import Pointer, Release
from registry.pointers import pointer_key, read_pointer
from registry.releases import environments_of, find_release, release_records
from registry.stores import Store


@dataclass(frozen=True, slots=True)
class Records:
    """A workflow's rows as stored, oldest first; releases and the delivered generation by environment."""

    workflow: str
    versions: list[Mapping[str, Any]]
    evidence: list[Mapping[str, Any]]
    releases: Mapping[str, list[Mapping[str, Any]]]
    delivered: Mapping[str, int]


def read_records(database: Database, workflow: str) -> Records:
    """One consistent look at a workflow, short, so that no writer waits for the hashing that follows."""
    with database.read() as connection:
        environments = environments_of(connection, workflow)
        return Records(
            workflow,
            version_records(connection, workflow),
            evidence_records(connection, workflow),
            {name: release_records(connection, workflow, name) for name in environments},
            {name: delivered_generation(connection, workflow, name) for name in environments},
        )


def log_faults(records: Records) -> Iterator[str]:
    """A line for each version, release or evidence that is missing, edited, or does not follow from the one before."""
    for fault in chain_faults(records.versions, "number", "version"):
        yield f"{records.workflow}: {fault}"
    for fault in chain_faults(records.evidence, "number", "evidence"):
        yield f"{records.workflow}: {fault}"
    digests = {version["number"]: version["digest"] for version in records.versions}
    for item in records.evidence:
        if digests.get(item["version"]) != item["digest"]:
            yield f"{records.workflow}: evidence {item['number']} has not the digest of version {item['version']}"
    for environment in records.releases:
        for fault in _release_faults(records, environment, digests):
            yield f"{records.workflow} in {environment}: {fault}"


def _release_faults(records: Records, environment: str, digests: Mapping[int, str]) -> Iterator[str]:
    """Of one environment. digests: of the versions, by number."""
    releases, delivered = records.releases[environment], records.delivered[environment]
    yield from chain_faults(releases, "generation", "generation")
    for release in releases:
        if digests.get(release["version"]) != release["digest"]:
            yield f"generation {release['generation']} has not the digest of version {release['version']}"
    last = releases[-1]["generation"] if releases else 0
    if delivered > last:
        yield f"generation {delivered} was delivered, but the log ends at {last}: cut off"


def blob_faults(store: Store, records: Records, seen: dict[str, str]) -> Iterator[str]:
    """A line for each blob that is missing or wrong, by version or evidence. `seen` remembers those that are shared."""
    for version in records.versions:
        name = f"{records.workflow}@{version['number']}"
        needed = [version["digest"]]
        try:
            needed += parse_manifest(version["manifest"].encode(), version["digest"]).digests
        except Damaged as error:
            yield f"{name}: the manifest on record: {error.message}"
        yield from _missing(store, name, needed, seen)
    for item in records.evidence:
        name = f"{records.workflow}: evidence {item['number']} ({item['kind']} {item['subject']})"
        yield from _missing(store, name, item["blobs"].split(), seen)


def _missing(store: Store, name: str, needed: list[str], seen: dict[str, str]) -> Iterator[str]:
    _look(store, [digest for digest in needed if digest not in seen], seen)
    for digest in needed:
        if seen[digest]:
            yield f"{name}: {seen[digest]}"


def _look(store: Store, digests: list[str], seen: dict[str, str]) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(store.parallel) as pool:
        seen.update(zip(digests, pool.map(lambda digest: _blob_fault(store, digest), digests), strict=True))


def _blob_fault(store: Store, digest: str) -> str:
    try:
        get_blob(store, digest)
    except Missing:
        return f"blob {digest} is missing from {store.url}"
    except (Damaged, BadInput) as error:
        return error.message
    return ""


def pointer_faults(database: Database, store: Store, workflow: str, environment: str) -> Iterator[str]:
    """A line where the pointer is missing, not whole, or tells another story than the log."""
    place, key = f"{workflow} in {environment}", pointer_key(environment, workflow)
    with database.read() as connection:  # before the store is read: a move in between may only make the pointer newer
        delivered = delivered_generation(connection, workflow, environment)
    try:
        pointer = read_pointer(store, environment, workflow)
    except Missing:
        if delivered:
            yield f"{place}: {key} is missing from {store.url}, though generation {delivered} was delivered"
        return
    except Damaged as error:
        yield f"{place}: {error.message}"
        return
    if pointer.generation < delivered:
        yield f"{place}: {key} is at generation {pointer.generation}, though {delivered} was delivered"
    yield from _story_faults(database, pointer, place, key)


def _story_faults(database: Database, pointer: Pointer, place: str, key: str) -> Iterator[str]:
    try:
        with database.read() as connection:
            release = find_release(connection, pointer.workflow, pointer.environment, pointer.generation)
    except Damaged as error:
        yield f"{place}: {error.message}"
        return
    if release is None:
        yield f"{place}: {key} is at generation {pointer.generation}, which the log does not have: its tail was cut off"
    elif _told(pointer) != _told(release) or (pointer.revert_to and pointer.revert_to.version) != release.revert_to:
        yield f"{place}: {key} and the log tell generation {pointer.generation} differently: one of them was rebuilt"


def _told(what: Pointer | Release) -> tuple[object, ...]:
    return what.version, what.tag, what.digest, what.kind, what.released_at, what.hash, what.revert_at


def find_hash(records: Records, wanted: str) -> str:
    """Where in a workflow's chains a hash stands, in words; empty when it does not."""
    for version in records.versions:
        if version["hash"] == wanted:
            return (
                f"version {version['number']} of {records.workflow}; {len(records.versions) - version['number']} since"
            )
    for item in records.evidence:
        if item["hash"] == wanted:
            since = len(records.evidence) - item["number"]
            return f"evidence {item['number']} of {records.workflow}; {since} since"
    for environment, releases in records.releases.items():
        for release in releases:
            if release["hash"] == wanted:
                since = len(releases) - release["generation"]
                return f"generation {release['generation']} of {records.workflow} in {environment}; {since} since"
    return ""
