"""Reports: Markdown that foreign text cannot break out of, JUnit XML and in-toto statements that others can read."""

from __future__ import annotations

import importlib
import json
import re
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from junitparser import Error, Failure, JUnitXml

from agent_deploy.evals.cases import Case, EvalSet
from agent_deploy.evals.comparing import Diff, Side, compare
from agent_deploy.evals.outcomes import Outcomes, decode_outcomes
from agent_deploy.evals.reports.github import MOST_LETTERS, code
from agent_deploy.evals.reports.in_toto import statement
from agent_deploy.evals.reports.junit import junit_xml
from agent_deploy.evals.reports.markdown import diff_report, run_report
from agent_deploy.evals.reports.wording import statuses
from agent_deploy.evals.results import Result, result_document
from agent_deploy.evals.running.summary import Summary, summarise
from agent_deploy.evals.stored import StoredResults
from agent_deploy.wording import shown
from registry.models import Version
from tests.evals.recorded import NOON, cases_of, results_of, started_of

_HOSTILE = "</code></details>|`@octocat` #1 **x** [a](http://b) <img src=x> \\| \x1b[31m\n$y$ :bug:"
_VERSION = Version("support-triage", 42, "1.4.0", "sha256:" + "ab" * 32, "", "", "ci", NOON, "", "")


def _summary(
    letters: dict[str, str], outputs: dict[str, Any] | None = None, eval_set: EvalSet | None = None, number: int = 1
) -> Summary:
    eval_set = eval_set or cases_of(*letters)
    started = started_of(_VERSION, eval_set, number, len(next(iter(letters.values()))))
    results = {(r.case, r.repeat): r for row in results_of(letters, outputs).values() for r in row}
    return summarise(started, eval_set, results, finished_at=started.started_at + timedelta(seconds=30))


def _outcomes(summary: Summary) -> Outcomes:
    return decode_outcomes(summary.outcomes)


def _diff(old: dict[str, str], new: dict[str, str], outputs: dict[str, Any] | None = None) -> Diff:
    runs = [_summary(old), _summary(new, outputs, number=2)]
    stored = [_stored(old), _stored(new, outputs)]
    sides = [Side(_outcomes(run), results) for run, results in zip(runs, stored, strict=True)]
    cases = {case.id: case for case in cases_of(*new).cases}
    return Diff(runs[0].run, runs[1].run, compare(sides[0], sides[1]), stored[0], stored[1], cases)


def _stored(letters: dict[str, str], outputs: dict[str, Any] | None = None) -> StoredResults:
    return StoredResults(result_document(result) for row in results_of(letters, outputs).values() for result in row)


def test_what_changed_is_a_table_worst_first_with_the_figures_above() -> None:
    report = diff_report(_diff({"a": "P", "b": "F", "c": "P"}, {"a": "F", "b": "P", "c": "P"}, {"c": "c!"}))
    assert (
        report
        == """\
### support-triage: 1 pass→fail, 1 fail→pass, of 3 cases

|  | support-triage@42 | support-triage@42 | change |
| --- | --- | --- | --- |
| pass rate | 66.7 % | 66.7 % | +0.0 points |
| passed | 2 of 3 | 2 of 3 |  |
| errored | 0 | 0 |  |
| cost a question | $0.00010 | $0.00010 | +0 % |
| latency p95 | 100 ms | 100 ms | +0 % |

<details open><summary>pass→fail: 1</summary>

| case | before | after | why |
| --- | --- | --- | --- |
| <code>a</code><br><code>say a</code> | passed: <code>a</code> | failed: <code>wrong</code> | \
<code>exact&#58; expected 'a', got 'wrong'</code> |

</details>

<details><summary>fail→pass: 1</summary>

| case | before | after | why |
| --- | --- | --- | --- |
| <code>b</code><br><code>say b</code> | failed: <code>wrong</code> | passed: <code>b</code> |  |

</details>

<details><summary>changed output: 1</summary>

| case | before | after | why |
| --- | --- | --- | --- |
| <code>c</code><br><code>say c</code> | passed: <code>c</code> | passed: <code>c&#33;</code> |  |

</details>

<sub>run-0000000001 → run-0000000002; whole outputs: \
<code>agent-deploy evals diff run-0000000001 run-0000000002 --json</code></sub>
"""
    )


