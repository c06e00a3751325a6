"""gc: removes blobs that no version and no evidence refers to, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from registry.blobs import blob_key, list_blobs
from registry.catalog import keep_out_references, referenced_digests
from registry.errors import Damaged
from registry.pointers import list_pointers, read_pointer
from registry.registry import Registry
from registry.releases import find_release


@dataclass(frozen=True, slots=True)
class Collected:
    """The digests of the blobs removed (or, in a dry run, to be removed), their bytes together, and how many stay."""

    removed: tuple[str, ...]
    freed_bytes: int
    kept: int


def _check_same_registry(registry: Registry) -> None:
    """Raises Damaged when a pointer in the store is not of this database: its blobs would look unreferenced."""
    for environment, workflow in list_pointers(registry.store):
        pointer = read_pointer(registry.store, environment, workflow)
        with registry.database.read() as connection:
            release = find_release(connection, workflow, environment, pointer.generation)
        if release is None or release.hash != pointer.hash:
            raise Damaged(
                f"{registry.store.url} is live for another or a newer database: "
                f"generation {pointer.generation} of {workflow} in {environment} is not on record here",
                unchanged="Nothing was removed.",
                next_command="agent-deploy verify",
            )


def gc(registry: Registry, *, dry_run: bool = False) -> Collected:
    """Remove unreferenced blobs while nothing that refers to any can be added, so that none in use is taken.

    Blobs are listed first and references read last, under the lock: what a version took up in between is kept, and a
    register that comes after finds its blob gone and puts it again. Raises Damaged when a manifest on record is not
    whole, with nothing removed: what it refers to is not known.
    """
    _check_same_registry(registry)
    listed = dict(list_blobs(registry.store))
    with registry.database.read() as connection:
        unreferenced = sorted(set(listed) - referenced_digests(connection))
    if unreferenced and not dry_run:
        with registry.database.write() as connection:
            keep_out_references(connection)
            unreferenced = sorted(set(unreferenced) - referenced_digests(connection))
            for digest in unreferenced:
                registry.store.delete(blob_key(digest))
    freed = sum(listed[digest].size for digest in unreferenced)
    return Collected(tuple(unreferenced), freed, len(listed) - len(unreferenced))
