"""register: a bundle folder becomes a version, once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent_deploy.operations.register import Registered, register
from registry.blobs import blob_key, digest_of, get_blob
from registry.changes import Change
from registry.models import Version
from registry.registry import Registry
from registry.source import read_source
from tests.agent_deploy.conftest import AgentDeploy
from tests.builders import PROMPT, WORKFLOW, config_of, source_of, write_bundle

_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
_KEYS = {"workflow", "version", "tag", "digest", "created"}


def test_a_bundle_becomes_version_one_with_all_its_blobs_stored(registry: Registry) -> None:
    source = source_of()
    done = register(registry, source, actor="ci", note="first", clock=lambda: _NOON)
    version = Version(
        workflow=WORKFLOW, number=1, tag="1.0.0", digest=source.digest, manifest=source.packed.manifest.decode(),
        note="first", actor="ci", created_at=_NOON, previous_hash="", hash=done.version.hash,
    )  # fmt: skip
    assert done == Registered(version, created=True, changes=())
    for blob in (source.packed.manifest, *source.packed.blobs):
        assert get_blob(registry.store, digest_of(blob)) == blob


def test_the_same_content_again_is_the_same_version(registry: Registry) -> None:
    first = register(registry, source_of(), actor="ci", clock=lambda: _NOON)
    register(registry, source_of("another"), actor="ci")
    again = register(registry, source_of(), actor="somebody else", note="again")
    assert again == replace(first, created=False)


def test_another_bundle_is_the_next_version_with_what_changed(registry: Registry) -> None:
    first = register(registry, source_of(), actor="ci").version
    done = register(registry, source_of("another"), actor="ci")
    assert (done.version.number, done.version.tag, done.version.previous_hash) == (2, "1.0.1", first.hash)
    assert done.changes == (Change("patch", "prompt 'system' reads otherwise"),)


_MODEL = config_of()["models"]["default"]
_BUMPS: dict[str, tuple[dict[str, Any], str]] = {
    "wording": ({"prompt": "Sort it."}, "1.0.1"),
    "a parameter": ({"models": {"default": _MODEL | {"temperature": 0.3}}}, "1.0.1"),
    "metadata": ({"metadata": {"owner": "support"}}, "1.0.1"),
    "the model": ({"models": {"default": _MODEL | {"name": "gpt-5"}}}, "1.1.0"),
    "the provider": ({"models": {"default": _MODEL | {"provider": "bedrock"}}}, "1.1.0"),
    "a variable": ({"prompt": PROMPT + "{{ query }}"}, "2.0.0"),
    "a tool": ({"tools": {"t": "t.json"}, "files": {"t.json": "{}"}}, "2.0.0"),
    "the output": ({"output": {"schema": "o.json"}, "files": {"o.json": "{}"}}, "2.0.0"),
}


@pytest.mark.parametrize(("changes", "tag"), _BUMPS.values(), ids=_BUMPS)
def test_without_a_tag_it_is_bumped_by_what_changed(
    registry: Registry, here: Path, changes: dict[str, Any], tag: str
) -> None:
    register(registry, read_source(write_bundle(here / "before")), actor="ci")
    done = register(registry, read_source(write_bundle(here / "after", **changes)), actor="ci")
    assert done.version.tag == tag


def test_json_has_the_keys_that_scripts_rely_on(registry: Registry, here: Path, agent_deploy: AgentDeploy) -> None:
    write_bundle(here / "bundle")
    digest = read_source(here / "bundle").digest
    expected = {"workflow": WORKFLOW, "version": 1, "tag": "1.0.0", "digest": digest, "created": True, "changes": []}
    assert expected.keys() >= _KEYS
    answer = agent_deploy("register", "bundle", "--json")
    assert (answer.code, answer.document, answer.err) == (0, expected, "")
    assert agent_deploy("register", "bundle", "--json").document == expected | {"created": False}
    write_bundle(here / "bundle", prompt="Sort it.")
    assert agent_deploy("register", "bundle", "--json").document == expected | {
        "version": 2,
        "tag": "1.0.1",
        "digest": read_source(here / "bundle").digest,
        "changes": [{"level": "patch", "what": "prompt 'system' reads otherwise"}],
    }


def test_people_are_told_what_came_of_it_and_what_to_type_next(
    registry: Registry, here: Path, agent_deploy: AgentDeploy
) -> None:
    digest = read_source(write_bundle(here / "bundle")).digest
    assert agent_deploy("register", "bundle").out == (
        "registered support-triage@1 (1.0.0)\n"
        f"  digest  {digest[:19]}\n"
        "  next    agent-deploy promote support-triage --version 1\n"
    )
    assert agent_deploy("register", "bundle").out == (
        "support-triage@1 (1.0.0) has this very content already; nothing new was registered\n"
    )


def test_tag_note_and_actor_are_recorded(registry: Registry, here: Path, agent_deploy: AgentDeploy) -> None:
    write_bundle(here / "bundle")
    agent_deploy("register", "bundle", "--tag", "2.0.0-rc.1", "--note", "new schema", "--actor", "bob")
    shown = agent_deploy("show", f"{WORKFLOW}@1", "--json").document
    assert (shown["tag"], shown["note"], shown["actor"]) == ("2.0.0-rc.1", "new schema", "bob")


@pytest.mark.parametrize(
    ("tag", "message"),
    [
        ("1.0", "tag '1.0' is not a semantic version like 1.4.0 or 2.0.0-rc.1"),
        ("1.0.0", "tag 1.0.0 is refused: it is not greater than the latest, 1.0.0; the least is 1.0.1"),
    ],
)
def test_a_tag_that_will_not_do_registers_nothing(
    registry: Registry, here: Path, agent_deploy: AgentDeploy, tag: str, message: str
) -> None:
    write_bundle(here / "bundle")
    agent_deploy("register", "bundle")
    write_bundle(here / "bundle", prompt="Sort it.")
    answer = agent_deploy("register", "bundle", "--tag", tag, "--json")
    assert (answer.code, answer.document["error"]["message"]) == (2, message)
    assert len(agent_deploy("list", WORKFLOW, "--json").document["versions"]) == 1


def test_content_that_has_a_tag_is_given_no_other(registry: Registry, here: Path, agent_deploy: AgentDeploy) -> None:
    write_bundle(here / "bundle")
    agent_deploy("register", "bundle")
    assert agent_deploy("register", "bundle", "--tag", "1.0.0").code == 0
    answer = agent_deploy("register", "bundle", "--tag", "3.0.0")
    assert (answer.code, answer.out, answer.err) == (
        2,
        "",
        "error: this content is support-triage@1 already, tagged 1.0.0; a tag is given once and never moved\n"
        "  Nothing was registered.\n"
        "  next: agent-deploy show support-triage@1\n",
    )


@pytest.mark.parametrize(
    ("typed", "said", "next_command"),
    [
        ("suport-triage", "is neither a folder nor a workflow of {file}; did you mean 'support-triage'? (there: lost, "
         "support-triage)", "agent-deploy register --help"),
        ("lost", "{file}: 'workflows.lost.source': {here}/gone is not a folder",
         "agent-deploy register --help"),
    ],
)  # fmt: skip
def test_a_misspelt_workflow_is_met_with_the_nearest_and_a_lost_folder_with_its_key(
    here: Path, agent_deploy: AgentDeploy, typed: str, said: str, next_command: str
) -> None:
    sources = {WORKFLOW: "bundle", "lost": "gone"}
    text = "".join(f'[workflows.{name}]\nsource = "{folder}"\n' for name, folder in sources.items())
    (here / "agent-deploy.toml").write_text(text)
    answer = agent_deploy("register", typed)
    assert (answer.code, said.format(file=here / "agent-deploy.toml", here=here) in answer.err) == (2, True)
    assert answer.err.endswith(f"  next: {next_command}\n")


def test_in_a_folder_without_a_configuration_that_is_told(here: Path, agent_deploy: AgentDeploy) -> None:
    assert agent_deploy("register", WORKFLOW).err == (
        "error: support-triage is neither a folder nor named in an agent-deploy.toml, for there is none here\n"
        "  Nothing was registered.\n"
        "  next: agent-deploy init   # writes an example to start from\n"
    )


def test_a_bad_bundle_is_refused_before_any_registry_is_made(here: Path, agent_deploy: AgentDeploy) -> None:
    write_bundle(here / "bundle", prompts={"system": "../outside.md"})
    answer = agent_deploy("register", "bundle")
    assert (answer.code, answer.out, answer.err) == (
        2,
        "",
        "error: bundle.toml:4: prompts.system: '../outside.md' is not a plain relative path inside the bundle folder\n"
        "  Nothing was registered from bundle.\n"
        "  next: agent-deploy register bundle   # once it is mended\n",
    )
    assert not (here / ".agent-deploy").exists()


@pytest.mark.parametrize(
    ("prompt", "flag"), [("Sort\u202e it.", "--allow-invisible"), ("AKIA" + "IOSFODNN7EXAMPL2", "--allow-secret")]
)
def test_what_does_not_belong_in_a_prompt_is_refused_with_the_flag_that_allows_it(
    registry: Registry, here: Path, agent_deploy: AgentDeploy, prompt: str, flag: str
) -> None:
    write_bundle(here / "bundle", prompt=prompt)
    refused = agent_deploy("register", "bundle")
    assert (refused.code, flag in refused.err, prompt in refused.err) == (2, True, False)
    assert agent_deploy("register", "bundle", flag).code == 0


def test_a_workflow_whose_source_is_configured_is_registered_by_its_name(
    registry: Registry, here: Path, agent_deploy: AgentDeploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_bundle(here / "elsewhere" / "bundle")
    (here / "agent-deploy.toml").write_text(f'[workflows.{WORKFLOW}]\nsource = "elsewhere/bundle"\n')
    (here / "below").mkdir()
    monkeypatch.chdir(here / "below")
    assert agent_deploy("register", WORKFLOW, "--json").document["version"] == 1


def test_registering_again_heals_a_blob_that_was_lost_or_damaged(registry: Registry) -> None:
    source = source_of()
    register(registry, source, actor="ci")
    config, prompt = (blob_key(digest_of(blob)) for blob in source.packed.blobs)
    registry.store.delete(config)
    registry.store.replace(prompt, b"other bytes", expect=None)
    assert not register(registry, source, actor="ci").created
    assert [get_blob(registry.store, digest_of(blob)) for blob in source.packed.blobs] == list(source.packed.blobs)


def test_a_latest_version_that_is_not_whole_cannot_be_compared_with(
    registry: Registry, here: Path, agent_deploy: AgentDeploy
) -> None:
    source = source_of()
    register(registry, source, actor="ci")
    registry.store.delete(blob_key(digest_of(source.packed.blobs[1])))
    write_bundle(here / "bundle", prompt="Sort it.")
    answer = agent_deploy("register", "bundle", "--json")
    assert (answer.code, answer.document) == (
        7,
        {
            "error": {
                "exit_code": 7,
                "message": f"{WORKFLOW}@1 is not whole: {blob_key(digest_of(source.packed.blobs[1]))} is not in "
                f"{registry.store.url}",
                "unchanged": "Nothing was changed.",
                "next_command": f"agent-deploy verify {WORKFLOW}",
            }
        },
    )
