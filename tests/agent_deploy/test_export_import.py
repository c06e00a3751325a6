"""export and import: a version travels as an OCI image layout, and its digest with it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_deploy.operations.export import export
from agent_deploy.operations.import_ import import_
from agent_deploy.operations.register import register
from registry.blobs import blob_key, digest_of
from registry.errors import BadInput, Damaged, RegistryError
from registry.manifest import canonical, pack
from registry.models import Version
from registry.registry import Registry
from registry.source import MAX_FILE_BYTES
from tests.agent_deploy.conftest import AgentDeploy
from tests.builders import PROMPT, WORKFLOW, add_version, config_of, open_registry, source_of

_FILES = {"prompts/system.md": PROMPT.encode()}


@pytest.fixture
def other(here: Path) -> Registry:
    """Another registry, empty."""
    return open_registry(here / "other")


@pytest.fixture
def layout(registry: Registry, here: Path) -> Path:
    """A version exported."""
    register(registry, source_of(), actor="ci", note="for the other side")
    export(registry, f"{WORKFLOW}@1", here / "layout")
    return here / "layout"


def test_a_layout_is_what_the_image_spec_says(registry: Registry, here: Path, layout: Path) -> None:
    source = source_of()
    blobs = {digest_of(blob): blob for blob in (source.packed.manifest, *source.packed.blobs)}
    files = {str(path.relative_to(layout)): path.read_bytes() for path in layout.rglob("*") if path.is_file()}
    index = json.loads(files.pop("index.json"))
    assert json.loads(files.pop("oci-layout")) == {"imageLayoutVersion": "1.0.0"}
    assert files == {blob_key(digest): blob for digest, blob in blobs.items()}
    assert index == {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [
            {
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "artifactType": "application/vnd.agent-deploy.bundle.v1+json",
                "digest": source.digest,
                "size": len(source.packed.manifest),
                "annotations": {
                    "org.opencontainers.image.ref.name": "1.0.0",
                    "agent-deploy.workflow": WORKFLOW,
                    "agent-deploy.note": "for the other side",
                },
            }
        ],
    }


def test_export_says_where_and_how_to_copy_it(registry: Registry, agent_deploy: AgentDeploy) -> None:
    digest = add_version(registry).digest
    told = {"workflow": WORKFLOW, "version": 1, "tag": "1.0.0", "digest": digest, "folder": "one"}
    assert agent_deploy("export", f"{WORKFLOW}@1", "--to", "one", "--json").document == told
    assert agent_deploy("export", f"{WORKFLOW}@1", "--to", "two").out == (
        "exported support-triage@1 (1.0.0) to two\n"
        f"  digest  {digest}\n"
        "  copy    skopeo copy oci:two:1.0.0 oci:ELSEWHERE\n"
    )


def test_an_imported_version_has_the_same_digest_tag_and_note(other: Registry, layout: Path) -> None:
    imported = import_(other, layout, actor="bob")
    assert imported.created
    assert _content(imported.version) == (source_of().digest, "1.0.0", "for the other side", "bob", 1)
    again = import_(other, layout, actor="eve")
    assert (again.created, again.version) == (False, imported.version)


def _content(version: Version) -> tuple[str, str, str, str, int]:
    return version.digest, version.tag, version.note, version.actor, version.number


def test_import_prints_what_register_prints(
    registry: Registry, here: Path, layout: Path, agent_deploy: AgentDeploy
) -> None:
    elsewhere = ["--database", f"sqlite:///{here}/new/registry.db", "--store", str(here / "new")]
    assert agent_deploy(*elsewhere, "import", "layout", "--json").document == {
        "workflow": WORKFLOW, "version": 1, "tag": "1.0.0", "digest": source_of().digest, "created": True,
        "changes": [],
    }  # fmt: skip
    assert agent_deploy("import", "layout").out == (
        "support-triage@1 (1.0.0) has this very content already; nothing new was registered\n"
    )


def test_what_came_by_import_can_be_promoted_and_exported_again(other: Registry, here: Path, layout: Path) -> None:
    import_(other, layout, actor="bob")
    export(other, f"{WORKFLOW}@1", here / "again")
    assert _tree(here / "again") == _tree(layout)


def _tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_layouts_tag_that_is_too_low_here_needs_another(registry: Registry, other: Registry, layout: Path) -> None:
    register(other, source_of("newer"), actor="ci", tag="3.0.0")
    with pytest.raises(BadInput) as refused:
        import_(other, layout, actor="bob")
    assert refused.value.message == (
        "tag 1.0.0 is refused: it is not greater than the latest, 3.0.0; the least is 3.0.1"
    )
    assert refused.value.next_command == "the same command with --tag 3.0.1"
    assert import_(other, layout, actor="bob", tag="3.0.1").version.tag == "3.0.1"


def _rewrite(layout: Path, manifest: bytes, *blobs: bytes) -> None:
    """Make the layout's manifest this one, every digest right, as a forger would."""
    for blob in (manifest, *blobs):
        (layout / blob_key(digest_of(blob))).write_bytes(blob)
    index = json.loads((layout / "index.json").read_bytes())
    index["manifests"][0] |= {"digest": digest_of(manifest), "size": len(manifest)}
    (layout / "index.json").write_text(json.dumps(index))


def _forge(config: Any, files: dict[str, bytes]) -> Callable[[Path], None]:
    def forge(layout: Path) -> None:
        packed = pack(config, files)
        _rewrite(layout, packed.manifest, *packed.blobs)

    return forge


def _edit_index(**changes: Any) -> Callable[[Path], None]:
    def edit(layout: Path) -> None:
        index = json.loads((layout / "index.json").read_bytes())
        index["manifests"][0] |= changes
        (layout / "index.json").write_text(json.dumps(index))

    return edit


