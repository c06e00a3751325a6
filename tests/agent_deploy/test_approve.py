"""approve: a second person's word on record, once a person, never the registrar's own."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agent_deploy.operations.approve import approve
from agent_deploy.operations.verify import verify
from registry.registry import Registry
from tests.agent_deploy.conftest import AgentDeploy
from tests.builders import WORKFLOW, add_version

_NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
_ASKED = ("approve", WORKFLOW, "--version", "1")


@pytest.fixture(autouse=True)
def _version(registry: Registry) -> None:
    """Version 1, registered by ci."""
    add_version(registry)


def test_an_approval_says_who_when_and_of_what(registry: Registry, agent_deploy: AgentDeploy) -> None:
    document = agent_deploy(*_ASKED, "--env", "staging", "--reason", "looked at it", "--json").document
    approved_at = datetime.fromisoformat(document.pop("approved_at"))
    assert approved_at.tzinfo is not None
    with registry.database.read() as connection:
        digest = connection.exec_driver_sql("SELECT digest FROM versions").scalar()
    assert document == {
        "workflow": WORKFLOW, "version": 1, "digest": digest, "environment": "staging", "created": True,
        "actor": "ann", "reason": "looked at it", "approvers": ["ann"],
    }  # fmt: skip


def test_in_words_it_names_everybody_so_far_and_the_gate(agent_deploy: AgentDeploy) -> None:
    agent_deploy(*_ASKED)
    answer = agent_deploy(*_ASKED, "--actor", "bob")
    lines = answer.out.splitlines()
    assert (answer.code, lines[0], lines[2:]) == (
        0,
        f"approved {WORKFLOW}@1 (1.0.0) for production",
        ["  approved by  ann, bob", f"  next         agent-deploy gate {WORKFLOW} --version 1 --env production"],
    )


def test_the_same_person_counts_once_an_environment(registry: Registry, agent_deploy: AgentDeploy) -> None:
    first = approve(registry, WORKFLOW, "1", "production", actor="ann", clock=lambda: _NOON)
    again = approve(registry, WORKFLOW, "1", "production", actor="ann")
    assert (first.created, again.created, again.approval) == (True, False, first.approval)
    assert agent_deploy(*_ASKED).out == (
        f"ann approved {WORKFLOW}@1 for production already, at 2026-11-23 12:00:00Z; nothing new was recorded\n"
    )
    assert approve(registry, WORKFLOW, "1", "staging", actor="ann").created
    assert verify(registry).faults == []


def test_nobody_approves_their_own_registration(registry: Registry, agent_deploy: AgentDeploy) -> None:
    answer = agent_deploy(*_ASKED, "--actor", "ci")
    assert (answer.code, answer.err) == (
        4,
        f"error: {WORKFLOW}@1 was registered by ci, and nobody approves their own registration\n"
        "  Nothing was recorded.\n"
        f"  next: agent-deploy approve {WORKFLOW} --version 1 --env production   # by somebody else\n",
    )
    assert verify(registry).evidence == 0


def test_a_version_that_is_not_there_cannot_be_approved(agent_deploy: AgentDeploy) -> None:
    assert agent_deploy("approve", WORKFLOW, "--version", "7").code == 3
