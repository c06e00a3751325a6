"""JUnit XML of any test runner: every testcase is a case, and none is left out."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from junitparser import JUnitXml

from agent_deploy.evals.cases import Case, Origin
from agent_deploy.evals.importing import read_results_file
from agent_deploy.evals.importing.junit import read_junit
from agent_deploy.evals.reports.junit import junit_xml
from agent_deploy.evals.results import Result, Score
from agent_deploy.evals.running.summary import summarise
from registry.errors import BadInput
from registry.models import Version
from tests.evals.recorded import NOON, cases_of, results_of, started_of

_FILE = Path(__file__).parent / "data" / "junit.xml"


def test_every_testcase_that_another_parser_finds_is_there() -> None:
    suites, imported = JUnitXml.fromfile(str(_FILE)), read_results_file(_FILE)
    others = [case for suite in suites for case in suite]
    assert [case.id for case in imported.cases] == [f"{case.classname}.{case.name}" for case in others]
    assert [result.latency_ms for result in imported.results] == [1000 * case.time for case in others]
    assert Counter(result.status for result in imported.results) == {"passed": 2, "failed": 1, "errored": 2}


def test_failure_error_and_skip_are_told_apart_and_a_skip_is_errored() -> None:
    imported = read_results_file(_FILE)
    told = {result.case.partition(".")[2]: (result.status, result.error.splitlines()) for result in imported.results}
    assert told["test_error"][0] == told["test_skipped"][0] == "errored"
    assert told["test_error"][1][0] == 'failed on setup with "RuntimeError: provider away"'
    assert told["test_skipped"][1][0] == "skipped: no key here"
    failed = imported.results[1]
    assert [(score.scorer, score.passed, score.reason.splitlines()[0]) for score in failed.scores] == [
        ("junit", False, "AssertionError: expected delivery"),
    ]  # fmt: skip
    assert "test_triage.py:6: AssertionError" in failed.scores[0].reason
    assert imported.cases[4].metadata == {"owner": "support <team>"}


def test_what_a_test_printed_is_its_output(tmp_path: Path) -> None:
    path = tmp_path / "x.xml"
    path.write_text(
        '<testsuite><testcase name="a" time="1,234.5"><system-out>card</system-out></testcase>'
        '<testcase name="b" time="?"><failure type="Wrong"/><failure message="no">no</failure></testcase></testsuite>'
    )
    imported = read_results_file(path)
    assert imported.cases == (Case("a", None, source=Origin("junit")), Case("b", None, source=Origin("junit")))
    assert imported.results == (
        Result("a", 0, "passed", "card", (Score("junit", True, 1.0),), latency_ms=1_234_500.0),
        Result("b", 0, "failed", None, (Score("junit", False, 0.0, "Wrong\nno"),)),
    )


def test_what_our_own_reports_say_is_read_back() -> None:
    letters = {"a": "P", "b": "F", "c": "E"}
    version = Version("support-triage", 1, "1.0.0", "sha256:" + "ab" * 32, "", "", "ci", NOON, "", "")
    results = results_of(letters)
    keyed = {(case, 0): row[0] for case, row in results.items()}
    run = summarise(started_of(version, cases_of(*letters), 1), cases_of(*letters), keyed, finished_at=NOON).run
    imported = read_junit(Path("x.xml"), junit_xml(run, cases_of(*letters), results))
    assert {result.case: result.status for result in imported.results} == {
        "support-triage.a": "passed", "support-triage.b": "failed", "support-triage.c": "errored",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<testsuite>\n<testcase>\n</testsuite>", "x.xml:3: not XML: mismatched tag"),
        ("<html/>", "x.xml:1: <html> is not JUnit XML"),
        ("<testsuites/>", "x.xml: holds no results"),
        (
            '<!DOCTYPE x [<!ENTITY a "ha">]><testsuite><testcase name="&a;"/></testsuite>',
            "x.xml: has a document type",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_naming_the_place(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x.xml").write_text(text)
    with pytest.raises(BadInput, match=message):
        read_results_file(tmp_path / "x.xml")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"x\.xml: cannot be read: No such file or directory"):
        read_results_file(tmp_path / "x.xml")


def test_columns_are_for_promptfoo_alone() -> None:
    with pytest.raises(BadInput, match="--column is for files of promptfoo; this one is junit"):
        read_results_file(_FILE, column=1)
