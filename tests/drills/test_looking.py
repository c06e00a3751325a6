"""drill status, history, show, pause, resume; and what the gate makes of drills."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent_deploy.config import load_config
from agent_deploy.operations.drill.pause import Resumed, pause, resume
from agent_deploy.operations.drill.status import drill_status
from agent_deploy.operations.verify import verify
from agent_deploy.wiring import gate_policy
from drills.models import drill_document
from drills.pausing import Pause, find_pause, is_paused
from drills.recording import record_intent
from registry.chain import record_hash
from registry.drilling import DrillLease, take_lease
from registry.errors import BadInput, NotFound
from registry.manifest import canonical
from registry.registry import Registry
from registry.times import now, to_text
from tests.builders import UNGATED, WORKFLOW
from tests.drills.conftest import NOW, POLICY, AgentDeploy
from tests.drills.records import add_drill, plan_of

_DAY = timedelta(days=1)


def _paused(registry: Registry) -> str:
    with registry.database.read() as connection:
        return is_paused(connection, WORKFLOW, "production")


def test_status_tells_last_success_last_drill_and_when_the_next_is_overdue(
    drilled: Registry, agent_deploy: AgentDeploy
) -> None:
    good = add_drill(drilled, at=NOW - 2 * _DAY)
    bad = add_drill(drilled, "failed_guard", 2, at=NOW - _DAY)
    (found,) = agent_deploy("drill", "status", "--json").document["drills"]
    assert found.pop("next").keys() == {"at", "why"}
    assert found == {
        "workflow": WORKFLOW, "environment": "production", "mode": "live", "scheduled": True,
        "last_success": {"drill": good.plan.id, "outcome": "succeeded", "mode": "live",
                         "ended_at": to_text(good.ended_at)},
        "last": {"drill": bad.plan.id, "outcome": "failed_guard", "mode": "live", "ended_at": to_text(bad.ended_at)},
        "succeeded_in_a_row": 0, "failed_in_a_row": 1, "blocked_in_a_row": 0, "overdue": False,
        "overdue_from": to_text(good.ended_at + 8 * _DAY), "paused": None, "running": None, "damaged": "",
    }  # fmt: skip


def test_an_overdue_drill_is_told_and_fails_only_when_asked_to(drilled: Registry, agent_deploy: AgentDeploy) -> None:
    add_drill(drilled, at=datetime(2021, 6, 2, 12, tzinfo=UTC))
    told = agent_deploy("drill", "status")
    assert (told.code, told.err.splitlines()) == (0, [
        "error: the drill of support-triage in production is overdue since 2021-06-10 12:01:04Z: "
        "the last success was drill-0000000001, 2021-06-02 12:01:04Z",
        "  next: agent-deploy drill run support-triage --env production",
    ])  # fmt: skip
    assert "SINCE 2021-06-10 12:01:04Z" in told.out
    failed = agent_deploy("drill", "status", "--fail-if-overdue", "--json")
    assert (failed.code, failed.document["overdue"]) == (8, 1)


def test_only_environments_with_a_drill_policy_are_looked_at(drilled: Registry, tmp_path: Path) -> None:
    assert [found.environment for found in drill_status(drilled, load_config())] == ["production"]
    (tmp_path / "agent-deploy.toml").write_text(UNGATED)
    assert drill_status(drilled, load_config()) == []
    with pytest.raises(NotFound):
        drill_status(drilled, load_config(), "support-traige")


def test_status_of_what_is_live_tells_of_drills_only_where_there_is_a_policy(
    drilled: Registry, tmp_path: Path, agent_deploy: AgentDeploy
) -> None:
    add_drill(drilled, at=datetime(2021, 6, 2, 12, tzinfo=UTC))
    pause(drilled, WORKFLOW, "production", actor="ann", reason="launch")
    assert agent_deploy("status").out.splitlines()[-1] == (
        "support-triage in production: last drill that counts 2021-06-02 12:01:04Z, "
        "OVERDUE since 2021-06-10 12:01:04Z, paused by ann: launch"
    )
    (live,) = agent_deploy("status", "--json").document["workflows"][0]["environments"]
    assert (live["drill"]["overdue"], live["drill"]["paused"]["reason"]) == (True, "launch")
    (tmp_path / "agent-deploy.toml").write_text(UNGATED)
    assert "drill" not in agent_deploy("status").out
    assert "drill" not in agent_deploy("status", "--json").document["workflows"][0]["environments"][0]


def test_a_workflow_may_opt_out_and_then_owes_nothing(drilled: Registry, tmp_path: Path) -> None:
    own = f"[workflows.{WORKFLOW}.environments.production.drill]\nenabled = false\n"
    (tmp_path / "agent-deploy.toml").write_text(UNGATED + POLICY + own)
    (found,) = drill_status(drilled, load_config(), clock=lambda: NOW + 400 * _DAY)
    assert (found.policy.scheduled, found.overdue_since) == (False, None)


@pytest.mark.parametrize("place", ["production", "production-drill"])
def test_a_drill_under_way_shows_live_or_in_rehearsal(drilled: Registry, place: str) -> None:
    lease = DrillLease(WORKFLOW, place, "drill-1", "host:1", NOW, {}, "hold")
    with drilled.database.write() as connection:
        take_lease(connection, lease)
    (found,) = drill_status(drilled, load_config(), clock=lambda: NOW)
    assert found.running == lease


def test_a_pause_holds_until_it_is_resumed_and_stays_on_record(drilled: Registry) -> None:
    assert _paused(drilled) == ""
    made = pause(drilled, WORKFLOW, "production", actor="ann", reason="launch", clock=lambda: NOW)
    assert made == (Pause("ann", NOW, "launch"), True)
    assert _paused(drilled) == "paused by ann: launch"
    again = pause(drilled, WORKFLOW, "production", actor="bob", reason="me too", clock=lambda: NOW + _DAY)
    assert again == (Pause("ann", NOW, "launch"), False)
    assert resume(drilled, WORKFLOW, "production", actor="cy", clock=lambda: NOW).pause == Pause("ann", NOW, "launch")
    assert _paused(drilled) == ""
    assert resume(drilled, WORKFLOW, "production", actor="cy") == Resumed(None)
    pause(drilled, WORKFLOW, "production", actor="bob", reason="audit", clock=lambda: NOW - _DAY)  # a clock set back
    assert _paused(drilled) == "paused by bob: audit"
    assert verify(drilled).faults == []


def test_a_pause_is_of_one_environment_and_takes_a_reason_and_something_live(drilled: Registry) -> None:
    pause(drilled, WORKFLOW, "production", actor="ann", reason="launch")
    with drilled.database.read() as connection:
        assert find_pause(connection, WORKFLOW, "staging") is None
    with pytest.raises(BadInput, match="takes a --reason"):
        pause(drilled, WORKFLOW, "production", actor="ann", reason=" ")
    with pytest.raises(NotFound, match="nothing of support-triage is live in staging"):
        pause(drilled, WORKFLOW, "staging", actor="ann", reason="launch")


def test_pause_and_resume_say_what_they_did(drilled: Registry, agent_deploy: AgentDeploy) -> None:
    paused = agent_deploy("drill", "pause", WORKFLOW, "--reason", "launch week")
    assert paused.out.splitlines()[0] == "paused drills of support-triage in production"
    shown = agent_deploy("drill", "status", "--json").document["drills"][0]["paused"]
    assert (shown["by"], shown["reason"]) == ("ann", "launch week")
    document = agent_deploy("drill", "pause", WORKFLOW, "--reason", "again", "--json").document
    assert (document["changed"], document["reason"]) == (False, "launch week")
    assert agent_deploy("drill", "resume", WORKFLOW).out.startswith("resumed drills of support-triage in production")
    assert agent_deploy("drill", "resume", WORKFLOW, "--json").document == {
        "workflow": WORKFLOW, "environment": "production", "paused": False, "changed": False, "dropped": [],
    }  # fmt: skip


def test_history_is_newest_first_of_one_environment_or_of_all(drilled: Registry, agent_deploy: AgentDeploy) -> None:
    assert "no drill of support-triage is on record yet" in agent_deploy("drill", "history", WORKFLOW).out
    drills = [
        add_drill(drilled), add_drill(drilled, "blocked", 2, error="paused by ann: launch"),
        add_drill(drilled, number=3, environment="staging"),
    ]  # fmt: skip
    document = agent_deploy("drill", "history", WORKFLOW, "--json").document
    assert document == {"workflow": WORKFLOW, "drills": [drill_document(drill) for drill in reversed(drills)]}
    listed = agent_deploy("drill", "history", WORKFLOW, "--env", "production", "--limit", "1").out
    assert [line.split("  ")[0] for line in listed.splitlines()] == ["DRILL", "drill-0000000002"]
    assert "paused by ann: launch" in listed


def test_show_takes_the_first_digits_and_prints_the_record_with_all_that_its_hash_is_made_of(
    drilled: Registry, agent_deploy: AgentDeploy
) -> None:
    drill = add_drill(drilled, number=0xABC0000001)
    add_drill(drilled, number=0xABD0000001)
    document = agent_deploy("drill", "show", "abc", "--json").document
    evidence = document.pop("evidence")
    assert document == drill_document(drill)
    record = {**evidence, "body": canonical(document).decode(), "blobs": " ".join(evidence["blobs"])}
    assert record_hash(record) == evidence["hash"]
    assert agent_deploy("drill", "show", "ab").code == 2
    assert "drill-abc0000001" in agent_deploy("drill", "show", drill.plan.id).out
    missing = agent_deploy("drill", "show", "drill-ffff")
    assert (missing.code, missing.err.splitlines()[0]) == (3, "error: there is no drill drill-ffff")


def test_a_drill_under_way_is_not_shown_as_if_it_had_ended(drilled: Registry, agent_deploy: AgentDeploy) -> None:
    plan = plan_of(week="")
    lease = DrillLease(WORKFLOW, "production", plan.id, "host:1", now() + _DAY, {})
    record_intent(drilled.database, lease, plan)
    answer = agent_deploy("drill", "show", plan.id)
    assert (answer.code, answer.err.splitlines()[0]) == (
        3, f"error: {plan.id} is under way, or was cut off: it is on record when it has ended",
    )  # fmt: skip


def test_an_edited_record_is_shown_to_nobody(drilled: Registry, agent_deploy: AgentDeploy) -> None:
    add_drill(drilled, "failed_guard")
    with drilled.database.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER evidence_no_update")
        connection.exec_driver_sql("UPDATE evidence SET body = replace(body, 'failed_guard', 'succeeded')")
    answer = agent_deploy("drill", "show", "drill-0000000001")
    assert (answer.code, answer.err.splitlines()) == (7, [
        "error: the record of drill-0000000001 was edited: its content does not give its hash",
        "  next: agent-deploy verify support-triage",
    ])  # fmt: skip
    assert agent_deploy("verify").code == 7


@pytest.mark.parametrize(("form", "start"), [("html", "<!doctype html>"), ("markdown", "# Rollback drill ")])
def test_show_writes_a_page(
    drilled: Registry, agent_deploy: AgentDeploy, tmp_path: Path, form: str, start: str
) -> None:
    add_drill(drilled)
    printed = agent_deploy("drill", "show", "drill-0000000001", "--report", form).out
    assert printed.startswith(start)
    answer = agent_deploy("drill", "show", "drill-0000000001", "--report", form, "--output", "page", "--json")
    assert (tmp_path / "page").read_text(encoding="utf-8").rstrip("\n") == printed.rstrip("\n")
    assert json.loads(answer.out)["drill"] == "drill-0000000001"
    assert agent_deploy("drill", "show", "drill-0000000001", "--output", "page").code == 2


_GATED = """\
[workflows.support-triage.environments.production.gate]
max_drill_age = "8d"
[environments.production.drill]
"""


@pytest.mark.parametrize(
    ("mode", "policy", "verdict"),
    [("live", "", "passed"), ("rehearsal", "", "failed"), ("rehearsal", "count_rehearsal = true\n", "passed")],
)
def test_the_gate_asks_for_a_drill_that_counts(
    drilled: Registry, tmp_path: Path, agent_deploy: AgentDeploy, mode: str, policy: str, verdict: str
) -> None:
    (tmp_path / "agent-deploy.toml").write_text(_GATED + policy)
    add_drill(drilled, at=now() - _DAY, mode=mode)
    rules = agent_deploy("gate", WORKFLOW, "--version", "1", "--json").document["rules"]
    assert {rule["rule"]: rule["verdict"] for rule in rules} == {"evidence": "inconclusive", "drill": verdict}
    gate = gate_policy(load_config(), WORKFLOW, "production")
    assert gate is not None
    assert gate.max_drill_age is not None
    assert gate.max_drill_age.rehearsal is bool(policy)
