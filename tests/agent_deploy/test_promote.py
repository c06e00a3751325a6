"""promote: an environment goes to a version, with the exact way back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent_deploy.operations.move import Move
from agent_deploy.operations.promote import promote
from registry.blobs import blob_key
from registry.models import Pointer, Reader, Release
from registry.moves import Plan
from registry.pointers import read_pointer
from registry.readers import write_reader
from registry.registry import Registry
from registry.times import now
from tests.agent_deploy.conftest import AgentDeploy
from tests.builders import WORKFLOW, add_version

_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
_KEYS = {
    "workflow", "environment", "kind", "changed", "generation", "version", "tag", "digest", "previous_version",
    "delivered", "elapsed_ms",
}  # fmt: skip


def _reader(registry: Registry, instance: str, generation: int, *, seconds_ago: float = 0) -> None:
    """A reader that said so some seconds ago; it promised to every five."""
    at = now() - timedelta(seconds=seconds_ago)
    write_reader(
        registry.store,
        Reader(WORKFLOW, "production", instance, generation, 1, "sha256:", "store", at, at, 5.0, "host", 1),
    )


def test_a_promotion_is_recorded_published_and_told_whole(registry: Registry) -> None:
    first, second = add_version(registry, 1), add_version(registry, 2)
    before = promote(registry, WORKFLOW, "1", "production", actor="ann", clock=lambda: _NOON).release
    assert before is not None
    made = promote(registry, WORKFLOW, "2", "production", actor="bob", reason="better", clock=lambda: _NOON)
    assert made.release is not None
    release = Release(
        workflow=WORKFLOW, environment="production", generation=2, version=2, tag="1.0.1", digest=second.digest,
        kind="promote", actor="bob", reason="better", released_at=_NOON, previous_version=first.number,
        override_hold=False, previous_hash=before.hash, hash=made.release.hash,
    )  # fmt: skip
    assert made == Move(
        plan=Plan("promote", "production", before, second), release=release, changed=True, dry_run=False,
        not_delivered="", elapsed_ms=made.elapsed_ms,
        undo=f"agent-deploy rollback {WORKFLOW} --to-version 1 --env production --expect-generation 2",
    )  # fmt: skip
    assert read_pointer(registry.store, "production", WORKFLOW) == Pointer(
        workflow=WORKFLOW, environment="production", generation=2, version=2, tag="1.0.1", digest=second.digest,
        kind="promote", released_at=_NOON, hash=release.hash,
    )  # fmt: skip


def test_json_has_the_keys_that_scripts_rely_on(registry: Registry, agent_deploy: AgentDeploy) -> None:
    first, second = add_version(registry, 1), add_version(registry, 2)
    answer = agent_deploy("promote", WORKFLOW, "--version", "1", "--json")
    document = answer.document
    assert (answer.code, answer.err, document.keys() >= _KEYS) == (0, "", True)
    assert 0 < document.pop("elapsed_ms") < 60_000
    expected = {
        "workflow": WORKFLOW, "environment": "production", "kind": "promote", "changed": True, "generation": 1,
        "version": 1, "tag": "1.0.0", "digest": first.digest, "previous_version": None, "delivered": True,
        "dry_run": False, "on_hold": False, "hash": document["hash"], "undo": "", "gate": None,
    }  # fmt: skip
    assert document == expected
    document = agent_deploy("promote", WORKFLOW, "--version", "2", "--json").document
    del document["elapsed_ms"]
    assert document == expected | {
        "generation": 2, "version": 2, "tag": "1.0.1", "digest": second.digest, "previous_version": 1,
        "hash": document["hash"],
        "undo": f"agent-deploy rollback {WORKFLOW} --to-version 1 --env production --expect-generation 2",
    }  # fmt: skip


def test_people_are_told_what_was_what_is_and_how_to_take_it_back(
    registry: Registry, agent_deploy: AgentDeploy
) -> None:
    add_version(registry, 1)
    digest = add_version(registry, 2).digest
    agent_deploy("promote", WORKFLOW, "--version", "1")
    answer = agent_deploy("promote", WORKFLOW, "--version", "2")
    lines = [line for line in answer.out.splitlines() if "delivered" not in line]
    assert (answer.code, answer.err, lines) == (
        0,
        "",
        [
            "promoted production to support-triage@2 (1.0.1)",
            "  was        version 1 (1.0.0)",
            f"  digest     {digest[:19]}",
            "  gate       none required",
            "  release    generation 2, by ann",
            "  undo       agent-deploy rollback support-triage --to-version 1 --env production --expect-generation 2",
        ],
    )


@pytest.mark.parametrize("ref", ["2", "1.0.1", "digest", "prefix", f"{WORKFLOW}@2", "staging", f"{WORKFLOW}@staging"])
def test_the_version_is_any_ref(registry: Registry, agent_deploy: AgentDeploy, ref: str) -> None:
    add_version(registry, 1)
    digest = add_version(registry, 2).digest
    agent_deploy("promote", WORKFLOW, "--version", "2", "--env", "staging")
    named = {"digest": digest, "prefix": digest[:15]}.get(ref, ref)
    assert agent_deploy("promote", WORKFLOW, "--version", named, "--json").document["version"] == 2


def test_promoting_what_is_live_is_a_stated_no_op(registry: Registry, agent_deploy: AgentDeploy) -> None:
    add_version(registry)
    agent_deploy("promote", WORKFLOW, "--version", "1")
    assert agent_deploy("promote", WORKFLOW, "--version", "1").out == (
        "support-triage@1 (1.0.0) is what is live in production already; nothing was changed\n"
    )
    document = agent_deploy("promote", WORKFLOW, "--version", "1", "--json").document
    assert (document["changed"], document["generation"], document["delivered"]) == (False, 1, True)


def test_a_dry_run_prints_the_plan_and_writes_nothing(
    registry: Registry, here: Path, agent_deploy: AgentDeploy
) -> None:
    digest = add_version(registry).digest
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    document = agent_deploy("promote", WORKFLOW, "--version", "1", "--dry-run", "--json").document
    del document["elapsed_ms"]
    assert document == {
        "workflow": WORKFLOW, "environment": "production", "kind": "promote", "changed": False, "generation": 0,
        "version": 1, "tag": "1.0.0", "digest": digest, "previous_version": None, "delivered": False,
        "dry_run": True, "on_hold": False, "hash": None, "undo": "",
        "gate": None,
    }  # fmt: skip
    assert agent_deploy("promote", WORKFLOW, "--version", "1", "--dry-run").out == (
        f"would promote production to support-triage@1 (1.0.0); nothing was changed\n"
        f"  was     nothing\n  digest  {digest[:19]}\n  gate    none required\n"
    )
    assert {path: path.read_bytes() for path in here.rglob("*") if path.is_file()} == before


def test_a_version_rolled_back_from_is_on_hold_until_the_hold_is_overridden(
    registry: Registry, agent_deploy: AgentDeploy
) -> None:
    for number in (1, 2):
        add_version(registry, number)
        agent_deploy("promote", WORKFLOW, "--version", str(number))
    agent_deploy("rollback", WORKFLOW)
    answer = agent_deploy("promote", WORKFLOW, "--version", "2")
    assert (answer.code, answer.out, answer.err) == (
        4,
        "",
        "error: support-triage@2 is on hold in production: it was rolled back from\n"
        "  Nothing was moved.\n"
        "  next: agent-deploy promote support-triage --version 2 --env production --override-hold\n",
    )
    assert agent_deploy("promote", WORKFLOW, "--version", "2", "--env", "staging").code == 0
    answer = agent_deploy("promote", WORKFLOW, "--version", "2", "--override-hold")
    assert (answer.code, "version 2 was on hold: overridden" in answer.out) == (0, True)
    latest = agent_deploy("history", WORKFLOW, "--env", "production", "--limit", "1", "--json").document["releases"][0]
    assert (latest["override_hold"], latest["generation"]) == (True, 4)


@pytest.mark.parametrize(("expected", "code"), [("0", 5), ("1", 0), ("2", 5)])
def test_with_an_expected_generation_it_moves_only_from_there(
    registry: Registry, agent_deploy: AgentDeploy, expected: str, code: int
) -> None:
    add_version(registry, 1)
    add_version(registry, 2)
    agent_deploy("promote", WORKFLOW, "--version", "1", "--expect-generation", "0")
    answer = agent_deploy("promote", WORKFLOW, "--version", "2", "--expect-generation", expected)
    told = (
        f"error: the head of support-triage in production moved (--expect-generation {expected}): "
        "it is now generation 1, version 1, by ann\n"
        "  Nothing was changed by this command.\n"
        "  next: agent-deploy status support-triage --env production\n"
    )
    assert (answer.code, answer.err) == (code, told if code else "")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["support", "--version", "1"], 3, "there is no workflow 'support'; did you mean 'support-triage'?"),
        ([WORKFLOW, "--version", "9"], 3, "support-triage has no version 9; its newest is 1 (1.0.0)"),
        ([WORKFLOW, "--version", "staging"], 3, "nothing of support-triage is live in staging"),
        ([WORKFLOW, "--version", "other@1"], 2, "'other@1' is a version of 'other', not of 'support-triage'"),
        ([WORKFLOW, "--version", "one"], 3, "nothing of support-triage is live in one"),
        ([WORKFLOW, "--version", "1", "--env", "Prod"], 2,
         "'Prod' is not an environment name: lower-case letters, digits and dashes, a letter first, 63 at most"),
        ([WORKFLOW], 2, "Missing option '--version'."),
    ],
)  # fmt: skip
def test_what_cannot_be_promoted_is_refused(
    registry: Registry, agent_deploy: AgentDeploy, words: list[str], code: int, message: str
) -> None:
    add_version(registry)
    answer = agent_deploy("promote", *words, "--json")
    assert (answer.code, answer.document["error"]["message"]) == (code, message)
    assert agent_deploy("status", "--json").document == {"workflows": []}


def test_an_environment_that_the_configuration_does_not_name_is_refused(
    registry: Registry, here: Path, agent_deploy: AgentDeploy
) -> None:
    add_version(registry)
    (here / "agent-deploy.toml").write_text("[environments.staging]\n[environments.production]\n")
    answer = agent_deploy("promote", WORKFLOW, "--version", "1", "--env", "prodution")
    assert (answer.code, answer.out, answer.err) == (
        2,
        "",
        f"error: environment 'prodution' is not in {here}/agent-deploy.toml; did you mean 'production'? "
        "(there: production, staging)\n"
        "  Nothing was changed.\n"
        f"  next: add [environments.prodution] to {here}/agent-deploy.toml\n",
    )


def test_a_version_that_is_not_whole_is_refused_before_anything_moves(
    registry: Registry, agent_deploy: AgentDeploy
) -> None:
    version = add_version(registry)
    key = blob_key(version.digest)
    registry.store.delete(key)
    answer = agent_deploy("promote", WORKFLOW, "--version", "1")
    assert (answer.code, answer.out, answer.err) == (
        7,
        "",
        f"error: support-triage@1 is not whole: {key} is not in {registry.store.url}\n"
        "  Nothing was moved.\n"
        "  next: agent-deploy verify support-triage\n",
    )
    assert agent_deploy("status", "--json").document == {"workflows": []}


def test_a_release_whose_pointer_cannot_be_published_is_recorded_and_exits_6(
    registry: Registry, here: Path, agent_deploy: AgentDeploy
) -> None:
    add_version(registry)
    (here / ".agent-deploy" / "live").write_text("a file where a folder has to be")
    answer = agent_deploy("promote", WORKFLOW, "--version", "1", "--json")
    assert (answer.code, answer.document["delivered"], answer.document["changed"]) == (6, False, True)
    assert answer.err == (
        f"error: not delivered: cannot read {registry.store.url}/live/production/support-triage.json: "
        "Not a directory\n"
        "  The release is recorded; readers still serve what they served.\n"
        "  next: agent-deploy deliver\n"
    )


@pytest.mark.parametrize(
    ("generation", "seconds_ago", "code", "told"),
    [
        (1, 0, 0, {"current": 1, "late": [], "silent": []}),
        (0, 0, 6, {"current": 0, "late": ["web-1"], "silent": []}),
        (0, 60, 0, {"current": 0, "late": [], "silent": ["web-1"]}),
        (0, 90_000, 0, {"current": 0, "late": [], "silent": []}),
    ],
    ids=["serves it", "behind", "silent", "forgotten"],
)
def test_waiting_ends_well_once_every_live_reader_serves_it(
    registry: Registry, agent_deploy: AgentDeploy, generation: int, seconds_ago: float, code: int, told: object
) -> None:
    add_version(registry)
    _reader(registry, "web-1", generation, seconds_ago=seconds_ago)
    answer = agent_deploy("promote", WORKFLOW, "--version", "1", "--wait", "0", "--json")
    late = (
        "error: 1 live reader did not serve it within 0 s: web-1\n"
        "  The release is recorded and delivered.\n"
        "  next: agent-deploy status support-triage --env production\n"
    )
    assert (answer.code, json.loads(answer.out)["readers"], answer.err) == (code, told, late if code else "")
