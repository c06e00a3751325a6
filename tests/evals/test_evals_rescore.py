"""`evals rescore`: answers on record judged by today's scorers, the agent left alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from agent_deploy.evals.cases import Case, EvalSet
from agent_deploy.evals.reading import read_eval_set
from agent_deploy.evals.recording import read_results, read_set, record_finished, record_started
from agent_deploy.evals.results import Result
from agent_deploy.evals.running.summary import summarise
from agent_deploy.evals.runs import Run
from agent_deploy.operations.evals.show import finished_run
from agent_deploy.operations.show import find
from registry.registry import Registry
from tests.builders import WORKFLOW, add_version, open_registry
from tests.commands import Answer, call
from tests.evals.recorded import cases_of, record_run, result_of, started_of


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A registry with a version, in the working directory."""
    monkeypatch.chdir(tmp_path)
    registry = open_registry(tmp_path)
    add_version(registry)
    return registry


def _record(registry: Registry, letters: Mapping[str, str], outputs: Mapping[str, Any] | None = None) -> Run:
    return record_run(registry, find(registry, f"{WORKFLOW}@1"), 1, letters, outputs)


def _write_set(*cases: Mapping[str, Any]) -> None:
    Path("set.json").write_text(json.dumps(list(cases)))


def _case(id_: str, **fields: Any) -> dict[str, Any]:
    return {"id": id_, "input": f"say {id_}", "expected": id_, **fields}


def _rescore(registry: Registry, *words: str) -> Answer:
    return call(registry, "evals", "rescore", "run-0000000001", "--cases", "set.json", *words)


def _results(registry: Registry, answer: Answer) -> list[Result]:
    return list(read_results(registry, finished_run(registry, answer.document["run"])))


def test_answers_are_judged_anew_and_the_agents_figures_stay(registry: Registry) -> None:
    before = _record(registry, {"a": "PF", "b": "FF"}, {"b": "the answer is B"})
    _write_set(_case("a"), _case("b", scorers=[{"contains": {"value": "b", "ignore_case": True}}]))
    answer = _rescore(registry, "--json")
    assert (answer.code, answer.err) == (0, "")
    results = _results(registry, answer)
    told = [(r.case, r.repeat, r.status, r.output, [score.scorer for score in r.scores]) for r in results]
    assert told == [
        ("a", 0, "passed", "a", ["exact"]), ("a", 1, "failed", "wrong", ["exact"]),
        ("b", 0, "passed", "the answer is B", ["contains"]), ("b", 1, "passed", "the answer is B", ["contains"]),
    ]  # fmt: skip
    then = list(read_results(registry, before))
    assert [(r.cost_usd, r.latency_ms, r.calls) for r in results] == [(r.cost_usd, r.latency_ms, r.calls) for r in then]
    run = finished_run(registry, answer.document["run"])
    assert (answer.document["rescored"], run.started.origin, run.started.set_digest, run.started.agent) == (
        "run-0000000001", "rescore:run-0000000001", read_eval_set(Path("set.json")).digest, "triage:answer",
    )  # fmt: skip
    assert (run.passed, run.failed, run.prices, run.p95_ms) == (3, 1, before.prices, before.p95_ms)
    assert read_set(registry, run.started).cases == read_eval_set(Path("set.json")).cases


def test_rescore_says_what_became_of_it_and_what_to_type(registry: Registry) -> None:
    _record(registry, {"a": "F"}, {"a": "A"})
    _write_set(_case("a", scorers=[{"exact": {"ignore_case": True}}]))
    answer = _rescore(registry)
    id_ = call(registry, "evals", "history", WORKFLOW, "--json").document["runs"][0]["run"]
    assert answer.out == (
        "rescored run-0000000001 of support-triage@1\n"
        f"  run     {id_}\n"
        "  passed  0 of 1 → 1 of 1 (100.0 %)\n"
        f"  next    agent-deploy evals diff run-0000000001 {id_}\n"
    )


