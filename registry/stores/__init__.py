"""Where bytes live: one small contract, kept by a folder, an S3 bucket and a dictionary alike.

Layout of every store (keys are relative to the folder, or to the bucket's prefix):

    blobs/sha256/<hex>                              write-once, named by content
    live/<environment>/<workflow>.json              the pointer, moved by compare-and-swap
    readers/<environment>/<workflow>/<instance>.json    what a reader last said it serves
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from registry.errors import BadInput


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as read: its bytes, and the opaque token of this state of it."""

    data: bytes
    token: str


@dataclass(frozen=True, slots=True)
class Entry:
    """An object as listed: its key and its size in bytes."""

    key: str
    size: int


class Store(Protocol):
    """Five methods. All may raise `Unavailable`; all are safe to call from many threads and processes at once.

    url: how messages name this store (`s3://bucket/prefix` or a folder's path).
    parallel: how many requests at once are worth making (1 for a local disk).
    """

    url: str
    parallel: int

    def get(self, key: str, *, unless: str | None = None) -> Stored | None:
        """The object under `key`; None when it still has the token `unless`. Raises `Missing`."""

    def create(self, key: str, data: bytes) -> str:
        """Write an object that must not exist yet, durably and whole or not at all; its token.

        Of many at once exactly one wins. Raises `Exists` and changes nothing when the key is taken. A create whose
        answer was lost may be seen as `Exists` by its own retry, so callers compare what is there.
        """

    def replace(self, key: str, data: bytes, *, expect: str | None) -> str:
        """Write over an object; its new token. A reader sees the old bytes or the new, never a mix.

        With `expect`, durably and only if the object still has that token, else raises `Changed` and changes nothing
        (also when the object is gone; and, as with create, when its own first try won and the answer was lost). With
        None, whatever is there: the last writer wins, the object is made where
        it is missing, and a power cut may lose the write.
        """

    def entries(self, prefix: str) -> Iterator[Entry]:
        """Every object whose key starts with `prefix`, in the order of their keys. Each key at most once."""

    def delete(self, key: str) -> None:
        """Remove an object; a missing one is no error."""


def open_store(url: str) -> Store:
    """The store that `url` names: `s3://bucket/prefix`, `file:///path` or a plain path. Makes no request yet."""
    parts = urlsplit(url)
    if parts.scheme == "s3":
        from registry.stores.s3 import S3Store

        return S3Store(parts.netloc, parts.path.strip("/"))
    from registry.stores.local import LocalStore

    if parts.scheme == "file":
        if parts.netloc not in ("", "localhost"):
            raise BadInput(f"store {url!r}: a file URL has three slashes: file:///{parts.netloc}{parts.path}")
        return LocalStore(Path(unquote(parts.path)))
    if "://" in url:
        raise BadInput(f"store {url!r}: give a folder, file:///folder or s3://bucket/prefix")
    return LocalStore(Path(url))
