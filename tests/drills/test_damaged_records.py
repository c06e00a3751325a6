"""A record of a drill that somebody edited is its own workflow's trouble: told, and in nobody else's way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from agent_deploy.config import load_config
from agent_deploy.operations.drill.status import drilled as drilled_places
from registry.registry import Registry
from tests.agent_deploy.conftest import AgentDeploy
from tests.builders import WORKFLOW, open_registry
from tests.drills.conftest import NOW
from tests.drills.records import add_drill
from tests.drills.scheduled import TUESDAY, Scheduler, config_of, go_live
from tests.faults.tampering import tamper

TEN = TUESDAY + timedelta(hours=10)
EDITS = {
    "no JSON": "'not {json'",
    "JSON that is no record": "'{}'",
    "a list": "'[]'",
    "no outcome": "replace(body, '\"outcome\"', '\"upshot\"')",
    "no moment": 'replace(body, \'"ended_at":"2\', \'"ended_at":"x2\')',
}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Registry]:
    """Two workflows whose drills are due, each with one of the week before."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    registry = open_registry(tmp_path, url)
    for number, workflow in enumerate(("billing", WORKFLOW), start=1):
        go_live(registry, workflow, TEN - timedelta(days=8))
        add_drill(registry, number=number, at=TEN - timedelta(days=7), workflow=workflow, week="2026-W47")
    yield registry
    registry.database.close()


def edit(registry: Registry, workflow: str, body: str) -> None:
    tamper(registry, f"UPDATE evidence SET body = {body} WHERE kind = 'drill' AND workflow = '{workflow}'")  # noqa: S608


@pytest.mark.parametrize("body", EDITS.values(), ids=EDITS)
def test_a_tick_tells_of_it_and_runs_the_drills_of_the_others(registry: Registry, body: str) -> None:
    edit(registry, "billing", body)
    done = Scheduler(registry, config_of(registry)).tick()
    assert [(ran.workflow, ran.outcome) for ran in done.ran] == [(WORKFLOW, "succeeded")]
    (damaged,) = done.damaged
    assert (damaged.workflow, damaged.environment, damaged.decision.state) == ("billing", "production", "damaged")
    assert damaged.decision.why.startswith("evidence 1 of billing was edited: ")
    assert damaged.damage is not None
    assert damaged.damage.next_command == "agent-deploy verify billing"
    assert (done.overdue, done.failed) == ([], False)


def test_a_release_that_was_edited_is_told_likewise(registry: Registry) -> None:
    tamper(registry, "UPDATE releases SET released_at = 'long ago' WHERE workflow = 'billing' AND generation = 1")
    done = Scheduler(registry, config_of(registry)).tick()
    assert [ran.workflow for ran in done.ran] == [WORKFLOW]
    assert [one.decision.why for one in done.damaged] == [
        "a release of billing in production was edited: Invalid isoformat string: 'long ago'"
    ]


def test_the_command_ends_with_7_and_says_what_to_type(drilled: Registry, agent_deploy: AgentDeploy) -> None:
    add_drill(drilled, at=NOW - timedelta(days=1), week="")
    edit(drilled, WORKFLOW, "'not {json'")
    answer = agent_deploy("drill", "tick", "--json")
    assert answer.code == 7
    (place,) = answer.document["places"]
    assert (place["state"], place["next_at"]) == ("damaged", None)
    assert answer.document["damaged"] == [
        {"workflow": WORKFLOW, "environment": "production", "why": place["why"],
         "next_command": f"agent-deploy verify {WORKFLOW}"}
    ]  # fmt: skip
    assert answer.err == (
        f"error: no drill of {WORKFLOW} in production can be planned: {place['why']}\n"
        f"  next: agent-deploy verify {WORKFLOW}\n"
    )
    assert agent_deploy("drill", "tick").out == f"nothing is due in 1 place; {WORKFLOW} in production: {place['why']}\n"


def test_both_kinds_of_status_show_everything_else(drilled: Registry, agent_deploy: AgentDeploy) -> None:
    go_live(drilled, "billing", NOW - timedelta(days=9))
    add_drill(drilled, at=NOW - timedelta(days=1), week="")
    edit(drilled, WORKFLOW, "'{}'")
    why = f"evidence 1 of {WORKFLOW} was edited: it is no record of a drill"
    answer = agent_deploy("drill", "status")
    billing, triage = answer.out.splitlines()[1:]
    assert billing.split()[:5] == ["billing", "production", "live", "never", "none"]
    assert triage.split()[:6] == [WORKFLOW, "production", "live", "unknown", "unknown", "-"]
    assert triage.endswith("a record was edited")
    assert answer.code == 7
    assert f"error: how {WORKFLOW} in production stands with its drills cannot be told: {why}" in answer.err
    (_, drill) = agent_deploy("drill", "status", "--json").document["drills"]
    assert (drill["damaged"].startswith(why), drill["overdue"], drill["last"]) == (True, False, None)
    whole = agent_deploy("status")
    assert whole.code == 0
    assert f"{WORKFLOW} in production: a record of its drills was edited: agent-deploy verify {WORKFLOW}" in whole.out
    places = drilled_places(drilled, load_config())
    assert [one.workflow for one in places] == ["billing"], "no figure of what cannot be told"
