"""The pointer: what a store tells readers about an environment's head. It only ever moves to a higher generation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal

from registry.errors import Changed, Damaged, Exists, Missing, Unavailable
from registry.models import Pointer, Release, Target
from registry.stores import Store
from registry.times import from_text, to_text

_ATTEMPTS = 20

Published = Literal["published", "present", "superseded"]


def pointer_key(environment: str, workflow: str) -> str:
    """`live/<environment>/<workflow>.json`."""
    return f"live/{environment}/{workflow}.json"


def pointer_of(release: Release, revert_to: Target | None = None) -> Pointer:
    """The pointer that announces a release; `revert_to` spells out the version that a drill's release names."""
    return Pointer(
        workflow=release.workflow,
        environment=release.environment,
        generation=release.generation,
        version=release.version,
        tag=release.tag,
        digest=release.digest,
        kind=release.kind,
        released_at=release.released_at,
        hash=release.hash,
        revert_to=revert_to,
        revert_at=release.revert_at,
    )


def encode(pointer: Pointer) -> bytes:
    """The pointer as indented JSON, so that `cat` reads well at 3 a.m.; `revert_*` only where a drill set them."""
    document: dict[str, Any] = {
        "workflow": pointer.workflow,
        "environment": pointer.environment,
        "generation": pointer.generation,
        "version": pointer.version,
        "tag": pointer.tag,
        "digest": pointer.digest,
        "kind": pointer.kind,
        "released_at": to_text(pointer.released_at),
        "hash": pointer.hash,
    }
    if pointer.revert_to is not None and pointer.revert_at is not None:
        back = pointer.revert_to
        document["revert_to"] = {"version": back.version, "tag": back.tag, "digest": back.digest}
        document["revert_at"] = to_text(pointer.revert_at)
    return json.dumps(document, indent=2).encode() + b"\n"


def decode(data: bytes, name: str) -> Pointer:
    """The pointer in these bytes; raises Damaged, calling it `name`, when they are cut off or not a pointer."""
    try:
        document = json.loads(data)
        back = document.get("revert_to")
        return Pointer(
            workflow=str(document["workflow"]),
            environment=str(document["environment"]),
            generation=_positive(document["generation"]),
            version=_positive(document["version"]),
            tag=str(document["tag"]),
            digest=str(document["digest"]),
            kind=document["kind"],
            released_at=from_text(document["released_at"]),
            hash=str(document["hash"]),
            revert_to=Target(_positive(back["version"]), str(back["tag"]), str(back["digest"])) if back else None,
            revert_at=from_text(document["revert_at"]) if back else None,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Damaged(f"{name} is not a whole pointer ({type(error).__name__}: {error})") from error


def _positive(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{value!r} is not a positive whole number")
    return value


def read_pointer(store: Store, environment: str, workflow: str) -> Pointer:
    """The pointer as published. Raises Missing, or Damaged when it is not whole or another's."""
    key = pointer_key(environment, workflow)
    stored = store.get(key)
    if stored is None:
        raise Missing(f"{key} is not in {store.url}")
    pointer = decode(stored.data, f"{key} in {store.url}")
    if (pointer.environment, pointer.workflow) != (environment, workflow):
        raise Damaged(f"{key} in {store.url} is the pointer of {pointer.workflow} in {pointer.environment}")
    return pointer


def list_pointers(store: Store) -> Iterator[tuple[str, str]]:
    """Where there are pointers, whole or not, as (environment, workflow)."""
    for entry in store.entries("live/"):
        _, environment, name = entry.key.split("/", 2)
        yield environment, name.removesuffix(".json")


def publish(store: Store, pointer: Pointer) -> Published:
    """Move the stored pointer up to this one. Idempotent: "present" when it says so already.

    "superseded": the store points to a higher generation, which stays. A damaged pointer, or another's, is replaced.
    Raises Unavailable when the store is away, or when others kept winning the swap.
    """
    key = pointer_key(pointer.environment, pointer.workflow)
    data = encode(pointer)
    for _ in range(_ATTEMPTS):
        try:
            stored = store.get(key)
        except Missing:
            try:
                store.create(key, data)
            except Exists:
                continue
            return "published"
        if stored is None or stored.data == data:
            return "present"
        if _generation(stored.data, pointer) > pointer.generation:
            return "superseded"
        try:
            store.replace(key, data, expect=stored.token)
        except Changed:
            continue
        return "published"
    raise Unavailable(f"{key} in {store.url} kept changing: lost the swap {_ATTEMPTS} times")


def _generation(data: bytes, ours: Pointer) -> int:
    """The generation of a stored pointer; 0 when it is damaged or another's, and so stands in nobody's way."""
    try:
        stored = decode(data, "pointer")
    except Damaged:
        return 0
    return stored.generation if (stored.environment, stored.workflow) == (ours.environment, ours.workflow) else 0
