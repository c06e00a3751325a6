"""import: a version from an OCI image layout that `export` wrote, checked, with the same digest."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from agent_deploy.operations.export import NOTE, TAG, WORKFLOW
from agent_deploy.operations.register import Registered, register
from registry.blobs import blob_key, digest_of
from registry.catalog import version_by_digest
from registry.errors import BadInput, Damaged
from registry.manifest import MANIFEST_TYPE, parse_manifest
from registry.registry import Registry
from registry.source import MAX_FILE_BYTES, Source, check_source
from registry.times import now


def import_(
    registry: Registry, folder: Path, *, actor: str, tag: str | None = None, clock: Callable[[], datetime] = now
) -> Registered:
    """Register the bundle in a layout, under `tag` or the one that it carries, which has to be great enough here.

    The version's number is this registry's own; its digest is the layout's. Raises BadInput when the folder is no
    layout of one bundle, Damaged when a blob is missing or not what its digest says: nothing is registered then.
    """
    descriptor = _descriptor(folder)
    source = _read_bundle(folder, str(descriptor["digest"]))
    annotations = descriptor.get("annotations") or {}
    with registry.database.read() as connection:
        present = version_by_digest(connection, source.workflow, source.digest)
    if tag is None and present is None and WORKFLOW in annotations:  # else another tool named it, not we
        tag = annotations.get(TAG)
    return register(registry, source, actor=actor, tag=tag, note=str(annotations.get(NOTE, "")), clock=clock)


def _descriptor(folder: Path) -> dict[str, Any]:
    if not (folder / "oci-layout").is_file():
        raise BadInput(f"{folder} is not an OCI image layout: it holds no oci-layout file")
    try:
        manifests = json.loads((folder / "index.json").read_bytes())["manifests"]
        if len(manifests) != 1 or manifests[0]["mediaType"] != MANIFEST_TYPE:
            types = ", ".join(str(manifest["mediaType"]) for manifest in manifests) or "nothing"
            raise BadInput(f"{folder}/index.json lists {types}; one image manifest, of a bundle, is wanted")
        blob_key(manifests[0]["digest"])
        dict(manifests[0].get("annotations") or {})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{folder}/index.json is not an OCI index ({type(error).__name__}: {error})") from error
    found: dict[str, Any] = manifests[0]
    return found


def _read_bundle(folder: Path, digest: str) -> Source:
    manifest = parse_manifest(_blob(folder, digest), digest)
    config = _config(_blob(folder, manifest.config_digest), folder)
    files = {path: _blob(folder, blob) for path, blob in manifest.files.items()}
    source = Source(config, files)
    check_source(source)
    if source.digest != digest:
        raise Damaged(
            f"{folder}: the bundle packs to {source.digest}, not to {digest}: another tool wrote this manifest"
        )
    return source


def _config(data: bytes, folder: Path) -> dict[str, Any]:
    try:
        config = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{folder}: the bundle's config is not JSON: {error}") from error
    if not isinstance(config, dict):
        raise BadInput(f"{folder}: the bundle's config is a {type(config).__name__}, not an object")
    return config


def _blob(folder: Path, digest: str) -> bytes:
    path = folder / blob_key(digest)
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise BadInput(f"{path} is larger than {MAX_FILE_BYTES:,} bytes")
        data = path.read_bytes()
    except OSError as error:
        raise Damaged(f"{path}: {error.strerror}", unchanged="Nothing was registered.") from error
    if digest_of(data) != digest:
        raise Damaged(f"{path} holds other bytes ({digest_of(data)})", unchanged="Nothing was registered.")
    return data
