"""A stored version's content, read back from the store and checked."""

from __future__ import annotations

import json
from typing import Any

from registry.blobs import get_blobs
from registry.changes import Content
from registry.errors import Damaged, Missing
from registry.manifest import Manifest, parse_manifest
from registry.models import Version
from registry.source import variables_of
from registry.stores import Store


def read_blobs(store: Store, version: Version) -> tuple[Manifest, dict[str, bytes]]:
    """A version's manifest and the blobs that it lists, every byte checked. Raises Damaged naming what is not whole."""
    try:
        manifest = parse_manifest(version.manifest.encode(), version.digest)
        return manifest, get_blobs(store, manifest.digests)
    except (Missing, Damaged) as error:
        raise Damaged(
            f"{version.ref} is not whole: {error.message}",
            unchanged="Nothing was changed.",
            next_command=f"agent-deploy verify {version.workflow}",
        ) from error


def read_files(store: Store, version: Version) -> tuple[dict[str, Any], dict[str, bytes]]:
    """A version's config, and its files' bytes by path, every byte checked. Raises Damaged naming what is not whole."""
    manifest, blobs = read_blobs(store, version)
    config: dict[str, Any] = json.loads(blobs[manifest.config_digest])
    return config, {path: blobs[digest] for path, digest in manifest.files.items()}


def read_content(store: Store, version: Version) -> Content:
    """A version's content as comparisons take it."""
    config, files = read_files(store, version)
    return Content(config, files, variables_of(config, files))