def test_a_run_is_its_figures_and_the_cases_that_did_not_pass() -> None:
    letters = {"a": "PP", "b": "PF", "c": "EE"}
    summary = _summary(letters)
    report = run_report(summary.run, cases_of(*letters), _outcomes(summary), _stored(letters))
    assert (
        report
        == """\
### support-triage@42: 50.0 % passed

| passed | failed | errored | 95 % interval | cost | latency p95 |
| --- | --- | --- | --- | --- | --- |
| 3 of 6 | 1 | 2 | 16.1 % to 83.9 % | $0.00040 | 101 ms |

<details open><summary>not passed: 2</summary>

| case |  | expected | output | why |
| --- | --- | --- | --- | --- |
| <code>b</code> **flaky**<br><code>say b</code> | 1 of 2 passed | <code>b</code> | <code>wrong</code> | \
<code>exact&#58; expected 'b', got 'wrong'</code> |
| <code>c</code><br><code>say c</code> | errored | <code>c</code> | <code>-</code> | <code>503 from the model</code> |

</details>

<sub>run-0000000001; whole outputs: <code>agent-deploy evals show run-0000000001 --json</code></sub>
"""
    )


@given(st.text())
def test_foreign_text_is_shown_letter_by_letter_and_means_nothing(text: str) -> None:
    line = shown(text, 10_000)
    inside = code(line).removeprefix("<code>").removesuffix("</code>")
    assert unescape(inside) == line
    assert not set(re.sub(r"&#\d+;", "", inside)) & set("<>&|`*_[]()@#!~$\\\n")


def test_an_output_breaks_out_of_no_cell_and_calls_nobody() -> None:
    report = diff_report(_diff({"a": "P"}, {"a": "F"}, {"a": _HOSTILE}))
    (row,) = [line for line in report.splitlines() if line.startswith("| <code>a<")]
    assert len(row.split(" | ")) == 4
    assert "@octocat" not in report
    assert "<img" not in report
    assert report.count("<details") == report.count("</details>") == 1


def test_a_report_too_long_for_a_comment_is_cut_and_says_by_how_much() -> None:
    letters = {f"case-{number}": "P" for number in range(3000)}
    report = diff_report(_diff(letters, dict.fromkeys(letters, "F"), dict.fromkeys(letters, "wrong " * 100)))
    rows = report.count("\n| <code>case")
    assert len(report) <= MOST_LETTERS
    assert 0 < rows < 3000
    assert f"… and {3000 - rows:,} more." in report
    assert "<summary>pass→fail: 3,000</summary>" in report


def test_junit_tells_failures_from_errors_and_names_run_version_and_digest(tmp_path: Path) -> None:
    letters = {"a": "PP", "b": "PF", "c": "EE"}
    summary = _summary(letters)
    path = tmp_path / "evals.xml"
    path.write_bytes(junit_xml(summary.run, cases_of(*letters), _stored(letters)))
    (suite,) = JUnitXml.fromfile(str(path))
    assert (suite.name, suite.tests, suite.failures, suite.errors, suite.skipped, suite.time) == (
        "support-triage@42", 3, 1, 1, 0, 30.0,
    )  # fmt: skip
    properties = suite.properties()  # type: ignore[no-untyped-call]
    assert {found.name: found.value for found in properties} == {
        "run": "run-0000000001", "workflow": "support-triage", "version": "42", "digest": _VERSION.digest,
        "eval_set": cases_of(*letters).digest, "repeats": "2",
    }  # fmt: skip
    passed, failed, errored = list(suite)
    assert (passed.name, passed.result, passed.system_out, passed.time) == ("a", [], "a", 0.201)
    (failure,), (error,) = failed.result, errored.result
    assert (type(failure), failure.message) == (Failure, "1 of 2 repeats passed; exact: expected 'b', got 'wrong'")
    assert failure.text == "input: say b\nexpected: b\noutput: wrong\nreason: exact: expected 'b', got 'wrong'"
    assert (type(error), error.type, error.message) == (
        Error, "downstream_error", "0 of 2 repeats passed; 503 from the model",
    )  # fmt: skip


