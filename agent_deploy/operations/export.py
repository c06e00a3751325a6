"""export: a version as an OCI image layout, digest for digest.

Format: OCI image-spec 1.1, "Image Layout Specification": `oci-layout`, `index.json`, `blobs/sha256/<hex>`.
"""

from __future__ import annotations

import json
from pathlib import Path

from agent_deploy.operations.fetch import check_empty
from agent_deploy.operations.show import find
from agent_deploy.operations.writing import write_files
from registry.blobs import blob_key
from registry.content import read_blobs
from registry.manifest import ARTIFACT_TYPE, MANIFEST_TYPE
from registry.models import Version
from registry.registry import Registry

TAG = "org.opencontainers.image.ref.name"
WORKFLOW = "agent-deploy.workflow"
NOTE = "agent-deploy.note"


def export(registry: Registry, ref: str, folder: Path) -> Version:
    """Write the layout to a new or empty folder. Raises WouldOverwrite, NotFound, Damaged or CannotWrite."""
    version = find(registry, ref)
    check_empty(folder)
    _, blobs = read_blobs(registry.store, version)
    contents = {blob_key(digest): data for digest, data in blobs.items()}
    contents[blob_key(version.digest)] = version.manifest.encode()
    contents["index.json"] = (json.dumps(_index(version), indent=2) + "\n").encode()
    contents["oci-layout"] = b'{"imageLayoutVersion": "1.0.0"}\n'  # last: only a whole layout has it
    write_files(folder, contents)
    return version


def _index(version: Version) -> dict[str, object]:
    annotations = {TAG: version.tag, WORKFLOW: version.workflow}
    if version.note:
        annotations[NOTE] = version.note
    descriptor = {
        "mediaType": MANIFEST_TYPE,
        "artifactType": ARTIFACT_TYPE,
        "digest": version.digest,
        "size": len(version.manifest.encode()),
        "annotations": annotations,
    }
    return {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [descriptor]}
