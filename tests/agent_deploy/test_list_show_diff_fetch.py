"""list, show, diff and fetch: what is on record, what is in it, and getting it back."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent_deploy.operations.diff import diff
from agent_deploy.operations.fetch import fetch
from agent_deploy.operations.list_ import Listed, list_newest, list_versions_of
from agent_deploy.operations.register import register
from agent_deploy.operations.show import Shown, show
from registry.blobs import blob_key, digest_of
from registry.models import Version
from registry.registry import Registry
from registry.source import Source, read_source
from tests.agent_deploy.conftest import AgentDeploy
from tests.builders import PROMPT, WORKFLOW, add_version, source_of, write_bundle

_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


_SIZES = {"prompts/system.md": 18, "prompts/extra.md": 8, "lookup.json": 19, "triage.json": 3}


def _register(registry: Registry, source: Source, note: str = "") -> Version:
    return register(registry, source, actor="ci", note=note, clock=lambda: _NOON).version


def _rich(here: Path, prompt: str = "Sort {{ query }}.\n", **changes: Any) -> Source:
    """A bundle that has one of everything."""
    parts = {
        "prompts": {"system": "prompts/system.md", "extra": "prompts/extra.md"},
        "tools": {"lookup": "lookup.json"},
        "inputs": {"query": "the message"},
        "output": {"schema": "triage.json"},
        "metadata": {"owner": "support"},
    }
    files = {"prompts/extra.md": "Be kind.", "lookup.json": '{"type": "object"}\n', "triage.json": "{}\n"}
    files |= changes.pop("files", {})
    return read_source(write_bundle(here / "rich", prompt=prompt, files=files, **parts | changes))


def test_list_is_the_newest_version_of_every_workflow_or_all_of_one(
    registry: Registry, agent_deploy: AgentDeploy
) -> None:
    first, second = add_version(registry, 1), add_version(registry, 2)
    other = add_version(registry, 1, "other")
    agent_deploy("promote", WORKFLOW, "--version", "1")
    agent_deploy("promote", WORKFLOW, "--version", "1", "--env", "staging")
    overriding = ("--override-gate", "--reason", "no gate is what this is about")
    agent_deploy("promote", "other", "--version", "1", "--env", "staging", *overriding)
    assert list_newest(registry) == [Listed(other, ("staging",)), Listed(second, ())]
    assert list_versions_of(registry, WORKFLOW) == [Listed(second, ()), Listed(first, ("production", "staging"))]


def test_list_prints_a_table_or_one_object(registry: Registry, agent_deploy: AgentDeploy) -> None:
    assert agent_deploy("list").out == "no workflow is registered yet\n"
    assert agent_deploy("list", "--json").document == {"workflows": []}
    version = _register(registry, source_of(), note="first")
    row = {
        "workflow": WORKFLOW, "version": 1, "tag": "1.0.0", "digest": version.digest, "live_in": [],
        "registered_at": "2026-11-23T12:00:00.000000Z", "actor": "ci", "note": "first",
    }  # fmt: skip
    assert agent_deploy("list", "--json").document == {"workflows": [row]}
    assert agent_deploy("list", WORKFLOW, "--json").document == {"versions": [row]}
    assert agent_deploy("list").out == (
        "WORKFLOW        VERSION  TAG    DIGEST               LIVE IN  REGISTERED            BY  NOTE\n"
        f"support-triage  1        1.0.0  {version.digest[:19]}  -        2026-11-23 12:00:00Z  ci  first\n"
    )


def test_show_is_a_version_with_all_that_is_in_it(registry: Registry, here: Path) -> None:
    source = _rich(here)
    version = _register(registry, source)
    shown = show(registry, f"{WORKFLOW}@1")
    assert shown == Shown(version, shown.config, _SIZES, ())
    assert shown.config == source.config


def test_show_prints_facts_or_one_object(registry: Registry, here: Path, agent_deploy: AgentDeploy) -> None:
    source = _rich(here)
    version = _register(registry, source, note="first")
    agent_deploy("promote", WORKFLOW, "--version", "1")
    assert agent_deploy("show", f"{WORKFLOW}@production", "--json").document == {
        "workflow": WORKFLOW, "version": 1, "tag": "1.0.0", "digest": version.digest, "live_in": ["production"],
        "registered_at": "2026-11-23T12:00:00.000000Z", "actor": "ci", "note": "first", "hash": version.hash,
        "config": source.config,
        "files": [
            {"path": path, "bytes": size}
            for path, size in sorted(_SIZES.items())
        ],
    }  # fmt: skip
    assert agent_deploy("show", f"{WORKFLOW}@1.0.0").out == (
        "support-triage@1 (1.0.0)\n"
        f"  digest         {version.digest}\n"
        "  live in        production\n"
        "  registered     2026-11-23 12:00:00Z by ci\n"
        "  note           first\n"
        "  model default  openai/gpt-5-mini max_tokens=64 temperature=0\n"
        "  prompt extra   prompts/extra.md\n"
        "  prompt system  prompts/system.md\n"
        "  tool lookup    lookup.json\n"
        "  output         triage.json\n"
        "  input query    the message\n"
        "  owner          support\n"
    )


def test_diff_names_every_change_and_shows_the_texts(registry: Registry, here: Path, agent_deploy: AgentDeploy) -> None:
    _register(registry, _rich(here))
    _register(
        registry, _rich(here, prompt="Sort {{ query }}.\nBe brief.", files={"lookup.json": '{"type": "array"}\n'})
    )
    prompt = (
        "--- support-triage@1 prompt system\n+++ support-triage@2 prompt system\n@@ -1 +1,2 @@\n Sort {{ query }}.\n"
        "+Be brief.\n\\ No newline at end of file\n"
    )
    tool = (
        "--- support-triage@1 tool lookup\n+++ support-triage@2 tool lookup\n@@ -1 +1 @@\n"
        '-{"type": "object"}\n+{"type": "array"}\n'
    )
    versions = [version.version for version in reversed(list_versions_of(registry, WORKFLOW))]
    changes = [("major", "tool 'lookup' changed"), ("patch", "prompt 'system' reads otherwise")]
    assert agent_deploy("diff", f"{WORKFLOW}@1", f"{WORKFLOW}@2", "--json").document == {
        "old": {"workflow": WORKFLOW, "version": 1, "digest": versions[0].digest},
        "new": {"workflow": WORKFLOW, "version": 2, "digest": versions[1].digest},
        "changes": [{"level": level, "what": what} for level, what in changes],
        "texts": {"prompt system": prompt, "tool lookup": tool},
    }
    assert agent_deploy("diff", f"{WORKFLOW}@1", f"{WORKFLOW}@2").out == (
        "support-triage@1 (1.0.0) → support-triage@2 (2.0.0)\n"
        "  major  tool 'lookup' changed\n"
        f"  patch  prompt 'system' reads otherwise\n\n{prompt}\n{tool}"
    )


def test_diff_of_a_prompt_that_is_new_or_gone_is_against_nothing(registry: Registry, here: Path) -> None:
    _register(registry, _rich(here))
    _register(registry, _rich(here, prompts={"system": "prompts/system.md", "other": "prompts/extra.md"}))
    texts = diff(registry, f"{WORKFLOW}@1", f"{WORKFLOW}@2").texts
    end = "\\ No newline at end of file\n"
    assert texts == {
        "prompt extra": f"--- support-triage@1 prompt extra\n+++ /dev/null\n@@ -1 +0,0 @@\n-Be kind.\n{end}",
        "prompt other": f"--- /dev/null\n+++ support-triage@2 prompt other\n@@ -0,0 +1 @@\n+Be kind.\n{end}",
    }


def test_diff_of_a_version_with_itself_says_so(registry: Registry, agent_deploy: AgentDeploy) -> None:
    add_version(registry)
    said = "support-triage@1 (1.0.0) → support-triage@1 (1.0.0): no difference\n"
    assert agent_deploy("diff", f"{WORKFLOW}@1", f"{WORKFLOW}@1.0.0").out == said


def test_a_renamed_file_is_no_difference_of_texts(registry: Registry, here: Path, agent_deploy: AgentDeploy) -> None:
    _register(registry, source_of())
    renamed = Source({**source_of().config, "prompts": {"system": "main.md"}}, {"main.md": PROMPT.encode()})
    _register(registry, renamed)
    assert agent_deploy("diff", f"{WORKFLOW}@1", f"{WORKFLOW}@2").out == (
        "support-triage@1 (1.0.0) → support-triage@2 (1.0.1)\n  patch  files were renamed\n"
    )


def test_what_is_fetched_registers_to_the_same_digest(
    registry: Registry, here: Path, agent_deploy: AgentDeploy
) -> None:
    source = _rich(here, prompt="Grüße, {{ query }}\r\n\t日本語")
    version = _register(registry, source)
    files = ["bundle.toml", "lookup.json", "prompts/extra.md", "prompts/system.md", "triage.json"]
    answer = agent_deploy("fetch", f"{WORKFLOW}@1", "a/b", "--json")
    assert (answer.code, answer.document) == (
        0,
        {
            "workflow": WORKFLOW, "version": 1, "tag": "1.0.0", "digest": version.digest, "folder": "a/b",
            "files": files,
        },
    )  # fmt: skip
    assert sorted(str(path.relative_to(here / "a/b")) for path in (here / "a/b").rglob("*.*")) == files
    assert {path: (here / "a/b" / path).read_bytes() for path in source.files} == source.files
    assert agent_deploy("register", "a/b", "--json").document["created"] is False


def test_fetch_writes_to_an_empty_folder_only(registry: Registry, here: Path, agent_deploy: AgentDeploy) -> None:
    add_version(registry)
    (here / "empty").mkdir()
    assert agent_deploy("fetch", f"{WORKFLOW}@1", "empty").out == "wrote support-triage@1 (1.0.0) to empty: 2 files\n"
    (here / "file").write_text("mine")
    for folder in ("empty", "file"):
        answer = agent_deploy("fetch", f"{WORKFLOW}@1", folder)
        assert (answer.code, answer.out, answer.err) == (
            2,
            "",
            f"error: {folder} is there already and is not an empty folder\n"
            "  Nothing was written.\n"
            "  next: the same command with a folder of another name\n",
        )
    assert (here / "file").read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_named(registry: Registry, here: Path, agent_deploy: AgentDeploy) -> None:
    add_version(registry)
    (here / "file").write_text("mine")
    answer = agent_deploy("fetch", f"{WORKFLOW}@1", "file/below")
    assert (answer.code, answer.err.splitlines()[0]) == (
        1, "error: cannot write file/below/bundle.toml: Not a directory",
    )  # fmt: skip


@pytest.mark.parametrize("words", [["show"], ["diff", f"{WORKFLOW}@1"], ["fetch"], ["export", "--to", "out"]])
def test_a_version_that_is_not_whole_is_not_shown_and_nothing_is_written(
    registry: Registry, here: Path, agent_deploy: AgentDeploy, words: list[str]
) -> None:
    source = source_of()
    register(registry, source, actor="ci")
    registry.store.delete(key := blob_key(digest_of(source.packed.blobs[1])))
    out = ["out"] if words == ["fetch"] else []
    answer = agent_deploy(*words, f"{WORKFLOW}@1", *out)
    assert (answer.code, answer.out) == (7, "")
    assert f"{key} is not in {registry.store.url}\n" in answer.err
    assert answer.err.endswith("  next: agent-deploy verify support-triage\n")
    assert not (here / "out").exists()


def test_a_file_of_a_forged_record_is_not_written_outside_the_folder(registry: Registry, here: Path) -> None:
    forged = Source(source_of().config, {"../outside.md": b"", "prompts/system.md": b""})
    register(registry, forged, actor="mallory")
    with pytest.raises(Exception, match="is not a plain relative path inside the bundle folder"):
        fetch(registry, f"{WORKFLOW}@1", here / "out")
    assert not (here / "outside.md").exists()
    assert not (here / "out").exists()
