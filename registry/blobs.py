"""Content by its digest. Every byte is hashed with SHA-256 by us, on the way in and on the way out."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator

from registry.errors import BadInput, Changed, Damaged, Exists, Missing, Unavailable
from registry.stores import Entry, Store

PREFIX = "blobs/sha256/"
_ATTEMPTS = 20
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def digest_of(data: bytes) -> str:
    """`sha256:<64 hex>` of the bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def blob_key(digest: str) -> str:
    """The key that a digest is stored under; raises BadInput on anything but a full SHA-256 digest."""
    if not _DIGEST.fullmatch(digest):
        raise BadInput(f"{digest!r} is not a digest (sha256: and 64 hex digits)")
    return PREFIX + digest.removeprefix("sha256:")


def put_blob(store: Store, data: bytes) -> str:
    """Store bytes under their digest; the digest. Present content is left alone, a damaged copy is healed.

    Raises Unavailable when the store is away, or when others kept putting and removing the blob meanwhile.
    """
    digest = digest_of(data)
    key = blob_key(digest)
    for _ in range(_ATTEMPTS):
        try:
            store.create(key, data)
        except Exists:
            try:
                present = store.get(key)
            except Missing:  # a gc took it in between
                continue
            if present is None or present.data == data:
                return digest
            try:
                store.replace(key, data, expect=present.token)
            except Changed:
                continue
        return digest
    raise Unavailable(f"{key} in {store.url} can neither be written nor read")


def get_blob(store: Store, digest: str) -> bytes:
    """The bytes of a digest, checked. Raises Missing, or Damaged when the bytes are not what the digest says."""
    stored = store.get(blob_key(digest))
    if stored is None:  # only a conditional get answers so
        raise Missing(f"{digest} is not in {store.url}")
    found = digest_of(stored.data)
    if found != digest:
        raise Damaged(f"blob {digest} in {store.url} holds other bytes ({found})")
    return stored.data


def get_blobs(store: Store, digests: Iterable[str]) -> dict[str, bytes]:
    """The bytes of several digests, checked, read as many at once as the store is good for."""
    wanted = list(dict.fromkeys(digests))
    if store.parallel <= 1 or len(wanted) <= 1:
        return {digest: get_blob(store, digest) for digest in wanted}
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(store.parallel, len(wanted))) as pool:
        return dict(zip(wanted, pool.map(lambda digest: get_blob(store, digest), wanted), strict=True))


def has_blob(store: Store, digest: str) -> bool:
    """Whether an object is stored under this digest, its bytes unseen."""
    key = blob_key(digest)
    return any(entry.key == key for entry in store.entries(key))


def ensure_blob(store: Store, data: bytes) -> None:
    """Put bytes again that a gc took since they were put. Called once what refers to them is inserted and not yet
    committed: from then until the commit every gc is kept out.
    """
    if not has_blob(store, digest_of(data)):
        put_blob(store, data)


def list_blobs(store: Store) -> Iterator[tuple[str, Entry]]:
    """Every stored blob, as (digest, entry). What is not named by a digest is none, and is not ours."""
    for entry in store.entries(PREFIX):
        digest = "sha256:" + entry.key.removeprefix(PREFIX)
        if _DIGEST.fullmatch(digest):
            yield digest, entry
