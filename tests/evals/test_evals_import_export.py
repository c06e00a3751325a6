"""`evals import` and `evals export`: results of other tools become a run, and a run becomes a statement."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent_deploy.evals.importing import read_results_file
from agent_deploy.evals.recording import read_results, read_set
from agent_deploy.operations.evals.show import finished_run
from agent_deploy.operations.show import find
from registry.registry import Registry
from tests.builders import WORKFLOW, add_version, open_registry
from tests.commands import Answer, call
from tests.evals.recorded import record_run

_DATA = Path(__file__).parent / "data"
_OWN_SET = """\
[
  {"id": "test_triage.test_intent[stolen]", "input": "stolen", "expected": "card"},
  {"id": "test_triage.test_intent[parcel]", "input": "parcel", "expected": "delivery"},
  {"id": "test_triage.test_error", "input": "x", "expected": "x"},
  {"id": "test_triage.test_skipped", "input": "x", "expected": "x"},
  {"id": "test_triage.test_record", "input": "x", "expected": "x"}
]
"""


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A registry with a version, in the working directory."""
    monkeypatch.chdir(tmp_path)
    registry = open_registry(tmp_path)
    add_version(registry)
    return registry


def _import(registry: Registry, name: str, *words: str) -> Answer:
    return call(registry, "evals", "import", str(_DATA / name), "--version", f"{WORKFLOW}@1", *words)


@pytest.mark.parametrize(
    ("name", "words", "tool"),
    [
        ("promptfoo.json", (), "promptfoo"), ("inspect.json", (), "inspect"), ("junit.xml", (), "junit"),
        ("promptfoo-columns.json", ("--column", "3", "--format", "promptfoo"), "promptfoo"),
    ],
)  # fmt: skip
def test_all_that_a_file_says_is_in_the_run(registry: Registry, name: str, words: tuple[str, ...], tool: str) -> None:
    document = _import(registry, name, *words, "--json").document
    run = finished_run(registry, document["run"])
    imported = read_results_file(_DATA / name, column=3 if words else None)
    assert list(read_results(registry, run)) == sorted(
        imported.results, key=lambda result: (result.case, result.repeat)
    )
    assert {case.id: case for case in read_set(registry, run.started).cases} == {
        case.id: case for case in imported.cases
    }
    assert (run.started.agent, run.started.origin, run.started.on_record, run.started.digest) == (
        f"import:{tool}", f"import:{tool}", False, find(registry, f"{WORKFLOW}@1").digest,
    )  # fmt: skip
    assert document["cases"]["total"] == len(imported.results)


def test_import_says_what_was_taken_and_that_no_gate_counts_it(registry: Registry) -> None:
    answer = _import(registry, "promptfoo.json")
    id_ = call(registry, "evals", "history", WORKFLOW, "--json").document["runs"][0]["run"]
    assert answer.out == (
        f"imported 16 results of support-triage@1 from {_DATA / 'promptfoo.json'}\n"
        f"  run      {id_}\n"
        "  cases    8, each 2 times\n"
        "  passed   6\n"
        "  failed   6\n"
        "  errored  4\n"
        "  cost     $0.0014\n"
        "  counts   for no gate: the set is not the workflow's own\n"
        f"  next     agent-deploy evals show {id_} --failed\n"
    )


def test_results_of_just_the_cases_of_a_set_are_a_run_on_that_set(registry: Registry) -> None:
    Path("set.json").write_text(_OWN_SET)
    Path("agent-deploy.toml").write_text(f'[workflows.{WORKFLOW}]\ncases = "set.json"\n')
    words = ("evals", "import", str(_DATA / "junit.xml"), "--version", f"{WORKFLOW}@1", "--env", "staging")
    document = call(None, *words, "--cases", "set.json", "--json").document
    assert (document["eval_set"]["on_record"], document["environment"], document["agent"]) == (
        True, "staging", "import:junit",
    )  # fmt: skip
    run = finished_run(registry, document["run"])
    assert {case.id: case.expected for case in read_set(registry, run.started).cases} == {
        case["id"]: case["expected"] for case in json.loads(_OWN_SET)
    }


