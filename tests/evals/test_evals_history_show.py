"""`evals history` and `evals show`: what is on record of a workflow's runs, and what came of each case."""

from __future__ import annotations

from pathlib import Path

import pytest
from junitparser import JUnitXml

from agent_deploy.evals.cases import Case, EvalSet
from agent_deploy.evals.recording import record_started
from agent_deploy.operations.show import find
from registry.blobs import blob_key
from registry.models import Version
from registry.registry import Registry
from tests.builders import WORKFLOW, add_version, open_registry
from tests.commands import call
from tests.evals.recorded import cases_of, record_run, started_of

_LETTERS = {"a": "PP", "b": "PF", "c": "EE", "d": "FF"}


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A registry with two versions, in the working directory."""
    monkeypatch.chdir(tmp_path)
    registry = open_registry(tmp_path)
    for number in (1, 2):
        add_version(registry, number)
    return registry


def _version(registry: Registry, number: int = 1) -> Version:
    return find(registry, f"{WORKFLOW}@{number}")


def test_history_is_newest_first_with_what_is_unfinished_and_how_to_go_on(registry: Registry) -> None:
    first = record_run(registry, _version(registry), 1, _LETTERS, tag="nightly")
    record_run(registry, _version(registry, 2), 2, {"a": "P"}, origin="import:promptfoo", on_record=False)
    record_started(registry, _version(registry, 2), started_of(_version(registry, 2), cases_of("a"), 3), cases_of("a"))
    digest, small = cases_of(*_LETTERS).digest[:19], cases_of("a").digest[:19]
    assert call(registry, "evals", "history", WORKFLOW).out == (
        "RUN             VERSION  ORIGIN            EVAL SET             CASES  PASSED   ERRORED  COST      P95     "
        "STARTED               BY  TAG\n"
        f"run-0000000003  2        eval              {small}  1      -        -        -         -       "
        "2026-11-24 12:03:00Z  ci\n"
        f"run-0000000002  2        import:promptfoo  {small}  1      100.0 %  0        $0.00010  100 ms  "
        "2026-11-24 12:02:00Z  ci\n"
        f"run-0000000001  1        eval              {digest}  4 × 2  37.5 %   2        $0.00060  101 ms  "
        "2026-11-24 12:01:00Z  ci  nightly\n"
        "run-0000000003 is running, or was stopped; to go on: agent-deploy eval --resume run-0000000003\n"
    )
    document = call(registry, "evals", "history", WORKFLOW, "--json").document
    assert [(run["run"], run["finished"], run["resume"]) for run in document["runs"]] == [
        ("run-0000000003", False, "agent-deploy eval --resume run-0000000003"), ("run-0000000002", True, ""),
        ("run-0000000001", True, ""),
    ]  # fmt: skip
    assert document["runs"][2] == {
        "run": "run-0000000001", "workflow": WORKFLOW, "version": 1, "digest": first.started.digest,
        "environment": "production", "agent": "triage:answer", "origin": "eval", "tag": "nightly", "actor": "ci",
        "started_at": "2026-11-24T12:01:00.000000Z", "repeats": 2,
        "eval_set": {"path": "set.yaml", "digest": cases_of(*_LETTERS).digest, "cases": 4, "on_record": True},
        "finished_at": "2026-11-24T12:01:30.000000Z",
        "cases": {"total": 8, "passed": 3, "failed": 3, "errored": 2}, "pass_rate": 0.375,
        "interval": list(first.interval), "cost_usd": "0.0006", "judge_cost_usd": "0", "unpriced": [],
        "prices": "genai-prices 0.2.3",
        "tokens": {"input": 600, "output": 60, "cache_read": 0, "cache_write": 0, "reasoning": 0},
        "latency_ms": {"p50": first.p50_ms, "p95": first.p95_ms}, "resumed": 0, "finished": True, "resume": "",
    }  # fmt: skip
    assert len(call(registry, "evals", "history", WORKFLOW, "--limit", "1", "--json").document["runs"]) == 1


def test_history_of_a_workflow_without_runs_says_what_to_type(registry: Registry) -> None:
    assert call(registry, "evals", "history", WORKFLOW).out == (
        "no run of support-triage is on record yet\n  next: agent-deploy eval support-triage@1\n"
    )
    assert call(registry, "evals", "history", "other").code == 3


def test_show_is_the_figures_then_every_case_and_repeat(registry: Registry) -> None:
    eval_set = EvalSet("set.yaml", (
        Case("a", "say a", expected="a", tags=("card",), critical=True),
        Case("b", "say b", expected="b", tags=("card",)),
    ))  # fmt: skip
    record_run(registry, _version(registry), 1, {"a": "PP", "b": "PF"}, {"b": "b\x1b[2J"}, eval_set=eval_set)
    assert call(registry, "evals", "show", "run-0000000001").out == (
        "run-0000000001: support-triage@1\n"
        "  pass rate  75.0 % of 4 (30.1 % to 95.4 %)\n"
        "  failed     1\n"
        "  cost       $0.00040\n"
        "  latency    p50 100 ms, p95 101 ms\n"
        f"  eval set   set.yaml {eval_set.digest[:19]}, 2 cases, each 2 times\n"
        "  agent      triage:answer\n"
        "  finished   2026-11-24 12:01:30Z by ci\n"
        "\n"
        "BY TAG  CASES  PASSED\n"
        "card    2      75.0 %\n"
        "\n"
        "a  critical  [card]\n"
        "  input     say a\n"
        "  expected  a\n"
        "  passed    a\n"
        "  passed    a\n"
        "\n"
        "b  flaky  [card]\n"
        "  input     say b\n"
        "  expected  b\n"
        "  passed    b [2J\n"
        "  failed    b [2J\n"
        "    why     exact: expected 'b', got 'b\\x1b[2J'\n"
    )


def test_show_can_be_of_the_cases_that_did_not_pass_or_of_one(registry: Registry) -> None:
    record_run(registry, _version(registry), 1, _LETTERS, {"a": "long " * 100})

    def shown(*words: str) -> list[str]:
        cases = call(registry, "evals", "show", "run-0000000001", *words, "--json").document["cases"]
        return [case["case"] for case in cases]

    assert (shown(), shown("--failed"), shown("--case", "a")) == (["a", "b", "c", "d"], ["b", "c", "d"], ["a"])
    assert "long " * 30 not in call(registry, "evals", "show", "run-0000000001").out
    assert "long " * 99 + "long\n" in call(registry, "evals", "show", "run-0000000001", "--case", "a").out
    answer = call(registry, "evals", "show", "run-0000000001", "--case", "aa")
    assert (answer.code, answer.err.splitlines()[0]) == (
        3, "error: run-0000000001 has no case 'aa'; did you mean 'a'?",
    )  # fmt: skip


def test_show_as_json_has_every_output_whole(registry: Registry) -> None:
    record_run(registry, _version(registry), 1, {"b": "PF"}, {"b": {"intent": "card"}})
    document = call(registry, "evals", "show", "run-0000000001", "--json").document
    call_ = {"provider": "openai", "model": "gpt-5-mini", "usage": {"input": 100, "output": 10}}
    same = {"output": {"intent": "card"}, "calls": [call_], "cost_usd": "0.0001"}
    assert (document["run"]["run"], document["slices"], document["flaky"]) == ("run-0000000001", [], ["b"])
    assert document["cases"] == [{
        "case": "b", "input": "say b", "expected": "b", "tags": [], "critical": False, "flaky": True,
        "results": [
            {"repeat": 0, "status": "passed", "scores": [{"scorer": "exact", "passed": True, "value": 1.0}],
             "latency_ms": 100.0, **same},
            {"repeat": 1, "status": "failed", "scores": [{
                "scorer": "exact", "passed": False, "value": 0.0, "reason": "expected 'b', got {'intent': 'card'}",
             }], "latency_ms": 101.0, **same},
        ],
    }]  # fmt: skip


def test_show_writes_reports_for_ci(registry: Registry, tmp_path: Path) -> None:
    record_run(registry, _version(registry), 1, _LETTERS)
    answer = call(registry, "evals", "show", "run-0000000001", "--report", "markdown", "--junit", "evals.xml")
    assert answer.out.startswith("### support-triage@1: 37.5 % passed\n")
    assert answer.err == "wrote evals.xml\n"
    printed = call(registry, "evals", "show", "run-0000000001", "--junit", "-").out
    assert printed == (tmp_path / "evals.xml").read_text()
    (suite,) = JUnitXml.fromstring(printed.encode())
    assert (suite.tests, suite.failures, suite.errors) == (4, 2, 1)
    both = call(registry, "evals", "show", "run-0000000001", "--junit", "-", "--json")
    assert (both.code, both.document["error"]["message"]) == (
        2, "Of --report, --junit - and --json, give one: each prints to stdout.",
    )  # fmt: skip


def test_show_of_a_run_that_is_not_complete_says_how_to_go_on(registry: Registry) -> None:
    record_started(registry, _version(registry), started_of(_version(registry), cases_of("a"), 1), cases_of("a"))
    for words in (["show"], ["export", "--in-toto"], ["rescore"]):
        answer = call(registry, "evals", *words, "run-0000000001")
        assert (answer.code, answer.out, answer.err) == (
            3, "",
            "error: run-0000000001 has no results yet: it is running, or was stopped\n"
            "  next: agent-deploy eval --resume run-0000000001\n",
        )  # fmt: skip


def test_a_run_whose_results_are_gone_is_damaged_not_empty(registry: Registry) -> None:
    run = record_run(registry, _version(registry), 1, {"a": "P"})
    registry.store.delete(blob_key(run.results))
    answer = call(registry, "evals", "show", "run-0000000001")
    assert (answer.code, answer.out) == (7, "")
    assert answer.err.endswith("  next: agent-deploy verify support-triage\n")
