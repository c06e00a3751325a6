"""The stored form of a bundle: an OCI image manifest whose digest is the version's only identity.

Source of the format: OCI image-spec 1.1, "Guidelines for Artifact Usage"; canonical JSON is RFC 8785.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from registry.blobs import blob_key, digest_of
from registry.errors import BadInput, Damaged

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
ARTIFACT_TYPE = "application/vnd.agent-deploy.bundle.v1+json"
CONFIG_TYPE = "application/vnd.agent-deploy.bundle.config.v1+json"
FILE_TYPE = "application/vnd.agent-deploy.bundle.file.v1"
TITLE = "org.opencontainers.image.title"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a manifest lists: the config blob and each file's, by its path; sizes in bytes by digest."""

    config_digest: str
    files: Mapping[str, str]
    sizes: Mapping[str, int]

    @property
    def digests(self) -> tuple[str, ...]:
        """Every blob that the bundle needs besides the manifest itself, each once."""
        return tuple(self.sizes)


@dataclass(frozen=True, slots=True)
class Packed:
    """A bundle ready to store: the manifest's bytes and digest, and the blobs that it lists."""

    manifest: bytes
    digest: str
    blobs: tuple[bytes, ...]


def canonical(document: Any) -> bytes:
    """The RFC 8785 bytes of a JSON document; raises BadInput on a number that JSON cannot carry exactly."""
    import rfc8785

    try:
        return rfc8785.dumps(document)
    except rfc8785.CanonicalizationError as error:
        raise BadInput(f"a value has no canonical JSON: {error}") from error


def pack(config: Mapping[str, Any], files: Mapping[str, bytes]) -> Packed:
    """The stored form of a bundle. The same config and bytes always give the same digest."""
    config_bytes = canonical(config)
    layers = [{**_descriptor(FILE_TYPE, data), "annotations": {TITLE: path}} for path, data in sorted(files.items())]
    manifest = canonical(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "artifactType": ARTIFACT_TYPE,
            "config": _descriptor(CONFIG_TYPE, config_bytes),
            "layers": layers,
        }
    )
    return Packed(manifest, digest_of(manifest), (config_bytes, *(data for _, data in sorted(files.items()))))


def _descriptor(media_type: str, data: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}


def parse_manifest(data: bytes, digest: str) -> Manifest:
    """What the manifest lists. Raises Damaged when the bytes are not this digest's, or not a bundle's manifest."""
    if digest_of(data) != digest:
        raise Damaged(f"manifest {digest} holds other bytes ({digest_of(data)})")
    try:
        document = json.loads(data)
        if document["artifactType"] != ARTIFACT_TYPE:
            raise Damaged(f"{digest} is a manifest of {document['artifactType']!r}, not of a bundle")
        blobs = [document["config"], *document["layers"]]
        for blob in blobs:
            blob_key(blob["digest"])
        return Manifest(
            config_digest=document["config"]["digest"],
            files={layer["annotations"][TITLE]: layer["digest"] for layer in document["layers"]},
            sizes={blob["digest"]: int(blob["size"]) for blob in blobs},
        )
    except (ValueError, KeyError, TypeError, BadInput) as error:
        raise Damaged(f"{digest} is not a bundle's manifest ({type(error).__name__}: {error})") from error
