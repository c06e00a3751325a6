"""The gate as commands show it, and as promote obeys it: evidence and head are looked at in one transaction."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agent_deploy.evals.cases import EvalSet
from agent_deploy.gates.policy import policy_from
from agent_deploy.operations.gate import GateRefused
from agent_deploy.operations.promote import promote
from agent_deploy.operations.rollback import rollback
from agent_deploy.operations.verify import verify
from registry.database import Connection
from registry.errors import BadInput
from registry.registry import Registry
from registry.releases import find_head
from registry.times import now
from tests.agent_deploy.conftest import AgentDeploy
from tests.builders import WORKFLOW, add_version, open_registry
from tests.evidence import NOON, add_run, cases_of

_POLICY = policy_from({}, "here")
_GATE = ("gate", WORKFLOW, "--version")
_PROMOTE = ("promote", WORKFLOW, "--version")


@pytest.fixture
def registry(here: Path) -> Registry:
    """Versions 1 to 3, and no word about a gate: the defaults hold."""
    registry = open_registry(here)
    for number in (1, 2, 3):
        add_version(registry, number)
    return registry


def _version(registry: Registry, number: int) -> Any:
    from registry.catalog import version_numbered

    with registry.database.read() as connection:
        return version_numbered(connection, WORKFLOW, number)


def _run(registry: Registry, number: int, status: str = "P" * 60, **more: Any) -> str:
    return add_run(registry, _version(registry, number), status, **more).id


def _head(registry: Registry) -> int | None:
    with registry.database.read() as connection:
        head = find_head(connection, WORKFLOW, "production")
    return head.version if head else None


def test_with_nothing_said_a_version_without_evidence_is_not_promoted(
    registry: Registry, agent_deploy: AgentDeploy
) -> None:
    answer = agent_deploy(*_PROMOTE, "1")
    assert (answer.code, answer.err) == (
        4,
        f"error: the gate of production is inconclusive for {WORKFLOW}@1: evidence\n"
        "  Nothing was moved.\n"
        f"  next: agent-deploy eval {WORKFLOW}@1\n",
    )
    assert answer.out.splitlines() == [
        "RULE      VERDICT       NEEDED              SEEN  WHY",
        f"evidence  inconclusive  a run of version 1  none  {WORKFLOW} has no eval set on record yet",
    ]
    assert _head(registry) is None


def test_a_first_version_passes_with_its_run_and_the_release_keeps_the_verdict(
    registry: Registry, agent_deploy: AgentDeploy
) -> None:
    run = _run(registry, 1)
    answer = agent_deploy(*_PROMOTE, "1", "--json")
    gate = answer.document["gate"]
    assert (answer.code, gate["verdict"], gate["overridden"], gate["runs"], gate["baseline"]) == (
        0, "passed", False, [run], None,
    )  # fmt: skip
    assert gate["policy_digest"] == _POLICY.digest
    with registry.database.read() as connection:
        head = find_head(connection, WORKFLOW, "production")
    assert head is not None
    assert head.gate is not None
    assert json.loads(head.gate) == gate
    assert verify(registry).faults == []


@pytest.fixture
def live(registry: Registry) -> Registry:
    """Version 1 passes 50 of 60 cases and is live."""
    _run(registry, 1, "P" * 50 + "F" * 10)
    promote(registry, WORKFLOW, "1", "production", actor="ann", policy=_POLICY, clock=lambda: NOON)
    return registry


def test_a_worse_version_is_refused_and_a_better_one_goes_live(live: Registry, agent_deploy: AgentDeploy) -> None:
    worse, better = _run(live, 2, "P" * 35 + "F" * 25), _run(live, 3, "P" * 58 + "F" * 2)
    answer = agent_deploy(*_PROMOTE, "2", "--json")
    rules = {rule["rule"]: rule["verdict"] for rule in answer.document["gate"]["rules"]}
    assert (answer.code, answer.document["error"]["exit_code"], rules["regression"]) == (4, 4, "failed")
    assert answer.document["gate"]["runs"][0] == worse
    assert _head(live) == 1
    answer = agent_deploy(*_PROMOTE, "3", "--json")
    assert (answer.code, answer.document["gate"]["runs"][0], _head(live)) == (0, better, 3)


def test_gate_says_the_same_and_moves_nothing(live: Registry, agent_deploy: AgentDeploy) -> None:
    _run(live, 2, "P" * 35 + "F" * 25)
    asked = agent_deploy(*_GATE, "2", "--json")
    refused = agent_deploy(*_PROMOTE, "2", "--json")
    told = dict(asked.document)
    subject = [told.pop(key) for key in ("workflow", "version", "environment", "required")]
    assert (asked.code, subject) == (4, [WORKFLOW, 2, "production", True])
    assert told.pop("digest").startswith("sha256:")
    assert told == refused.document["gate"]
    answer = agent_deploy(*_GATE, "2")
    assert answer.out.splitlines()[0] == f"{WORKFLOW}@2 (1.0.1) to production: failed"
    assert "  compared  version 1" in answer.out
    assert _head(live) == 1
    _run(live, 3)
    assert agent_deploy(*_GATE, "3").code == 0


def test_a_dry_run_tells_the_verdict_and_moves_nothing(live: Registry, agent_deploy: AgentDeploy) -> None:
    assert agent_deploy(*_PROMOTE, "2", "--dry-run").code == 4
    _run(live, 2)
    answer = agent_deploy(*_PROMOTE, "2", "--dry-run")
    assert (answer.code, _head(live)) == (0, 1)
    assert "  gate    passed, 4 rules" in answer.out


def _older_set(registry: Registry) -> None:
    _run(registry, 2)
    _run(registry, 1, "P" * 60, eval_set=cases_of(60, tags=("new",)), at=NOON + timedelta(hours=1))


NOT_PASSED: dict[str, tuple[Any, str]] = {
    "no evidence": (lambda _: None, "that run is of another version"),
    "evidence on an older eval set": (_older_set, "that run is on another eval set than the one on record"),
    "still running": (lambda r: _run(r, 2, finished=False), "it is not finished: still running, or cut off"),
    "too many errors": (lambda r: _run(r, 2, "P" * 57 + "E" * 3), "errors are neither passes nor failures"),
    "a critical case failed": (
        lambda r: _run(r, 2, "F" + "P" * 59, eval_set=cases_of(60, critical=True)), "failed: c0000"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("arrange", "why"), NOT_PASSED.values(), ids=NOT_PASSED)
def test_what_is_not_evidence_enough(live: Registry, agent_deploy: AgentDeploy, arrange: Any, why: str) -> None:
    arrange(live)
    answer = agent_deploy(*_PROMOTE, "2", "--json")
    assert (answer.code, _head(live)) == (4, 1)
    assert why in [rule["why"] for rule in answer.document["gate"]["rules"]]


def test_a_run_on_a_set_of_somebodys_own_neither_counts_nor_moves_the_set_on_record(live: Registry) -> None:
    own = EvalSet("mine.yaml", cases_of(60, tags=("mine",)).cases)
    _run(live, 2, eval_set=own, on_record=False, at=NOON + timedelta(hours=1))
    with pytest.raises(GateRefused, match="is inconclusive"):
        promote(live, WORKFLOW, "2", "production", actor="ann", policy=_POLICY, clock=lambda: NOON)
    _run(live, 2, "P" * 60)
    assert promote(live, WORKFLOW, "2", "production", actor="ann", policy=_POLICY, clock=lambda: NOON).changed


def test_a_run_with_another_agent_than_the_workflows_own_does_not_count(live: Registry) -> None:
    _run(live, 2, agent="always.right:answer", on_record=False, at=NOON + timedelta(hours=1))
    with pytest.raises(GateRefused, match="is inconclusive"):
        promote(live, WORKFLOW, "2", "production", actor="ann", policy=_POLICY, clock=lambda: NOON)


def test_the_newest_run_counts_so_that_a_lucky_one_does_not(live: Registry) -> None:
    _run(live, 2, "P" * 60)
    _run(live, 2, "P" * 30 + "F" * 30, at=NOON + timedelta(hours=1))
    with pytest.raises(GateRefused, match="failed"):
        promote(live, WORKFLOW, "2", "production", actor="ann", policy=_POLICY, clock=lambda: NOON)


def test_an_override_takes_a_reason_and_is_shown_for_ever(live: Registry, agent_deploy: AgentDeploy) -> None:
    answer = agent_deploy(*_PROMOTE, "2", "--override-gate")
    assert (answer.code, answer.err.splitlines()[0], _head(live)) == (
        2, "error: --override-gate takes a --reason: it is recorded for ever, with your name", 1,
    )  # fmt: skip
    answer = agent_deploy(*_PROMOTE, "2", "--override-gate", "--reason", "outage of the judge")
    assert (answer.code, _head(live)) == (0, 2)
    assert "  gate       OVERRIDDEN: inconclusive (evidence)" in answer.out
    released = agent_deploy("history", WORKFLOW, "--json").document["releases"][0]
    assert (released["gate"]["overridden"], released["gate"]["verdict"], released["reason"]) == (
        True, "inconclusive", "outage of the judge",
    )  # fmt: skip
    assert "OVERRIDDEN (inconclusive)" in agent_deploy("history", WORKFLOW).out
    assert "OVERRIDDEN (inconclusive)" in agent_deploy("status").out
    assert verify(live).faults == []


def test_an_override_of_a_gate_that_passes_is_no_override(live: Registry) -> None:
    _run(live, 2)
    move = promote(
        live, WORKFLOW, "2", "production", actor="ann", reason="sure", policy=_POLICY, override_gate=True,
        clock=lambda: NOON,
    )  # fmt: skip
    assert move.release is not None
    assert json.loads(move.release.gate or "")["overridden"] is False


def test_a_rollback_never_waits_for_a_gate(live: Registry, here: Path, agent_deploy: AgentDeploy) -> None:
    _run(live, 2)
    promote(live, WORKFLOW, "2", "production", actor="ann", policy=_POLICY, clock=lambda: NOON)
    (here / "agent-deploy.toml").write_text(
        '[environments.production.gate]\nmax_age = "1s"\nfreeze = [{cron = "* * * * *", for = "2m"}]\n'
    )
    assert agent_deploy(*_PROMOTE, "3").code == 4
    assert agent_deploy("rollback", WORKFLOW).code == 0
    assert _head(live) == 1
    with live.database.read() as connection:
        head = find_head(connection, WORKFLOW, "production")
    assert head is not None
    assert head.gate is None


def test_an_environment_that_requires_no_gate_says_so(
    registry: Registry, here: Path, agent_deploy: AgentDeploy
) -> None:
    (here / "agent-deploy.toml").write_text(
        "[environments.staging.gate]\nrequired = false\n[environments.production]\n"
    )
    assert (
        agent_deploy(*_GATE, "1", "--env", "staging").out == f"{WORKFLOW}@1 (1.0.0) to staging: no gate is required\n"
    )
    assert "  gate       none required" in agent_deploy(*_PROMOTE, "1", "--env", "staging").out
    assert agent_deploy("status", "--json").document["workflows"][0]["environments"][0]["gate"] is None
    assert " none " in agent_deploy("status").out
    assert agent_deploy(*_PROMOTE, "1").code == 4


def test_a_bad_policy_names_file_and_key_and_moves_nothing(
    registry: Registry, here: Path, agent_deploy: AgentDeploy
) -> None:
    (here / "agent-deploy.toml").write_text('[environments.production.gate]\nmax_age = "two weeks"\n')
    answer = agent_deploy(*_PROMOTE, "1")
    assert (answer.code, answer.err.splitlines()[0]) == (
        2,
        f"error: {here}/agent-deploy.toml: the gate of {WORKFLOW} in production.max_age: must be a duration such as "
        "'90s', '15m', '24h', '14d' or '2w', not 'two weeks'",
    )


def test_evidence_that_comes_between_the_first_look_and_the_move_is_seen(live: Registry) -> None:
    """What admits is asked within the transaction: a bad run that lands after the rehearsal still stops the move."""
    from agent_deploy.operations import gate as gating

    _run(live, 2)
    looks: list[int] = []

    class Interrupted(gating.Admission):
        __slots__ = ()

        def rehearse(self) -> None:
            super().rehearse()
            _run(live, 2, "F" * 60, at=NOON + timedelta(hours=1))

        def _decide(self, connection: Connection) -> Any:
            looks.append(1)
            return super()._decide(connection)

    from agent_deploy.operations.move import make
    from agent_deploy.operations.promote import _plan

    plan = _plan(live, WORKFLOW, "2", "production", False, None)
    admission = Interrupted(live, _POLICY, plan.target, "production", False, lambda: NOON)
    with pytest.raises(GateRefused, match="failed"):
        make(live, plan, actor="ann", reason="", dry_run=False, clock=lambda: NOON, admission=admission)
    assert (len(looks), _head(live)) == (2, 1)


def test_what_is_live_already_needs_no_verdict(live: Registry) -> None:
    move = promote(live, WORKFLOW, "1", "production", actor="ann", policy=_POLICY, clock=lambda: NOON)
    assert (move.changed, move.gate) == (False, None)


def test_a_version_must_have_been_live_in_the_required_environment(live: Registry) -> None:
    policy = policy_from({"require_environment": {"name": "staging", "for": "24h"}}, "here")
    _run(live, 2)

    def verdict(hours: float) -> str:
        with pytest.raises(GateRefused) as refused:
            promote(
                live, WORKFLOW, "2", "production", actor="a", policy=policy, clock=lambda: NOON + timedelta(hours=hours)
            )
        return {rule.rule: rule.seen for rule in refused.value.gate.rules}["environment"]

    assert verdict(0) == "never"
    promote(live, WORKFLOW, "2", "staging", actor="a", clock=lambda: NOON)
    assert verdict(23) == "for 23h, first on 2026-11-23"
    promote(live, WORKFLOW, "3", "staging", actor="a", clock=lambda: NOON + timedelta(hours=20))
    assert verdict(48) == "for 20h, first on 2026-11-23"
    rollback(live, WORKFLOW, "staging", actor="a", clock=lambda: NOON + timedelta(hours=50))
    moved = promote(
        live, WORKFLOW, "2", "production", actor="a", policy=policy, clock=lambda: NOON + timedelta(hours=54)
    )  # fmt: skip
    assert moved.changed


def test_approvals_count_people_other_than_the_registrar(live: Registry, agent_deploy: AgentDeploy, here: Path) -> None:
    (here / "agent-deploy.toml").write_text(
        "[environments.staging]\n[environments.production.gate]\nrequire_approvals = 1\n"
    )
    _run(live, 2)
    answer = agent_deploy(*_PROMOTE, "2")
    assert (answer.code, answer.err.splitlines()[-1]) == (
        4, f"  next: agent-deploy approve {WORKFLOW} --version 2 --env production",
    )  # fmt: skip
    assert agent_deploy("approve", WORKFLOW, "--version", "2", "--env", "staging").code == 0
    assert agent_deploy(*_PROMOTE, "2").code == 4
    assert agent_deploy("approve", WORKFLOW, "--version", "2").code == 0
    assert agent_deploy(*_PROMOTE, "2").code == 0


def test_the_baselines_missing_run_is_asked_for(live: Registry, agent_deploy: AgentDeploy) -> None:
    newer = cases_of(61)
    _run(live, 2, "P" * 61, eval_set=newer, at=NOON + timedelta(hours=1))
    answer = agent_deploy(*_PROMOTE, "2")
    assert (answer.code, answer.err.splitlines()[-1]) == (4, f"  next: agent-deploy eval {WORKFLOW}@1")


def test_in_the_middle_of_a_drill_the_gate_compares_with_what_comes_back_at_its_end(
    live: Registry, agent_deploy: AgentDeploy
) -> None:
    """Version 3 is better than the drill's target, and worse than the version that is live but for the drill."""
    _run(live, 2, "P" * 60)
    _run(live, 3, "P" * 52 + "F" * 8)
    promote(live, WORKFLOW, "2", "production", actor="ann", policy=_POLICY, clock=lambda: NOON)
    until = now() + timedelta(hours=1)
    rollback(live, WORKFLOW, "production", actor="drill", to_version="1", revert_to=2, revert_at=until)
    gate = agent_deploy(*_GATE, "3", "--json").document
    assert (gate["baseline"]["version"], gate["verdict"]) == (2, "failed")
    back = agent_deploy(*_GATE, "2", "--json").document
    assert (back["verdict"], back["rules"][-1]["seen"]) == ("passed", "it is what is live")


def test_an_override_without_a_reason_is_refused_by_the_operation_too(live: Registry) -> None:
    with pytest.raises(BadInput):
        promote(live, WORKFLOW, "2", "production", actor="ann", policy=_POLICY, override_gate=True)
