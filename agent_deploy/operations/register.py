"""register: a bundle folder becomes a version, once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

from agent_deploy.log import event
from registry.blobs import ensure_blob, put_blob
from registry.catalog import add_version, add_workflow, newest_version, version_by_digest
from registry.changes import Change, Content, check_tag, find_changes, next_tag
from registry.content import read_content
from registry.errors import BadInput, CommitUnknown, Conflict, Unavailable
from registry.failpoints import reached
from registry.manifest import Packed
from registry.models import Version
from registry.moves import finish_deliveries
from registry.registry import Registry
from registry.source import Source
from registry.stores import Store
from registry.times import now

_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Registered:
    """The version, whether this call made it, and what changed since the one before it."""

    version: Version
    created: bool
    changes: tuple[Change, ...]


@contextmanager
def _nothing_registered() -> Iterator[None]:
    try:
        yield
    except CommitUnknown:
        raise
    except Unavailable as error:
        raise Unavailable(
            error.message,
            unchanged="Nothing was registered.",
            next_command=error.next_command or "agent-deploy doctor",
        ) from error


@_nothing_registered()
def register(
    registry: Registry,
    source: Source,
    *,
    actor: str,
    tag: str | None = None,
    note: str = "",
    clock: Callable[[], datetime] = now,
) -> Registered:
    """Store a bundle and give it the next version. The same content again is the same version.

    Raises BadInput when the tag given is too low, or the content has another tag already; Unavailable when database
    or store is away, with nothing registered.
    """
    content = Content(source.config, source.files, source.variables)
    for _ in range(_ATTEMPTS):
        present, newest = _look(registry, source)
        put_blobs(registry.store, source.packed)
        if present:
            same = _same(present, tag)
            _finish_deliveries(registry, same, clock())
            return Registered(same, created=False, changes=())
        changes = _changes(registry.store, newest, content)
        latest = newest.tag if newest else None
        chosen = check_tag(tag, latest, changes) if tag else next_tag(latest, changes)
        reached("register.stored")
        version = record_version(registry, source, newest, tag=chosen, note=note, actor=actor, at=clock())
        if version:
            reached("register.committed")
            _finish_deliveries(registry, version, clock())
            event("registered", version=version.ref, tag=version.tag, digest=version.digest, actor=actor)
            return Registered(version, created=True, changes=tuple(changes))
    raise Conflict(
        f"others kept registering versions of {source.workflow} meanwhile",
        unchanged="Nothing was registered.",
        next_command="the same command again",
    )


def _finish_deliveries(registry: Registry, version: Version, at: datetime) -> None:
    with suppress(Unavailable):  # the version is on record, which is what was asked for
        finish_deliveries(registry, version.workflow, at)


def put_blobs(store: Store, packed: Packed) -> None:
    """Store the blobs of a bundle, its manifest last, so that a manifest in a store means a whole bundle."""
    for blob in (*packed.blobs, packed.manifest):
        put_blob(store, blob)


def record_version(
    registry: Registry, source: Source, newest: Version | None, *, tag: str, note: str, actor: str, at: datetime
) -> Version | None:
    """Append the version, if `newest` still is the newest; None when it is not, with nothing recorded.

    Blobs that a gc took since they were put are put again here: the insert keeps every gc out until the commit.
    """
    packed = source.packed
    try:
        with registry.database.write() as connection:
            add_workflow(connection, source.workflow, at)
            found = newest_version(connection, source.workflow)
            if (found and found.hash) != (newest and newest.hash):
                return None
            version = add_version(
                connection, source.workflow,
                tag=tag, digest=packed.digest, manifest=packed.manifest.decode(), note=note, actor=actor, at=at,
            )  # fmt: skip
            reached("register.inserted")
            for blob in (*packed.blobs, packed.manifest):
                ensure_blob(registry.store, blob)
    except CommitUnknown as error:
        raise CommitUnknown(
            error.message, next_command="the same command again   # registering twice is harmless"
        ) from error
    return version


def _look(registry: Registry, source: Source) -> tuple[Version | None, Version | None]:
    with registry.database.read() as connection:
        present = version_by_digest(connection, source.workflow, source.digest)
        return present, newest_version(connection, source.workflow)


def _same(present: Version, tag: str | None) -> Version:
    if tag and tag != present.tag:
        raise BadInput(
            f"this content is {present.ref} already, tagged {present.tag}; a tag is given once and never moved",
            unchanged="Nothing was registered.",
            next_command=f"agent-deploy show {present.ref}",
        )
    return present


def _changes(store: Store, newest: Version | None, content: Content) -> list[Change]:
    return find_changes(read_content(store, newest), content) if newest else []