def test_results_of_other_cases_than_the_sets_are_refused_naming_them(registry: Registry) -> None:
    cases = [*json.loads(_OWN_SET)[1:], {"id": "new", "input": "x", "expected": "x"}]
    Path("set.json").write_text(json.dumps(cases))
    answer = _import(registry, "junit.xml", "--cases", "set.json")
    assert (answer.code, answer.out, answer.err) == (
        2, "",
        f"error: {_DATA / 'junit.xml'} does not hold just the cases of set.json: "
        "it lacks 'new'; has besides 'test_triage.test_intent[stolen]'\n"
        "  Nothing was imported.\n"
        "  next: the same without --cases: a run on the file's own cases, which no gate counts\n",
    )  # fmt: skip
    assert call(registry, "evals", "history", WORKFLOW, "--json").document["runs"] == []


def test_a_case_that_was_asked_otherwise_is_another_case(registry: Registry) -> None:
    rows = read_results_file(_DATA / "promptfoo-columns.json", column=3).cases
    asked = [{"id": rows[0].id, "input": rows[0].input["query"]}, {"id": rows[1].id, "input": "something else"}]
    Path("set.json").write_text(json.dumps([{**case, "expected": "x"} for case in asked]))
    answer = _import(registry, "promptfoo-columns.json", "--column", "3", "--cases", "set.json")
    assert (answer.code, f"it asked otherwise {rows[1].id!r}\n" in answer.err) == (2, True)


def test_what_cannot_be_imported_is_told_and_nothing_is_recorded(registry: Registry) -> None:
    Path("x.txt").write_text("passed: all")
    answer = call(registry, "evals", "import", "x.txt", "--version", f"{WORKFLOW}@1")
    assert (answer.code, answer.out, answer.err.splitlines()[0]) == (
        2, "", "error: x.txt: neither JSON of promptfoo or Inspect, nor an .eval log, nor JUnit XML",
    )  # fmt: skip
    assert call(registry, "evals", "import", "x.txt", "--version", f"{WORKFLOW}@7").code == 3


def test_export_prints_the_statement_or_writes_it(registry: Registry, tmp_path: Path) -> None:
    version = find(registry, f"{WORKFLOW}@1")
    record_run(registry, version, 1, {"a": "P", "b": "F"})
    printed = call(registry, "evals", "export", "run-0000000001", "--in-toto").document
    assert printed["subject"] == [
        {"name": f"{WORKFLOW}@1", "digest": {"sha256": version.digest.removeprefix("sha256:")}}
    ]
    words = ("export", "run-0000000001", "--in-toto", "--output", "statement.json", "--fail-under", "0.5")
    assert call(registry, "evals", *words).out == (
        f"exported run-0000000001 to statement.json\n  result   WARNED\n  subject  support-triage@1 {version.digest}\n"
    )
    written = json.loads((tmp_path / "statement.json").read_text())
    assert (printed["predicate"]["result"], written["predicate"]["result"]) == ("FAILED", "WARNED")
    assert call(registry, "evals", *words, "--json").document == {
        "run": "run-0000000001", "workflow": WORKFLOW, "version": 1, "digest": version.digest, "result": "WARNED",
        "file": "statement.json",
    }  # fmt: skip


def test_export_has_to_be_told_as_what(registry: Registry) -> None:
    answer = call(registry, "evals", "export", "run-0000000001", "--json")
    assert (answer.code, answer.document["error"]["message"]) == (2, "Missing option '--in-toto'.")


def test_a_statement_that_cannot_be_written_is_told_by_its_path(registry: Registry) -> None:
    record_run(registry, find(registry, f"{WORKFLOW}@1"), 1, {"a": "P"})
    answer = call(registry, "evals", "export", "run-0000000001", "--in-toto", "--output", "nowhere/x.json")
    assert (answer.code, answer.err.splitlines()[0]) == (
        1,
        "error: cannot write nowhere/x.json: No such file or directory",
    )
