"""`evals diff`: which runs are compared, and what people, reports and scripts get."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent_deploy.evals.cases import Case, EvalSet
from agent_deploy.operations.evals.diff import diff
from agent_deploy.operations.show import find
from registry.errors import NotFound
from registry.models import Version
from registry.registry import Registry
from tests.builders import WORKFLOW, add_version, open_registry
from tests.commands import call
from tests.evals.recorded import cases_of, record_run

_OLD, _NEW = f"{WORKFLOW}@1", f"{WORKFLOW}@2"


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A registry with two versions, in the working directory."""
    monkeypatch.chdir(tmp_path)
    registry = open_registry(tmp_path)
    for number in (1, 2):
        add_version(registry, number)
    return registry


def _old(registry: Registry) -> Version:
    return find(registry, _OLD)


def _new(registry: Registry) -> Version:
    return find(registry, _NEW)


def _taken(registry: Registry, before: str = _OLD, after: str = _NEW, environment: str | None = None) -> list[int]:
    """The numbers of the runs that are compared."""
    found = diff(registry, before, after, environment)
    return [int(run.started.id[-2:], 16) for run in (found.before, found.after)]


def test_of_a_ref_the_newest_run_on_the_newest_common_set_is_taken(registry: Registry) -> None:
    for number in (1, 2):
        record_run(registry, _old(registry), number, {"a": "P"})
    record_run(registry, _new(registry), 3, {"a": "P"})
    record_run(registry, _new(registry), 4, {"a": "P"})
    record_run(registry, _new(registry), 5, {"a": "P", "b": "P"})
    assert _taken(registry) == [2, 4]
    assert _taken(registry, after="run-0000000003") == [2, 3]
    assert _taken(registry, "run-0000000001", "run-0000000005") == [1, 5]


def test_the_workflows_own_set_goes_before_a_newer_one_that_is_not(registry: Registry) -> None:
    for number, version in ((1, _old(registry)), (2, _new(registry))):
        record_run(registry, version, number, {"a": "P"})
        record_run(registry, version, number + 2, {"b": "P"}, on_record=False)
    assert _taken(registry) == [1, 2]


def test_a_version_against_itself_is_its_newest_run_against_the_one_before(registry: Registry) -> None:
    for number, letter in ((1, "P"), (2, "P"), (3, "F")):
        record_run(registry, _new(registry), number, {"a": letter})
    assert _taken(registry, _NEW, _NEW) == [2, 3]


def test_an_environment_leaves_out_runs_for_others(registry: Registry) -> None:
    for number, version in ((1, _old(registry)), (2, _new(registry))):
        record_run(registry, version, number, {"a": "P"}, environment="staging")
        record_run(registry, version, number + 2, {"a": "P"})
    assert _taken(registry, environment="staging") == [1, 2]
    with pytest.raises(NotFound) as caught:
        diff(registry, _OLD, _NEW, "canary")
    assert (caught.value.message, caught.value.next_command) == (
        "support-triage@1 has no finished run for canary", "agent-deploy eval support-triage@1 --env canary",
    )  # fmt: skip


def test_runs_on_different_sets_are_compared_over_what_both_hold_alike(registry: Registry) -> None:
    record_run(registry, _old(registry), 1, {"a": "P", "edited": "P", "gone": "P"})
    cases = (*cases_of("a", "new").cases, Case("edited", "say it otherwise", expected="edited"))
    record_run(registry, _new(registry), 2, {"a": "F", "new": "F", "edited": "F"}, eval_set=EvalSet("set.yaml", cases))
    found = diff(registry, _OLD, _NEW).comparison
    assert (found.compared, [change.case for change in found.changes], found.only_before, found.only_after) == (
        1, ["a"], ("gone",), ("new",),
    )  # fmt: skip
    assert found.edited == ("edited",)
    told = call(registry, "evals", "diff", _OLD, _NEW).out.splitlines()[1]
    assert told.endswith(" differ: 1 only before, 1 only after, 1 edited; these are not compared")


def test_a_case_on_which_another_run_of_the_version_disagrees_is_marked_flaky(registry: Registry) -> None:
    record_run(registry, _old(registry), 1, {"a": "F", "b": "P"})
    record_run(registry, _old(registry), 2, {"a": "P", "b": "P"})
    record_run(registry, _new(registry), 3, {"a": "F", "b": "F"})
    record_run(registry, _new(registry), 4, {"a": "F", "b": "P"}, origin="rescore:run-0000000003")
    changes = diff(registry, _OLD, "run-0000000003").comparison.changes
    assert [(change.case, change.kind, change.flaky) for change in changes] == [
        ("a", "pass_to_fail", True), ("b", "pass_to_fail", False),
    ]  # fmt: skip


