"""The stored form of a bundle: the same content has the same digest, for ever and on every machine."""

from __future__ import annotations

import hashlib
import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.blobs import digest_of
from registry.errors import BadInput, Damaged
from registry.manifest import Manifest, canonical, pack, parse_manifest
from tests.builders import config_of, source_of

_CONFIG = {
    "workflow": "support-triage",
    "prompts": {"system": "prompts/system.md", "classify": "prompts/classify.md"},
    "models": {"default": {"provider": "openai", "name": "gpt-5-mini", "temperature": 0.0, "max_tokens": 64}},
    "metadata": {"owner": "Zoë"},
}
_FILES = {"prompts/system.md": b"Sort it.\n", "prompts/classify.md": b"{{ query }}"}

# Written down once. A change of code that moves it would move every digest on record: that is a new format.
_GOLDEN = "sha256:1bbe63222cf4c138fb2f67a5050bca916f5f40bcfbe664d478012c41fe13ef5d"


def test_the_digest_of_a_fixed_bundle_is_the_one_written_down() -> None:
    assert pack(_CONFIG, _FILES).digest == _GOLDEN


def test_the_manifest_is_an_oci_image_manifest_in_canonical_json() -> None:
    packed = pack(_CONFIG, _FILES)
    config, classify, system = packed.blobs
    assert (
        packed.manifest
        == json.dumps(
            {
                "artifactType": "application/vnd.agent-deploy.bundle.v1+json",
                "config": _descriptor("application/vnd.agent-deploy.bundle.config.v1+json", config),
                "layers": [
                    {"annotations": {"org.opencontainers.image.title": path}}
                    | _descriptor("application/vnd.agent-deploy.bundle.file.v1", data)
                    for path, data in [("prompts/classify.md", classify), ("prompts/system.md", system)]
                ],
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "schemaVersion": 2,
            },
            separators=(",", ":"),
        ).encode()
    )
    assert packed.digest == "sha256:" + hashlib.sha256(packed.manifest).hexdigest()
    assert (classify, system) == (_FILES["prompts/classify.md"], _FILES["prompts/system.md"])
    assert json.loads(config) == _CONFIG


def _descriptor(media_type: str, data: bytes) -> dict[str, Any]:
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    return {"digest": digest, "mediaType": media_type, "size": len(data)}


def _shuffled(value: Any, order: random.Random) -> Any:
    if not isinstance(value, dict):
        return value
    keys = list(value)
    order.shuffle(keys)
    return {key: _shuffled(value[key], order) for key in keys}


@settings(deadline=None)  # the machine may be busy
@given(order=st.randoms(use_true_random=False))
def test_the_digest_does_not_depend_on_the_order_of_keys_or_files(order: random.Random) -> None:
    assert pack(_shuffled(_CONFIG, order), _shuffled(_FILES, order)).digest == _GOLDEN


@pytest.mark.parametrize(
    ("config", "files"),
    [
        (_CONFIG, _FILES | {"prompts/system.md": b"Sort it."}),
        (_CONFIG, _FILES | {"prompts/more.md": b""}),
        (_CONFIG | {"metadata": {"owner": "Zoe"}}, _FILES),
        (_CONFIG | {"metadata": {}}, _FILES),
        (_CONFIG, dict(zip(_FILES, reversed(_FILES.values()), strict=True))),
    ],
    ids=["a byte", "a file", "a letter", "a key", "bytes swapped"],
)
def test_any_other_content_has_another_digest(config: dict[str, Any], files: dict[str, bytes]) -> None:
    assert pack(config, files).digest != _GOLDEN


def test_numbers_that_toml_tells_apart_and_json_does_not_are_the_same() -> None:
    whole, fraction = (config_of(models={"d": {"provider": "p", "name": "n", "x": x}}) for x in (1, 1.0))
    assert pack(whole, {}).digest == pack(fraction, {}).digest


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), 2**53, pytest.param(object(), id="object"), "\ud800"], ids=repr
)
def test_what_json_cannot_carry_has_no_canonical_form(value: object) -> None:
    with pytest.raises(BadInput, match=r"\Aa value has no canonical JSON: .+\Z"):
        canonical({"value": value})


def test_a_manifest_is_parsed_to_what_it_lists() -> None:
    packed = pack(_CONFIG, _FILES)
    config, classify, system = map(digest_of, packed.blobs)
    manifest = parse_manifest(packed.manifest, packed.digest)
    assert manifest == Manifest(
        config_digest=config,
        files={"prompts/classify.md": classify, "prompts/system.md": system},
        sizes={config: len(packed.blobs[0]), classify: 11, system: 9},
    )
    assert manifest.digests == (config, classify, system)


def test_files_of_the_same_bytes_share_one_blob() -> None:
    packed = pack(_CONFIG, {"a.md": b"same", "b.md": b"same"})
    assert parse_manifest(packed.manifest, packed.digest).digests == tuple(map(digest_of, packed.blobs[:2]))


def _changed(**changes: Any) -> bytes:
    document = json.loads(source_of().packed.manifest) | changes
    return json.dumps({key: value for key, value in document.items() if value is not None}).encode()


_LAYER = {"mediaType": "x", "digest": digest_of(b""), "size": 0, "annotations": {"org.opencontainers.image.title": "a"}}
_FOREIGN = {
    "empty": (b"", "is not a bundle's manifest (JSONDecodeError: "),
    "cut off": (source_of().packed.manifest[:99], "is not a bundle's manifest (JSONDecodeError: "),
    "not UTF-8": (b"\xff", "is not a bundle's manifest (UnicodeDecodeError: "),
    "a list": (b"[]", "is not a bundle's manifest (TypeError: "),
    "no type": (_changed(artifactType=None), "is not a bundle's manifest (KeyError: 'artifactType')"),
    "a container": (
        _changed(artifactType="application/vnd.oci.image.config.v1+json"),
        "is a manifest of 'application/vnd.oci.image.config.v1+json', not of a bundle",
    ),
    "no config": (_changed(config=None), "is not a bundle's manifest (KeyError: 'config')"),
    "no layers": (_changed(layers=None), "is not a bundle's manifest (KeyError: 'layers')"),
    "a layer without a title": (
        _changed(layers=[_LAYER | {"annotations": {}}]),
        "is not a bundle's manifest (KeyError: 'org.opencontainers.image.title')",
    ),
    "a layer of no digest": (
        _changed(layers=[_LAYER | {"digest": "../../etc/passwd"}]),
        "is not a bundle's manifest (BadInput: '../../etc/passwd' is not a digest (sha256: and 64 hex digits))",
    ),
    "a layer of no size": (_changed(layers=[_LAYER | {"size": "x"}]), "is not a bundle's manifest (ValueError: "),
}


@pytest.mark.parametrize(("data", "message"), _FOREIGN.values(), ids=_FOREIGN)
def test_a_manifest_that_is_not_a_bundles_is_refused(data: bytes, message: str) -> None:
    digest = digest_of(data)
    with pytest.raises(Damaged) as refused:
        parse_manifest(data, digest)
    assert refused.value.message.startswith(f"{digest} {message}")


def test_bytes_that_are_not_what_their_digest_says_are_refused() -> None:
    packed = source_of().packed
    other = packed.manifest.replace(b"system.md", b"sistem.md")
    with pytest.raises(Damaged) as refused:
        parse_manifest(other, packed.digest)
    assert refused.value.message == f"manifest {packed.digest} holds other bytes ({digest_of(other)})"
