"""Smoke cases: asked of the version that a drill goes back to, with the agent and the scorers of its evals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agent_deploy.config import EvalSettings
from agent_deploy.operations.drill.smoke import ask_smoke
from agent_deploy.operations.rollback import rollback
from drills.models import Check, DrillPlan, PhaseName, Side
from drills.policy import SmokeSpec
from registry.errors import BadInput
from registry.times import now
from tests.builders import WORKFLOW
from tests.drills.scenes import PLACE, Scene, policy_of
from tests.evidence import add_run

# Answers with its prompt's number, so that it shows whose bundle it was asked with.
_AGENT = """\
def answer(bundle, question):
    return bundle.prompt("system").render().split("Number ")[1].rstrip(".\\n")
"""
_SET = """\
cases:
  - {id: a, input: x, expected: "2", critical: true}
  - {id: b, input: x, expected: "2", critical: true, tags: [smoke]}
  - {id: c, input: x, expected: "3", tags: [smoke]}
"""


@pytest.fixture
def asked(scene: Scene, tmp_path: Path) -> Scene:
    """A scene whose workflow has an eval set, and an agent."""
    (tmp_path / "answering.py").write_text(_AGENT)
    (tmp_path / "set.yaml").write_text(_SET)
    settings = EvalSettings(tmp_path, tmp_path / "set.yaml", "answering:answer", attempts=1)
    return replace(scene, config=replace(scene.config, evals={WORKFLOW: settings}))


def _ask(
    scene: Scene, spec: SmokeSpec, phase: PhaseName = "prechecks", version: int = 2, generation: int = 4
) -> list[Check]:
    found = scene.read(lambda connection: _version(connection, version))
    side = Side(version, found.tag, found.digest, generation)
    plan = DrillPlan("drill-1", WORKFLOW, PLACE, "live", side, side, now() - now(), now(), now(), "ann", "operator", "")
    return ask_smoke(scene.registry, scene.config, plan, spec, side, phase)


def _version(connection: object, number: int) -> object:
    from registry.catalog import version_numbered

    return version_numbered(connection, WORKFLOW, number)  # type: ignore[arg-type]


def _told(checks: list[Check]) -> list[tuple[str, bool]]:
    return [(check.name, check.ok) for check in checks]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (SmokeSpec(), [("case a", True), ("case b", True)]),
        (SmokeSpec(most=1), [("case a", True)]),
        (SmokeSpec(tag="smoke"), [("case b", True), ("case c", False)]),
        (SmokeSpec(most=0), []),
        (SmokeSpec(tag="nobody has it"), []),
    ],
)
def test_the_critical_cases_are_asked_of_the_target_or_those_with_a_tag(
    asked: Scene, spec: SmokeSpec, expected: list[tuple[str, bool]]
) -> None:
    assert _told(_ask(asked, spec)) == expected


def test_a_case_that_fails_says_why(asked: Scene) -> None:
    checks = _ask(asked, SmokeSpec(tag="smoke"))
    assert (checks[1].sample["status"], checks[1].detail.startswith("exact: ")) == ("failed", True)


def test_a_set_of_its_own_may_be_named(asked: Scene, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text('cases:\n  - {id: d, input: x, expected: "2"}\n')
    assert _told(_ask(asked, SmokeSpec(cases="other.yaml"))) == [("case d", True)]


def test_without_an_eval_set_there_is_nothing_to_ask(scene: Scene) -> None:
    assert _ask(scene, SmokeSpec()) == []


def test_what_the_target_is_on_record_as_failing_is_not_asked_of_it(asked: Scene, tmp_path: Path) -> None:
    """An older version may lack what a newer case asks for; that is no reason why the rollback would not work."""
    from agent_deploy.evals.reading import read_eval_set

    eval_set = read_eval_set(tmp_path / "set.yaml")
    version = asked.read(lambda connection: _version(connection, 2))
    add_run(asked.registry, version, {"a": "P", "b": "P", "c": "F"}, eval_set=eval_set)
    assert _told(_ask(asked, SmokeSpec(tag="smoke"))) == [("case b", True)]


def test_an_agent_that_does_not_start_is_a_fault_of_the_prechecks(asked: Scene) -> None:
    broken = replace(asked.config.evals[WORKFLOW], agent="nowhere:answer")
    scene = replace(asked, config=replace(asked.config, evals={WORKFLOW: broken}))
    with pytest.raises(BadInput):
        _ask(scene, SmokeSpec())
    drill = scene.drill(policy_of(smoke=SmokeSpec()))
    assert drill.outcome == "precheck_failed"
    assert drill.error.startswith("smoke cases: ")


def test_in_verify_they_are_asked_through_a_client_that_has_to_be_served_the_target(asked: Scene) -> None:
    rollback(asked.registry, WORKFLOW, PLACE, actor="olga")
    assert _told(_ask(asked, SmokeSpec(), "verify")) == [
        ("served by a client", True), ("case a", True), ("case b", True),
    ]  # fmt: skip
    assert list(asked.registry.store.entries("readers/")) == []


@pytest.mark.parametrize(("version", "generation"), [(3, 4), (2, 5)])
def test_a_client_that_is_served_anything_else_is_all_that_is_told(asked: Scene, version: int, generation: int) -> None:
    rollback(asked.registry, WORKFLOW, PLACE, actor="olga")
    (check,) = _ask(asked, SmokeSpec(), "verify", version, generation)
    assert (check.name, check.ok, check.detail) == (
        "served by a client", False, "a new client is served version 2, generation 4",
    )  # fmt: skip


def test_a_whole_drill_asks_them_before_and_while_the_target_is_live(asked: Scene) -> None:
    drill = asked.drill(policy_of(smoke=SmokeSpec(most=1)))
    assert (drill.outcome, drill.error) == ("succeeded", "")
    assert [(check.phase, check.name) for check in drill.smoke] == [
        ("prechecks", "case a"), ("verify", "served by a client"), ("verify", "case a"),
    ]  # fmt: skip


def test_cases_that_do_not_answer_in_time_are_told(asked: Scene, tmp_path: Path) -> None:
    (tmp_path / "answering.py").write_text("import time\ndef answer(bundle, question):\n    time.sleep(60)\n")
    from datetime import timedelta

    (check,) = _ask(asked, SmokeSpec(within=timedelta(seconds=1)))
    assert (check.name, check.ok, check.detail) == ("smoke cases", False, "not all answered within 1 s")