def test_diff_shows_both_outputs_of_every_changed_case_and_the_tags(registry: Registry) -> None:
    eval_set = EvalSet("set.yaml", (
        Case("a", "say a", expected="a", tags=("card",), critical=True), Case("b", "say b", expected="b"),
        Case("c", "say c", expected="c", tags=("other",)),
    ))  # fmt: skip
    record_run(registry, _old(registry), 1, {"a": "P", "b": "F", "c": "P"}, eval_set=eval_set)
    record_run(registry, _new(registry), 2, {"a": "F", "b": "E", "c": "P"}, {"a": "A"}, eval_set=eval_set)
    assert call(registry, "evals", "diff", _OLD, _NEW).out == (
        "support-triage@1 (run-0000000001) → support-triage@2 (run-0000000002)\n"
        f"  eval set   set.yaml {eval_set.digest[:19]}\n"
        "  compared   3 cases, 1 unchanged\n"
        "  pass rate  66.7 % → 33.3 %\n"
        "  errored    0 → 1\n"
        "  cost each  $0.00010 → $0.000067 (-33 %)\n"
        "  p95        100 ms → 100 ms (+0 %)\n"
        "  worse?     not more than by chance: 1 lost, 0 gained, p = 0.5\n"
        "\n"
        "pass→fail: 1\n"
        "  a  critical  [card]\n"
        "    input     say a\n"
        "    expected  a\n"
        "    before    passed: a\n"
        "    after     failed: A\n"
        "    why       exact: expected 'a', got 'A'\n"
        "\n"
        "to errored: 1\n"
        "  b\n"
        "    input     say b\n"
        "    expected  b\n"
        "    before    failed: wrong\n"
        "    after     errored: -\n"
        "    why       503 from the model\n"
        "\n"
        "TAG   CASES  BEFORE   AFTER  GOT WORSE (HOLM)\n"
        "card  1      100.0 %  0.0 %  p = 1\n"
    )
    assert call(registry, "evals", "diff", _OLD, _NEW, "--report", "markdown").out.startswith(
        "### support-triage: 1 pass→fail, 1 to errored, of 3 cases\n"
    )


def test_diff_lists_so_many_cases_of_a_kind_and_says_how_many_more(registry: Registry) -> None:
    letters = {f"case-{number:02}": "P" for number in range(25)}
    record_run(registry, _old(registry), 1, letters)
    record_run(registry, _new(registry), 2, dict.fromkeys(letters, "F"))
    out = call(registry, "evals", "diff", _OLD, _NEW).out
    assert "  worse?     yes: 25 lost, 0 gained, p < 0.001\n" in out
    assert (out.count("\n  case-"), out.splitlines()[-1]) == (20, "… and 5 more: --limit, or --json for all")
    assert call(registry, "evals", "diff", _OLD, _NEW, "--limit", "25").out.count("\n  case-") == 25


def test_diff_as_json_has_both_runs_every_change_and_both_outputs_whole(registry: Registry) -> None:
    record_run(registry, _old(registry), 1, {"a": "P", "b": "P"})
    record_run(registry, _new(registry), 2, {"a": "F", "b": "P"}, {"a": "long " * 100})
    document = call(registry, "evals", "diff", _OLD, _NEW, "--json").document
    runs = {name: document.pop(name)["run"] for name in ("before", "after")}
    assert runs == {"before": "run-0000000001", "after": "run-0000000002"}
    (change,) = document.pop("changes")
    assert [change.pop(side)[0]["output"] for side in ("before", "after")] == ["a", "long " * 100]
    assert change == {
        "case": "a", "kind": "pass_to_fail", "flaky": False, "critical": False, "tags": [], "input": "say a",
        "expected": "a",
    }  # fmt: skip
    assert document == {
        "same_set": True, "compared": 2, "unchanged": 1,
        "counts": {
            "pass_to_fail": 1, "to_errored": 0, "fail_to_pass": 0, "from_errored": 0, "flaky": 0, "output_changed": 0,
        },
        "only_before": [], "only_after": [], "edited": [],
        "cases": {
            "before": {"total": 2, "passed": 2, "failed": 0, "errored": 0},
            "after": {"total": 2, "passed": 1, "failed": 1, "errored": 0},
        },
        "worse": {"lost": 1, "gained": 0, "p": 0.5}, "slices": [],
    }  # fmt: skip


def test_a_version_without_a_run_is_told_with_the_command_that_makes_one(registry: Registry) -> None:
    record_run(registry, _old(registry), 1, {"a": "P"})
    answer = call(registry, "evals", "diff", _OLD, _NEW)
    assert (answer.code, answer.out, answer.err) == (
        3, "",
        "error: support-triage@2 has no finished run\n  next: agent-deploy eval support-triage@2\n",
    )  # fmt: skip
    assert call(registry, "evals", "diff", _OLD, _NEW, "--json", "--report", "markdown").code == 2