def _reformat(layout: Path) -> None:
    packed = pack(config_of(), _FILES)
    _rewrite(layout, json.dumps(json.loads(packed.manifest), indent=1).encode(), *packed.blobs)


def _raw_config(config: bytes) -> Callable[[Path], None]:
    def forge(layout: Path) -> None:
        manifest = json.loads(pack(config_of(), _FILES).manifest)
        manifest["config"] |= {"digest": digest_of(config), "size": len(config)}
        _rewrite(layout, canonical(manifest), config)

    return forge


_TOO_LARGE = b"x" * (MAX_FILE_BYTES + 1)
_PROMPT_BLOB = blob_key(digest_of(PROMPT.encode()))
_NOT_PLAIN = "is not a plain relative path inside the bundle folder"
_NO_INDEX = "{layout}/index.json is not an OCI index"

TAMPERED: dict[str, tuple[Callable[[Path], Any], type[RegistryError], str]] = {
    "no layout": (lambda layout: (layout / "oci-layout").unlink(), BadInput,
                  "{layout} is not an OCI image layout: it holds no oci-layout file"),
    "no index": (lambda layout: (layout / "index.json").unlink(), BadInput, f"{_NO_INDEX} (FileNotFoundError: "),
    "an index cut off": (lambda layout: (layout / "index.json").write_text("{"), BadInput, f"{_NO_INDEX} (JSONDecodeE"),
    "an index of nothing": (lambda layout: (layout / "index.json").write_text('{"manifests": []}'), BadInput,
                            "{layout}/index.json lists nothing; one image manifest, of a bundle, is wanted"),
    "another kind": (_edit_index(mediaType="application/vnd.oci.image.index.v1+json"), BadInput,
                     "{layout}/index.json lists application/vnd.oci.image.index.v1+json; one image manifest, of a"),
    "a digest that is a path": (_edit_index(digest="sha256:../../x"), BadInput, "'sha256:../../x' is not a digest"),
    "annotations of no kind": (_edit_index(annotations=[1]), BadInput, f"{_NO_INDEX} (TypeError: "),
    "a blob missing": (lambda layout: (layout / _PROMPT_BLOB).unlink(), Damaged,
                       f"{{layout}}/{_PROMPT_BLOB}: No such file or directory"),
    "a byte flipped": (lambda layout: (layout / _PROMPT_BLOB).write_bytes(PROMPT.encode()[::-1]), Damaged,
                       f"{{layout}}/{_PROMPT_BLOB} holds other bytes (sha256:"),
    "a title outside": (_forge(config_of(prompts={"a": "../x"}), {"../x": b""}), BadInput,
                        f"prompts.a: '../x' {_NOT_PLAIN}"),
    "an absolute title": (_forge(config_of(prompts={"a": "/etc/x"}), {"/etc/x": b""}), BadInput,
                          f"prompts.a: '/etc/x' {_NOT_PLAIN}"),
    "a file too many": (_forge(config_of(), _FILES | {"../x": b""}), BadInput,
                        "the bundle holds a file '../x' that its config does not name"),
    "a file missing": (_forge(config_of(), {}), BadInput,
                       "prompts.system: the bundle holds no file 'prompts/system.md'"),
    "a file over the limit": (_forge(config_of(), {"prompts/system.md": _TOO_LARGE}), BadInput,
                              f"{{layout}}/{blob_key(digest_of(_TOO_LARGE))} is larger than 4,194,304 bytes"),
    "a prompt of no text": (_forge(config_of(), {"prompts/system.md": b"\xff"}), BadInput,
                            "prompts/system.md:1: not UTF-8 text (byte 0xff)"),
    "a config of no kind": (_raw_config(b'["workflow"]'), BadInput, "{layout}: the bundle's config is a list, not an"),
    "a config that is no json": (_raw_config(b"{"), BadInput, "{layout}: the bundle's config is not JSON: "),
    "a config with a null": (_raw_config(canonical(config_of(metadata={"a": None}))), BadInput,
                             "bundle.toml: metadata.a must be text in quotes, not None"),
    "a manifest written otherwise": (_reformat, Damaged, f"{{layout}}: the bundle packs to {source_of().digest}, not"),
}  # fmt: skip


@pytest.mark.parametrize(("tamper", "kind", "message"), TAMPERED.values(), ids=TAMPERED)
def test_a_layout_that_is_not_whole_is_refused_and_nothing_is_registered(
    other: Registry, layout: Path, tamper: Callable[[Path], Any], kind: type[RegistryError], message: str
) -> None:
    tamper(layout)
    with pytest.raises(kind) as refused:
        import_(other, layout, actor="bob")
    assert refused.value.message.startswith(message.format(layout=layout))
    assert "\n" not in refused.value.message
    with other.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM versions").scalar() == 0


def _skopeo(*words: str) -> bytes:
    program = shutil.which("skopeo")
    if program is None:
        pytest.skip("skopeo is not installed here")
    return subprocess.run([program, *words], check=True, capture_output=True, timeout=60).stdout


@pytest.mark.slow
def test_standard_tools_read_and_copy_a_layout_and_keep_its_digest(
    registry: Registry, other: Registry, here: Path, layout: Path
) -> None:
    manifest = source_of().packed.manifest
    assert _skopeo("inspect", "--raw", f"oci:{layout}:1.0.0") == manifest
    _skopeo("copy", "--insecure-policy", f"oci:{layout}:1.0.0", f"oci:{here}/copy:latest")
    assert _skopeo("inspect", "--raw", f"oci:{here}/copy:latest") == manifest
    imported = import_(other, here / "copy", actor="bob").version
    assert (imported.digest, imported.tag) == (source_of().digest, "1.0.0")
