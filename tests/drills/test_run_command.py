"""`agent-deploy drill run` as it is typed: what it prints, and how it exits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent_deploy.operations.drill import run as operation
from agent_deploy.operations.promote import promote
from drills.models import Drill
from registry.registry import Registry
from registry.releases import find_head
from tests.agent_deploy.conftest import AgentDeploy
from tests.agent_deploy.conftest import agent_deploy as agent_deploy
from tests.agent_deploy.conftest import here as here
from tests.builders import UNGATED, WORKFLOW, add_version, open_registry

_DRILLS = """\
[environments.production.drill]
hold_for = "0s"
soak = "0s"
readers = 0
smoke = false
max_time_to_rollback = "5s"
"""


@pytest.fixture
def registry(here: Path) -> Registry:
    """Version 2 is live after 1, and drills wait for nothing."""
    (here / "agent-deploy.toml").write_text(UNGATED + _DRILLS)
    registry = open_registry(here)
    for number in (1, 2):
        add_version(registry, number)
        promote(registry, WORKFLOW, str(number), "production", actor="ci")
    return registry


def _generation(registry: Registry) -> int:
    with registry.database.read() as connection:
        head = find_head(connection, WORKFLOW, "production")
    assert head is not None
    return head.generation


def test_a_dry_run_prints_the_plan_and_touches_nothing(registry: Registry, agent_deploy: AgentDeploy) -> None:
    answer = agent_deploy("drill", "run", WORKFLOW, "--dry-run", "--hold-for", "5m")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.splitlines()[0] == f"would drill {WORKFLOW} in production (live); nothing was touched"
    assert "version 1 (1.0.0" in answer.out
    document = agent_deploy("drill", "run", WORKFLOW, "--dry-run", "--hold-for", "5m", "--json").document
    assert (document["dry_run"], document["hold_for_s"], document["target"]["version"]) == (True, 300.0, 1)
    assert _generation(registry) == 2


def test_a_drill_that_succeeds_exits_with_0_and_says_how_long_it_took(
    registry: Registry, agent_deploy: AgentDeploy
) -> None:
    answer = agent_deploy("drill", "run", WORKFLOW)
    assert (answer.code, answer.err) == (0, "")
    heading = answer.out.splitlines()[0]
    assert heading.startswith("drill-")
    assert heading.endswith(" succeeded: the rollback works")
    assert "to rollback      commit " in answer.out
    assert _generation(registry) == 4


def test_one_that_is_blocked_exits_with_0_and_is_told_plainly(
    registry: Registry, here: Path, agent_deploy: AgentDeploy
) -> None:
    (here / "agent-deploy.toml").write_text(UNGATED + _DRILLS.replace('soak = "0s"', 'soak = "1h"'))
    answer = agent_deploy("drill", "run", WORKFLOW)
    assert answer.code == 0
    assert " blocked: not now; nothing was moved" in answer.out
    assert "version 2 has been live only since" in answer.out


def test_a_failed_one_exits_with_8_and_says_why_on_stderr(
    registry: Registry, here: Path, agent_deploy: AgentDeploy
) -> None:
    (here / "agent-deploy.toml").write_text(UNGATED + _DRILLS.replace("readers = 0", "readers = 1"))
    answer = agent_deploy("drill", "run", WORKFLOW, "--json")
    assert (answer.code, answer.document["outcome"]) == (8, "precheck_failed")
    first, *rest = answer.err.splitlines()
    assert first == "error: drill precheck_failed: live readers: 0 live, at least 1 wanted"
    assert rest == [f"  next: agent-deploy drill show {answer.document['drill']}"]


def test_a_restore_that_failed_is_told_loudest_with_what_to_type(
    registry: Registry, agent_deploy: AgentDeploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = agent_deploy("drill", "run", WORKFLOW, "--json").document

    def run(*_: Any, **__: Any) -> Drill:
        from dataclasses import replace

        from drills.recording import drill_of

        return replace(drill_of(good), outcome="restore_failed", error="the store is away")

    monkeypatch.setattr(operation, "run", run)
    answer = agent_deploy("drill", "run", WORKFLOW)
    assert answer.code == 8
    first, second, third = answer.err.splitlines()
    assert first == "error: RESTORE FAILED: production is not back at version 2: the store is away"
    assert second.startswith("  Readers that saw the drill go back by themselves at ")
    assert third == f"  next: agent-deploy rollback {WORKFLOW} --to-version 2 --env production"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--target", "2"), 4, f"{WORKFLOW}@2 is what is live in production"),
        (("--hold-for", "soon"), 2, "--hold-for: must be a duration"),
        (("--env", "staging"), 3, f"nothing of {WORKFLOW} is live in staging"),
    ],
)
def test_what_cannot_be_planned_is_an_error_with_no_record(
    registry: Registry, agent_deploy: AgentDeploy, words: tuple[str, ...], code: int, told: str
) -> None:
    answer = agent_deploy("drill", "run", WORKFLOW, *words)
    assert (answer.code, answer.err.startswith(f"error: {told}")) == (code, True), answer.err
    assert agent_deploy("drill", "history", WORKFLOW, "--json").document["drills"] == []


def test_its_json_is_the_record(registry: Registry, agent_deploy: AgentDeploy) -> None:
    printed = agent_deploy("drill", "run", WORKFLOW, "--json").document
    (recorded,) = agent_deploy("drill", "history", WORKFLOW, "--json").document["drills"]
    assert {key: printed[key] for key in recorded} == recorded