def test_what_was_never_answered_stays_errored_and_what_was_never_judged_is_judged(registry: Registry) -> None:
    version, eval_set = find(registry, f"{WORKFLOW}@1"), cases_of("a", "b")
    unjudged = Result("b", 0, "errored", "b", error="the judge answered prose", error_kind="parse_error")
    results = {("a", 0): result_of("a", 0, "E"), ("b", 0): unjudged}
    started = started_of(version, eval_set, 1)
    summary = summarise(started, eval_set, results, finished_at=started.started_at)
    record_started(registry, version, started, eval_set)
    record_finished(registry, version, summary.run, summary.outcomes, summary.results)
    _write_set(_case("a"), _case("b"))
    told = [(r.status, r.error, r.error_kind, r.attempts) for r in _results(registry, _rescore(registry, "--json"))]
    assert told == [("errored", "503 from the model", "downstream_error", 3), ("passed", "", None, 1)]


def test_cases_that_are_gone_from_the_set_are_left_out(registry: Registry) -> None:
    _record(registry, {"a": "P", "gone": "F"})
    _write_set(_case("a"))
    assert _rescore(registry, "--json").document["cases"] == {"total": 1, "passed": 1, "failed": 0, "errored": 0}


def test_a_set_with_cases_that_have_no_answer_is_refused_and_nothing_is_recorded(registry: Registry) -> None:
    _record(registry, {"a": "P", "b": "P"})
    _write_set(_case("a"), {"id": "b", "input": "say it otherwise", "expected": "b"}, _case("c"))
    answer = _rescore(registry)
    assert (answer.code, answer.out, answer.err) == (
        2, "",
        "error: run-0000000001 holds no answer to 2 cases of set.json, for they are new or ask otherwise: 'b', 'c'\n"
        "  Nothing was scored.\n"
        "  next: agent-deploy eval support-triage@1\n",
    )  # fmt: skip
    assert len(call(registry, "evals", "history", WORKFLOW, "--json").document["runs"]) == 1


def test_a_bad_scorer_is_refused_and_nothing_is_recorded(registry: Registry) -> None:
    _record(registry, {"a": "P"})
    _write_set(_case("a", scorers=["exactly"]))
    answer = _rescore(registry)
    assert (answer.code, "unknown scorer 'exactly'; did you mean 'exact'?" in answer.err) == (2, True)
    assert len(call(registry, "evals", "history", WORKFLOW, "--json").document["runs"]) == 1


def test_the_configurations_set_is_the_default_and_counts_for_the_gate(registry: Registry) -> None:
    _record(registry, {"a": "P"})
    _write_set(_case("a"))
    Path("agent-deploy.toml").write_text(f'[workflows.{WORKFLOW}]\ncases = "set.json"\n')
    done = call(None, "evals", "rescore", "run-0000000001", "--json").document
    assert done["eval_set"] == {
        "path": "set.json", "digest": read_eval_set(Path("set.json")).digest, "cases": 1, "on_record": True,
    }  # fmt: skip


def test_imported_answers_keep_the_cost_that_their_file_named(registry: Registry) -> None:
    version = find(registry, f"{WORKFLOW}@1")
    eval_set = EvalSet("x.json", (Case("a", "say a"),))
    named = replace(result_of("a", 0, "P"), cost_usd=Decimal("0.07"))
    started = started_of(version, eval_set, 1, origin="import:promptfoo", agent="import:promptfoo", on_record=False)
    summary = summarise(started, eval_set, {("a", 0): named}, finished_at=started.started_at)
    record_started(registry, version, started, eval_set)
    record_finished(registry, version, summary.run, summary.outcomes, summary.results)
    _write_set(_case("a"))
    document = _rescore(registry, "--json").document
    assert (document["cost_usd"], document["prices"], document["cases"]["passed"]) == ("0.07", "", 1)