@given(st.text(), st.text(min_size=1))
def test_junit_is_well_formed_whatever_was_answered(output: str, error: str) -> None:
    eval_set = EvalSet("set.yaml", (Case("a\x00\x1b", output), Case("b", output)))
    results = {
        "a\x00\x1b": [Result("a\x00\x1b", 0, "passed", output)],
        "b": [Result("b", 0, "errored", output, error=error, error_kind="other")],
    }
    keyed = {(row[0].case, 0): row[0] for row in results.values()}
    summary = summarise(started_of(_VERSION, eval_set, 1), eval_set, keyed, finished_at=NOON)
    suites = JUnitXml.fromstring(junit_xml(summary.run, eval_set, results))
    assert [case.name for suite in suites for case in suite] == ["a��", "b"]


def test_a_statement_is_about_the_bundle_and_names_the_set_that_it_was_tried_on() -> None:
    letters = {"a": "PP", "b": "PF", "c": "EE", "d": "FF"}
    run = _summary(letters).run
    made = statement(run, _outcomes(_summary(letters)), url="https://ci.example/1")
    assert made == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "support-triage@42", "digest": {"sha256": "ab" * 32}}],
        "predicateType": "https://in-toto.io/attestation/test-result/v0.1",
        "predicate": {
            "result": "FAILED",
            "configuration": [{
                "name": "set.yaml",
                "digest": {"sha256": cases_of(*letters).digest.removeprefix("sha256:")},
                "annotations": {
                    "run": "run-0000000001", "agent": "triage:answer", "origin": "eval", "repeats": 2,
                    "passRate": 0.375, "results": run.results,
                },
            }],
            "url": "https://ci.example/1",
            "passedTests": ["a"],
            "warnedTests": ["b"],
            "failedTests": ["c", "d"],
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    ("letters", "critical", "fail_under", "result"),
    [
        (("PP", "PP"), (), None, "PASSED"), (("PP", "PP"), (), 1.0, "PASSED"), (("PP", "PF"), (), None, "WARNED"),
        (("PP", "FF"), (), None, "FAILED"), (("PP", "EE"), (), None, "FAILED"), (("PP", "FF"), (), 0.5, "WARNED"),
        (("PP", "FF"), (), 0.6, "FAILED"), (("PP", "PF"), (1,), None, "FAILED"), (("PP", "PF"), (1,), 0.5, "FAILED"),
    ],
)  # fmt: skip
def test_a_statement_passes_warns_or_fails_by_what_was_asked_for(
    letters: tuple[str, str], critical: tuple[int, ...], fail_under: float | None, result: str
) -> None:
    eval_set = EvalSet("set.yaml", tuple(Case(str(number), "x", critical=number in critical) for number in range(2)))
    summary = _summary({str(number): row for number, row in enumerate(letters)}, eval_set=eval_set)
    made = statement(summary.run, _outcomes(summary), fail_under=fail_under)
    assert made["predicate"]["result"] == result


def test_a_statement_is_what_the_specification_and_its_own_library_read() -> None:
    summary = _summary({"a": "P", "b": "F"})
    made = statement(summary.run, _outcomes(summary), url="https://ci.example/1")
    json_format = importlib.import_module("google.protobuf.json_format")
    v1, result = (
        importlib.import_module(f"in_toto_attestation.{name}")
        for name in ("v1.statement", "predicates.test_result.v0.test_result_pb2")
    )
    # The generated classes call the field `type`; the specification's JSON has `_type`.
    whole = {**made, "type": made["_type"]}
    del whole["_type"]
    message = json_format.ParseDict(whole, v1.Statement([], "", {}).pb)
    v1.Statement.copy_from_pb(message).validate()
    parsed = json_format.ParseDict(made["predicate"], result.TestResult())
    assert (parsed.result, list(parsed.passed_tests), list(parsed.failed_tests), parsed.url) == (
        "FAILED", ["a"], ["b"], "https://ci.example/1",
    )  # fmt: skip
    assert parsed.configuration[0].digest["sha256"] == made["predicate"]["configuration"][0]["digest"]["sha256"]
    assert json.loads(json.dumps(made)) == made


def test_repeats_are_told_by_what_came_of_each() -> None:
    assert [statuses("PP"), statuses("PFE"), statuses("E")] == ["passed", "1 of 3 passed, 1 errored", "errored"]
