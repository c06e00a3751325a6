"""rollback: an environment goes back to a version that was live before, and never to the one just left."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent_deploy.operations.move import Move
from agent_deploy.operations.promote import promote
from agent_deploy.operations.rollback import rollback
from registry.blobs import blob_key
from registry.models import Pointer, Release
from registry.moves import Plan
from registry.pointers import read_pointer
from registry.registry import Registry
from tests.agent_deploy.conftest import AgentDeploy
from tests.builders import WORKFLOW, add_version

_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
_KEYS = {
    "workflow", "environment", "kind", "changed", "generation", "version", "tag", "digest", "previous_version",
    "delivered", "elapsed_ms",
}  # fmt: skip


def _live(registry: Registry, agent_deploy: AgentDeploy, *versions: int, environment: str = "production") -> None:
    """Versions 1 to 3 are registered, and these were promoted, one after the other."""
    for number in (1, 2, 3):
        add_version(registry, number)
    for version in versions:
        answer = agent_deploy("promote", WORKFLOW, "--version", str(version), "--env", environment, "--override-hold")
        assert answer.code == 0


def _history(agent_deploy: AgentDeploy) -> list[int]:
    """The versions that were live in production, oldest first."""
    releases = agent_deploy("history", WORKFLOW, "--env", "production", "--json").document["releases"]
    return [release["version"] for release in reversed(releases)]


def test_a_rollback_is_recorded_published_and_told_whole(registry: Registry) -> None:
    first, second = add_version(registry, 1), add_version(registry, 2)
    promote(registry, WORKFLOW, "1", "production", actor="ann", clock=lambda: _NOON)
    before = promote(registry, WORKFLOW, "2", "production", actor="ann", clock=lambda: _NOON).release
    assert before is not None
    made = rollback(registry, WORKFLOW, "production", actor="bob", reason="misroutes", clock=lambda: _NOON)
    assert made.release is not None
    release = Release(
        workflow=WORKFLOW, environment="production", generation=3, version=1, tag="1.0.0", digest=first.digest,
        kind="rollback", actor="bob", reason="misroutes", released_at=_NOON, previous_version=second.number,
        override_hold=False, previous_hash=before.hash, hash=made.release.hash,
    )  # fmt: skip
    assert made == Move(
        plan=Plan("rollback", "production", before, first), release=release, changed=True, dry_run=False,
        not_delivered="", elapsed_ms=made.elapsed_ms,
        undo=f"agent-deploy promote {WORKFLOW} --version 2 --env production --expect-generation 3 --override-hold",
    )  # fmt: skip
    assert read_pointer(registry.store, "production", WORKFLOW) == Pointer(
        workflow=WORKFLOW, environment="production", generation=3, version=1, tag="1.0.0", digest=first.digest,
        kind="rollback", released_at=_NOON, hash=release.hash,
    )  # fmt: skip


def test_json_has_the_keys_that_scripts_rely_on(registry: Registry, agent_deploy: AgentDeploy) -> None:
    _live(registry, agent_deploy, 1, 2)
    answer = agent_deploy("rollback", WORKFLOW, "--json")
    document = answer.document
    assert (answer.code, answer.err, document.keys() >= _KEYS) == (0, "", True)
    assert 0 < document.pop("elapsed_ms") < 60_000
    assert document == {
        "workflow": WORKFLOW, "environment": "production", "kind": "rollback", "changed": True, "generation": 3,
        "version": 1, "tag": "1.0.0", "digest": add_version(registry, 1).digest, "previous_version": 2,
        "delivered": True, "dry_run": False, "on_hold": False, "hash": document["hash"],
        "undo": f"agent-deploy promote {WORKFLOW} --version 2 --env production --expect-generation 3 --override-hold",
        "gate": None,
    }  # fmt: skip


def test_people_are_told_what_was_what_is_who_is_on_hold_and_how_to_take_it_back(
    registry: Registry, agent_deploy: AgentDeploy
) -> None:
    _live(registry, agent_deploy, 1, 2)
    answer = agent_deploy("rollback", WORKFLOW)
    lines = [line for line in answer.out.splitlines() if "delivered" not in line]
    assert (answer.code, answer.err, lines) == (
        0,
        "",
        [
            "rolled back production to support-triage@1 (1.0.0)",
            "  was        version 2 (1.0.1)",
            f"  digest     {add_version(registry, 1).digest[:19]}",
            "  hold       version 2 is on hold",
            "  release    generation 3, by ann",
            "  undo       agent-deploy promote support-triage --version 2 --env production"
            " --expect-generation 3 --override-hold",
        ],
    )


@pytest.mark.parametrize(
    ("promoted", "rollbacks", "expected"),
    [
        ((1, 2), 1, [1, 2, 1]),
        ((1, 2, 3), 1, [1, 2, 3, 2]),
        ((1, 2, 3), 2, [1, 2, 3, 2, 1]),
        ((1, 3), 1, [1, 3, 1]),
        ((1, 2, 1), 1, [1, 2, 1, 2]),
    ],
)
def test_bare_rollbacks_walk_back_through_what_was_live(
    registry: Registry, agent_deploy: AgentDeploy, promoted: tuple[int, ...], rollbacks: int, expected: list[int]
) -> None:
    _live(registry, agent_deploy, *promoted)
    for _ in range(rollbacks):
        assert agent_deploy("rollback", WORKFLOW).code == 0
    assert _history(agent_deploy) == expected


@pytest.mark.parametrize("command", ["promote", "rollback"])
def test_the_undo_that_is_printed_takes_the_move_back_once(
    registry: Registry, agent_deploy: AgentDeploy, command: str
) -> None:
    _live(registry, agent_deploy, 1, 2)
    words = ["--version", "3"] if command == "promote" else []
    undo = shlex.split(agent_deploy(command, WORKFLOW, *words, "--json").document["undo"])
    assert undo.pop(0) == "agent-deploy"
    assert agent_deploy(*undo).code == 0
    assert _history(agent_deploy) == [1, 2, 3 if command == "promote" else 1, 2]
    assert agent_deploy(*undo).code == 5


@pytest.mark.parametrize("ref", ["1", "1.0.0", f"{WORKFLOW}@1", "staging"])
def test_a_version_can_be_named_by_any_ref(registry: Registry, agent_deploy: AgentDeploy, ref: str) -> None:
    _live(registry, agent_deploy, 1, 2, 3)
    agent_deploy("promote", WORKFLOW, "--version", "1", "--env", "staging")
    assert agent_deploy("rollback", WORKFLOW, "--to-version", ref, "--json").document["version"] == 1


def test_rolling_back_to_what_is_live_is_a_stated_no_op(registry: Registry, agent_deploy: AgentDeploy) -> None:
    _live(registry, agent_deploy, 1, 2)
    assert agent_deploy("rollback", WORKFLOW, "--to-version", "2").out == (
        "support-triage@2 (1.0.1) is what is live in production already; nothing was changed\n"
    )
    document = agent_deploy("rollback", WORKFLOW, "--to-version", "2", "--json").document
    assert (document["changed"], document["generation"], document["undo"]) == (False, 2, "")
    assert _history(agent_deploy) == [1, 2]


def test_a_held_version_can_be_rolled_back_to_when_it_is_named_and_it_says_so(
    registry: Registry, agent_deploy: AgentDeploy
) -> None:
    _live(registry, agent_deploy, 1, 2)
    agent_deploy("rollback", WORKFLOW)
    answer = agent_deploy("rollback", WORKFLOW, "--to-version", "2")
    assert answer.code == 0
    assert "  hold       version 1 is on hold; version 2 was, and no longer is\n" in answer.out
    assert _history(agent_deploy) == [1, 2, 1, 2]


def test_a_dry_run_prints_the_plan_and_writes_nothing(
    registry: Registry, here: Path, agent_deploy: AgentDeploy
) -> None:
    _live(registry, agent_deploy, 1, 2)
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    document = agent_deploy("rollback", WORKFLOW, "--dry-run", "--json").document
    told = {key: document[key] for key in ("changed", "dry_run", "version", "generation", "delivered")}
    assert told == {"changed": False, "dry_run": True, "version": 1, "generation": 2, "delivered": False}
    digest = add_version(registry, 1).digest
    assert agent_deploy("rollback", WORKFLOW, "--dry-run").out == (
        "would roll back production to support-triage@1 (1.0.0); nothing was changed\n"
        f"  was     version 2 (1.0.1)\n  digest  {digest[:19]}\n  hold    version 2 would be on hold\n"
    )
    assert {path: path.read_bytes() for path in here.rglob("*") if path.is_file()} == before


def test_a_version_that_was_never_live_there_needs_force(registry: Registry, agent_deploy: AgentDeploy) -> None:
    _live(registry, agent_deploy, 1, 2)
    answer = agent_deploy("rollback", WORKFLOW, "--to-version", "3")
    assert (answer.code, answer.out, answer.err) == (
        4,
        "",
        "error: support-triage@3 was never live in production, so going to it is no rollback\n"
        "  Nothing was moved.\n"
        "  next: agent-deploy rollback support-triage --to-version 3 --env production --force\n",
    )
    assert agent_deploy("rollback", WORKFLOW, "--to-version", "3", "--force").code == 0
    assert _history(agent_deploy) == [1, 2, 3]


NOWHERE = {
    "no such workflow": (
        (1,), ["other"], 3, "there is no workflow 'other'", "", "agent-deploy list",
    ),
    "nothing is live": (
        (), [WORKFLOW], 3, "nothing of support-triage is live in production", "Nothing was changed.",
        "agent-deploy list support-triage",
    ),
    "another environment": (
        (1,), [WORKFLOW, "--env", "staging"], 3,
        "nothing of support-triage is live in staging; it is live in production", "Nothing was changed.",
        "agent-deploy status support-triage",
    ),
    "no such version": (
        (1, 2), [WORKFLOW, "--to-version", "9"], 3, "support-triage has no version 9; its newest is 3 (1.0.2)",
        "Nothing was changed.", "agent-deploy list support-triage",
    ),
    "nothing was live before": (
        (1,), [WORKFLOW], 3,
        "support-triage@1 is live in production and nothing was live there before it, so there is nothing to roll "
        "back to", "Nothing was moved.",
        "agent-deploy promote support-triage --version VERSION --env production",
    ),
    "the head is another": (
        (1, 2), [WORKFLOW, "--expect-generation", "1"], 5,
        "the head of support-triage in production moved (--expect-generation 1): it is now generation 2, version 2, "
        "by ann", "Nothing was changed by this command.", "agent-deploy status support-triage --env production",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("promoted", "words", "code", "message", "unchanged", "next_command"), NOWHERE.values(), ids=NOWHERE
)
def test_what_cannot_be_rolled_back_to_is_refused_before_anything_moves(
    registry: Registry, agent_deploy: AgentDeploy, promoted: tuple[int, ...], words: list[str], code: int,
    message: str, unchanged: str, next_command: str,
) -> None:  # fmt: skip
    _live(registry, agent_deploy, *promoted)
    answer = agent_deploy("rollback", *words, "--json")
    expected = {"exit_code": code, "message": message, "unchanged": unchanged, "next_command": next_command}
    assert (answer.code, answer.document) == (code, {"error": expected})
    if promoted:
        assert _history(agent_deploy) == list(promoted)


def test_where_nothing_is_left_below_it_says_what_was_live_and_what_is_on_hold(
    registry: Registry, agent_deploy: AgentDeploy
) -> None:
    _live(registry, agent_deploy, 1, 2, 3)
    agent_deploy("rollback", WORKFLOW, "--to-version", "1")
    answer = agent_deploy("rollback", WORKFLOW)
    assert (answer.code, answer.out, answer.err) == (
        4,
        "",
        "error: support-triage@1 is live in production and all below it in the log is on hold or was rolled back "
        "past; live at some time: 2, 3 (on hold)\n"
        "  Nothing was moved.\n"
        "  next: agent-deploy rollback support-triage --to-version VERSION --env production\n",
    )


@pytest.mark.parametrize("words", [[], ["--to-version", "1"], ["--dry-run"]])
def test_a_target_that_is_not_whole_is_refused_before_anything_moves(
    registry: Registry, agent_deploy: AgentDeploy, words: list[str]
) -> None:
    _live(registry, agent_deploy, 1, 2)
    key = blob_key(add_version(registry, 1).digest)
    registry.store.replace(key, b"other bytes", expect=None)
    answer = agent_deploy("rollback", WORKFLOW, *words)
    assert (answer.code, answer.out) == (7, "")
    assert answer.err.startswith(f"error: support-triage@1 is not whole: blob sha256:{key[-64:]} in ")
    assert answer.err.endswith("  Nothing was moved.\n  next: agent-deploy verify support-triage\n")
    assert _history(agent_deploy) == [1, 2]


def test_an_environment_that_the_configuration_no_longer_names_can_still_be_rolled_back(
    registry: Registry, here: Path, agent_deploy: AgentDeploy
) -> None:
    (here / "agent-deploy.toml").write_text("[environments.canary.gate]\nrequired = false\n")
    _live(registry, agent_deploy, 1, 2, environment="canary")
    (here / "agent-deploy.toml").write_text("[environments.production]\n")
    assert agent_deploy("rollback", WORKFLOW, "--env", "canary", "--json").document["version"] == 1
