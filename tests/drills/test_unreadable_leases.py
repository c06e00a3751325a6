"""Leases that somebody edited: their drills are brought to rest by their intents, or told with what to type."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from agent_deploy.operations.drill.pause import Resumed, resume
from agent_deploy.operations.status import status
from agent_deploy.wiring import open_registry
from drills.models import Drill
from drills.recovery import recover
from drills.unreadable import DROPPED
from registry.drilling import DrillLease
from registry.errors import Damaged
from registry.evidence import list_evidence
from tests.agent_deploy.conftest import AgentDeploy
from tests.builders import WORKFLOW
from tests.drills.scenes import PLACE, SHADOW, Scene, later, policy_of
from tests.drills.test_recovery import die_in
from tests.faults.tampering import tamper

LONG_AGO = "2026-01-01T00:00:00.000000Z"
EDITS = {
    "no JSON": "plan = 'not {json', progress = ''",
    "no object": "plan = '[]', progress = 'null'",
    "another object": "plan = '{}', progress = '{}'",
    "no progress": "progress = '{'",
    "no time": "lease_until = 'soon'",
}


def _died(scene: Scene, monkeypatch: pytest.MonkeyPatch, edit: str, mode: str = "live") -> DrillLease:
    """A drill that died with its target live, and whose lease was edited then."""
    lease = die_in(scene, monkeypatch, "hold", mode=mode)
    assert lease is not None
    tamper(scene.registry, f"UPDATE drill_leases SET lease_until = '{LONG_AGO}'", f"UPDATE drill_leases SET {edit}")  # noqa: S608
    return lease


def _lose_intent(scene: Scene) -> None:
    tamper(scene.registry, "UPDATE evidence SET body = '{}' WHERE kind = 'drill-started'")


def _said(scene: Scene) -> list[str]:
    said: list[str] = []
    open_registry(scene.config, say=said.append)
    return said


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_the_next_command_restores_by_the_intent_on_record(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, edit: str
) -> None:
    lease = _died(scene, monkeypatch, edit)
    (line,) = _said(scene)
    assert line.startswith(f"{lease.drill} interrupted: every process of it died in phase hold")
    assert line.endswith("; version 3 is live again")
    assert ("its lease cannot be read, and how it went is lost" in line) == (edit != EDITS["no time"])
    (drill,) = scene.records()
    assert (drill.plan.id, drill.outcome, drill.phases[-1].name) == (lease.drill, "interrupted", "restore")
    assert (scene.head().kind, scene.head().version, scene.lease()) == ("restore", 3, None)
    assert _said(scene) == []
    scene.assert_whole()


def test_without_its_intent_it_is_told_with_the_command_that_gives_it_up_and_stops_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = _died(scene, monkeypatch, EDITS["no JSON"])
    _lose_intent(scene)
    (told,) = _said(scene)
    first, unchanged, following = told.splitlines()
    assert first.startswith(
        f"nobody can finish {lease.drill} of {WORKFLOW} in {PLACE}: neither its lease nor its intent on record can be "
        "read (plan: Expecting value: "
    )
    assert unchanged == "  Nothing was moved."
    assert following == f"  next: agent-deploy drill resume {WORKFLOW} --env {PLACE}   # drops the lease"
    assert status(scene.registry, WORKFLOW).live[0].release.version == 2
    assert scene.drill().error.startswith(f"the lease of another drill, {lease.drill}, cannot be read (plan: ")


def test_resume_gives_it_up_on_record_and_drills_come_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    lease = _died(scene, monkeypatch, EDITS["no JSON"])
    _lose_intent(scene)
    before = scene.head()
    done = resume(scene.registry, WORKFLOW, PLACE, actor="nora", reason="edited by hand")
    assert (done, scene.lease(), scene.head()) == (Resumed(None, (lease.drill,)), None, before)
    (record,) = scene.read(lambda connection: list_evidence(connection, WORKFLOW, kind=DROPPED))
    assert (record.subject, record.actor, record.environment) == (lease.drill, "nora", PLACE)
    assert record.body == {"reason": "edited by hand", "place": PLACE, "phase": "hold"}
    scene.promote(3, override_hold=True)
    again = scene.drill()
    assert again.outcome == "precheck_failed", "no longer blocked; but that somebody edited the log is found"
    assert "evidence" in again.error


def test_resume_leaves_alone_what_is_alive_or_can_be_finished(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    lease = _died(scene, monkeypatch, EDITS["no JSON"])
    assert resume(scene.registry, WORKFLOW, PLACE, actor="nora") == Resumed(None)
    _lose_intent(scene)
    tamper(scene.registry, "UPDATE drill_leases SET lease_until = '9999-01-01T00:00:00.000000Z'")
    assert resume(scene.registry, WORKFLOW, PLACE, actor="nora") == Resumed(None)
    found = scene.lease()
    assert found is not None
    assert found.drill == lease.drill


def test_a_rehearsals_is_given_up_by_the_environment_that_it_is_about(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = _died(scene, monkeypatch, EDITS["no JSON"], mode="rehearsal")
    _lose_intent(scene)
    (told,) = _said(scene)
    assert f"agent-deploy drill resume {WORKFLOW} --env {PLACE}  " in told
    assert resume(scene.registry, WORKFLOW, PLACE, actor="nora").dropped == (lease.drill,)
    assert scene.lease(SHADOW) is None


def test_one_that_nobody_can_finish_keeps_no_other_from_its_end(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _died(scene, monkeypatch, "phase = 'hold'")
    columns = "workflow, 'a-first', 'drill-0', owner, lease_until, '', phase, ''"
    tamper(scene.registry, f"INSERT INTO drill_leases SELECT {columns} FROM drill_leases")  # noqa: S608
    stuck: list[Damaged] = []
    found: list[Drill] = recover(
        scene.registry, scene.ports(policy_of()), owner="next", actor="nora", stuck=stuck.append,
        clock=later(timedelta(hours=1)),
    )  # fmt: skip
    assert [drill.plan.id for drill in found] == [whole.drill]
    assert [error.message.partition(":")[0] for error in stuck] == [
        f"nobody can finish drill-0 of {WORKFLOW} in a-first"
    ]


def test_the_command_says_what_was_given_up(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, agent_deploy: AgentDeploy
) -> None:
    lease = _died(scene, monkeypatch, EDITS["no JSON"])
    _lose_intent(scene)
    monkeypatch.chdir(tmp_path)
    answer = agent_deploy("drill", "resume", WORKFLOW, "--actor", "nora")
    assert answer.out == f"gave up {lease.drill}; what it left is for you to judge: agent-deploy status {WORKFLOW}\n"
    again = agent_deploy("drill", "resume", WORKFLOW, "--json")
    assert (again.document["changed"], again.document["dropped"], again.err) == (False, [], "")
