"""What machines rely on: exactly one JSON object, on success and on every kind of failure, and the exit code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agent_deploy import errors as above
from agent_deploy.cli.exit_codes import exit_code_of
from registry import errors
from registry.blobs import blob_key
from registry.registry import Registry
from tests.agent_deploy.conftest import AgentDeploy
from tests.builders import WORKFLOW, add_version, write_bundle


def _nothing(_registry: Registry) -> None:
    """A registry as it is."""


def _lose_blob(registry: Registry) -> None:
    registry.store.delete(blob_key(add_version(registry, 2).digest))


def _block_pointers(registry: Registry) -> None:
    Path(registry.store.url, "live").write_text("a file where a folder has to be")


def _no_database(registry: Registry) -> None:
    path = Path(registry.database.url.removeprefix("sqlite:///"))
    path.unlink()
    path.mkdir()


FAILURES: dict[str, tuple[Callable[[Registry], None], list[str], int]] = {
    "unexpected": (_nothing, ["fetch", f"{WORKFLOW}@1", "bundle/bundle.toml/x"], 1),
    "no database": (_no_database, ["status"], 1),
    "usage": (_nothing, ["promote", WORKFLOW], 2),
    "no such command": (_nothing, ["promot"], 2),
    "no such option": (_nothing, ["status", "--bogus"], 2),
    "bad input file": (_nothing, ["register", "nowhere"], 2),
    "bad ref": (_nothing, ["show", WORKFLOW], 2),
    "would overwrite": (_nothing, ["fetch", f"{WORKFLOW}@1", "bundle"], 2),
    "bad configuration": (_nothing, ["--config", "nowhere.toml", "status"], 2),
    "not found": (_nothing, ["rollback", "other"], 3),
    "refused": (_nothing, ["rollback", WORKFLOW, "--to-version", "2"], 4),
    "conflict": (_nothing, ["promote", WORKFLOW, "--version", "2", "--expect-generation", "7"], 5),
    "not whole": (_lose_blob, ["promote", WORKFLOW, "--version", "2"], 7),
}


@pytest.mark.parametrize(("arrange", "words", "code"), FAILURES.values(), ids=FAILURES)
def test_a_failure_ends_with_its_code_and_exactly_one_json_object(
    registry: Registry, here: Path, agent_deploy: AgentDeploy, arrange: Callable[[Registry], None], words: list[str],
    code: int,
) -> None:  # fmt: skip
    write_bundle(here / "bundle")
    for number in (1, 2):
        add_version(registry, number)
    agent_deploy("promote", WORKFLOW, "--version", "1")
    arrange(registry)
    answer = agent_deploy(*words, "--json")
    (key, error), *more = answer.document.items()
    assert (answer.code, key, more) == (code, "error", [])
    assert error.keys() == {"exit_code", "message", "unchanged", "next_command"}
    assert error["exit_code"] == code
    assert answer.err.startswith(f"error: {error['message']}\n")
    assert "Traceback" not in answer.err
    plain = agent_deploy(*words)
    assert (plain.code, plain.out, plain.err) == (code, "", answer.err.replace(" --json", ""))


def test_where_no_better_is_known_a_store_that_is_away_leads_to_the_doctor(
    registry: Registry, agent_deploy: AgentDeploy
) -> None:
    add_version(registry)
    _block_pointers(registry)
    answer = agent_deploy("verify", "--json")
    assert (answer.code, answer.document["error"]["next_command"]) == (1, "agent-deploy doctor")


def test_a_result_that_is_not_all_well_is_one_json_object_too(registry: Registry, agent_deploy: AgentDeploy) -> None:
    add_version(registry)
    _block_pointers(registry)
    answer = agent_deploy("promote", WORKFLOW, "--version", "1", "--json")
    assert (answer.code, answer.document["delivered"]) == (6, False)
    answer = agent_deploy("deliver", "--json")
    assert (answer.code, len(answer.document["failed"])) == (6, 1)
    Path(registry.store.url, "live").unlink()
    add_version(registry, 2)
    _lose_blob(registry)
    answer = agent_deploy("verify", "--json")
    assert (answer.code, answer.document["ok"]) == (7, False)


_SUCCESSES = [
    ["init"], ["doctor"], ["register", "bundle"], ["list"], ["list", WORKFLOW], ["show", f"{WORKFLOW}@1"],
    ["diff", f"{WORKFLOW}@1", f"{WORKFLOW}@2"], ["fetch", f"{WORKFLOW}@1", "fetched"],
    ["export", f"{WORKFLOW}@1", "--to", "exported"], ["import", "layout"], ["promote", WORKFLOW, "--version", "2"],
    ["promote", WORKFLOW, "--version", "2", "--wait", "0"], ["rollback", WORKFLOW, "--dry-run"], ["rollback", WORKFLOW],
    ["status"], ["history", WORKFLOW], ["deliver"], ["deliver", "--all"], ["verify"], ["gc"], ["gc", "--dry-run"],
]  # fmt: skip


@pytest.mark.parametrize("words", _SUCCESSES, ids=" ".join)
def test_every_command_prints_exactly_one_json_object(
    registry: Registry, here: Path, agent_deploy: AgentDeploy, words: list[str]
) -> None:
    for number in (1, 2):
        add_version(registry, number)
    write_bundle(here / "bundle")
    for arrange in (["promote", WORKFLOW, "--version", "2"], ["promote", WORKFLOW, "--version", "1"]):
        agent_deploy(*arrange)
    agent_deploy("export", f"{WORKFLOW}@2", "--to", "layout")
    if words == ["init"]:
        (here / "agent-deploy.toml").unlink()  # nothing of the user's is overwritten
    answer = agent_deploy(*words, "--json")
    assert (answer.code, answer.err, type(answer.document)) == (0, "", dict)
    assert "error" not in answer.document


ERRORS = [
    (errors.BadInput, 2), (above.BadConfig, 2), (above.WouldOverwrite, 2), (errors.NotFound, 3), (errors.Refused, 4),
    (errors.Conflict, 5), (errors.NotDelivered, 6), (above.NotConverged, 6), (errors.Damaged, 7), (errors.Missing, 7),
    (above.ChecksFailed, 1), (errors.Unavailable, 1), (errors.CommitUnknown, 1), (ZeroDivisionError, 1), (OSError, 1),
    (above.CannotWrite, 1),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "code"), ERRORS, ids=[kind.__name__ for kind, _ in ERRORS])
def test_every_kind_of_error_has_the_exit_code_of_the_table(kind: type[Exception], code: int) -> None:
    assert exit_code_of(kind("it happened")) == code
