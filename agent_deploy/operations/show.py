"""show: one version, whole: what it is, and what is in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from registry.content import read_files
from registry.models import Version
from registry.refs import parse_ref
from registry.registry import Registry
from registry.releases import find_heads, find_live


@dataclass(frozen=True, slots=True)
class Shown:
    """A version with its config, its files' sizes in bytes by path, and the environments in which it is live."""

    version: Version
    config: Mapping[str, Any]
    files: Mapping[str, int]
    live_in: tuple[str, ...]


def find(registry: Registry, ref: str) -> Version:
    """The version that a ref names. Raises BadInput or NotFound."""
    with registry.database.read() as connection:
        return find_live(connection, parse_ref(ref))


def show(registry: Registry, ref: str) -> Shown:
    """A version, read back from the store and checked. Raises NotFound or Damaged."""
    version = find(registry, ref)
    config, files = read_files(registry.store, version)
    with registry.database.read() as connection:
        heads = find_heads(connection, version.workflow)
    live_in = tuple(head.environment for head in heads if head.version == version.number)
    return Shown(version, config, {path: len(data) for path, data in files.items()}, live_in)
