"""eval: what it prints, records and exits with."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from agent_deploy.cli.evaluations import progress_line
from agent_deploy.evals.recording import read_set
from agent_deploy.evals.running.progress import Progress
from agent_deploy.operations.promote import promote
from agent_deploy.operations.register import register
from agent_deploy.operations.rollback import rollback
from registry.times import now
from tests.builders import WORKFLOW, add_version, source_of
from tests.commands import Answer, call, finish, start
from tests.evals.desk import Desk, case, echoes
from tests.evals.endpoint import Answer as Said
from tests.evals.endpoint import endpoint

pytestmark = pytest.mark.slow

_RUN = re.compile(r"run-[0-9a-f]{10}")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AGENT_DEPLOY_ACTOR", "ann")
    return Desk(tmp_path)


def evaluated(*words: str) -> Answer:
    return call(None, "eval", *words)


def test_json_has_the_keys_that_scripts_rely_on(desk: Desk) -> None:
    desk.write_cases([*echoes(3, right=2), case("odd", "raise nobody knows", "x")])
    answer = evaluated(f"{WORKFLOW}@1", "--tag", "nightly", "--max-error-rate", "1", "--json")
    (run,) = desk.runs()
    started = run.started
    document = answer.document
    assert answer.code == 0
    times = {name: document.pop(name) for name in ("started_at", "finished_at", "latency_ms")}
    assert times["started_at"] < times["finished_at"]
    assert 0 < times["latency_ms"]["p50"] <= times["latency_ms"]["p95"]
    assert document == {
        "run": started.id,
        "workflow": WORKFLOW,
        "version": 1,
        "digest": started.digest,
        "environment": "production",
        "agent": "agent:answer",
        "origin": "eval",
        "tag": "nightly",
        "actor": "ann",
        "repeats": 1,
        "eval_set": {"path": "evals/set.jsonl", "digest": started.set_digest, "cases": 4, "on_record": True},
        "cases": {"total": 4, "passed": 2, "failed": 1, "errored": 1},
        "pass_rate": 0.5,
        "interval": list(run.interval),
        "cost_usd": None,
        "judge_cost_usd": "0",
        "unpriced": [],
        "prices": run.prices,
        "tokens": None,
        "resumed": 0,
        "cached": 0,
        "spent_usd": "0",
        "errors": [{"message": "ValueError: nobody knows (agent.py:14 in answer)", "count": 1, "cases": ["odd"]}],
        "notes": document["notes"],
        "next": f"agent-deploy gate {WORKFLOW} --version 1 --env production",
    }
    assert (_RUN.fullmatch(started.id) is not None, "genai-prices" in run.prices) == (True, True)


def test_people_are_told_the_figures_what_failed_what_errored_and_what_to_type_next(desk: Desk) -> None:
    desk.write_cases([*echoes(40, right=28), case("odd", "raise nobody knows", "x")])
    answer = evaluated(f"{WORKFLOW}@1", "--max-error-rate", "0.05")
    run = desk.runs()[0].started.id
    told = [line for line in answer.out.splitlines() if "latency" not in line]
    digest = desk.runs()[0].started.set_digest[:19]
    assert told == [
        f"{WORKFLOW}@1 (1.0.0): 28 of 41 passed",
        f"  run        {run}",
        "  pass rate  68.3 % (53.0 to 80.4 %)",
        "  failed     12",
        "  errored    1",
        "  cost       unknown: the agent says nothing of its model calls",
        f"  eval set   evals/set.jsonl {digest}",
        f"  next       agent-deploy gate {WORKFLOW} --version 1 --env production",
        "",
        "failed",
        *(f"  c{n:03}  exact: expected 'else', got '{n}'" for n in range(28, 38)),
        "  … and 2 more",
        "",
        "errored",
        "  1 ×  ValueError: nobody knows (agent.py:14 in answer) (odd)",
    ]
    assert (answer.code, answer.err.splitlines()[0][:33]) == (0, "41 cases can show a change of 15.")


def test_every_repeat_is_on_record_and_so_is_the_set_as_it_was(desk: Desk) -> None:
    path = desk.write_cases(echoes(3))
    evaluated(f"{WORKFLOW}@2", "--repeats", "2")
    path.write_text("")
    (run,) = desk.runs()
    assert [(result.case, result.repeat, result.status) for result in desk.results(run)] == [
        (f"c{n:03}", repeat, "passed") for n in range(3) for repeat in range(2)
    ]
    assert [one.id for one in read_set(desk.registry, run.started).cases] == ["c000", "c001", "c002"]
    assert desk.journals() == []


@pytest.mark.parametrize(
    ("cases", "words", "code", "error"),
    [
        (echoes(4, right=2), [], 0, ""),
        (echoes(4, right=2), ["--fail-under", "0.5"], 0, ""),
        (echoes(4, right=2), ["--fail-under", "0.6"], 4, "error: the pass rate 50.0 % is under 60 %\n"),
        ([*echoes(3), case("odd", "raise x", "x")], [], 1,
         "error: 1 of 4 ended in an error, more than 2 % of them\n"),
        ([*echoes(3), case("odd", "raise x", "x")], ["--fail-under", "0.9"], 1,
         "error: 1 of 4 ended in an error, more than 2 % of them\n"),
        ([*echoes(3), case("odd", "raise x", "x")], ["--max-error-rate", "0.25"], 0, ""),
    ],
    ids=["whatever the scores", "at the rate", "under the rate", "errors", "errors first", "errors allowed"],
)  # fmt: skip
def test_the_exit_code_tells_a_complete_run_from_one_with_too_many_errors(
    desk: Desk, cases: Any, words: list[str], code: int, error: str
) -> None:
    desk.write_cases(cases)
    answer = evaluated(f"{WORKFLOW}@1", *words)
    told = answer.err.partition("\n")[2]
    assert (answer.code, told[: len(error)], bool(told)) == (code, error, bool(error))
    assert len(desk.runs()) == 1


def test_the_error_limit_is_the_gate_s_and_the_next_command_asks_the_same_again(desk: Desk) -> None:
    desk.write_cases([*echoes(3), case("odd", "raise x", "x")])
    assert evaluated(f"{WORKFLOW}@1").code == 1
    gate = f"[workflows.{WORKFLOW}.environments.staging.gate]\nmax_error_rate = 0.3\nmax_regression = false\n"
    desk.configure(gate, gated=True)
    answer = evaluated(f"{WORKFLOW}@1", "--env", "staging")
    assert answer.code == 0
    answer = evaluated(f"{WORKFLOW}@1", "--env", "production", "--json")
    assert (answer.code, answer.document["next"]) == (1, f"agent-deploy eval {WORKFLOW}@1 --env production")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], 2, "Give a version, like support-triage@42, or --resume RUN."),
        (["support-triage@9"], 3, "support-triage has no version 9; its newest is 2 (1.0.1)"),
        (["support-triage"], 2, "'support-triage' names no version"),
        (["support-triage@1", "--cases", "none.yaml"], 2, "none.yaml: cannot be read: No such file or directory"),
        (["support-triage@1", "--agent", "agent"], 2, "'agent' is no agent"),
        (["support-triage@1", "--agent", "agent:nothing"], 2, "agent 'agent:nothing' did not start"),
        (["support-triage@1", "--max-cost-usd", "none"], 2, "'none' is not an amount of US dollars above 0"),
        (["support-triage@1", "--max-cost-usd", "NaN"], 2, "'NaN' is not an amount of US dollars above 0"),
        (["support-triage@1", "--env", "Prod"], 2, "'Prod' is not an environment name"),
        (["--resume", "run-0000000000"], 3, "there is no run 'run-0000000000'"),
        (["--resume", "run-0000000000", "--agent", "x"], 2, "leave out --agent"),
        (["support-triage@1", "--resume", "run-0000000000"], 2, "leave out REF"),
        (["--resume", "run-0000000000", "--env", "staging"], 2, "leave out --env"),
    ],
)  # fmt: skip
def test_what_cannot_be_run_is_refused_before_anything_is_asked_or_recorded(
    desk: Desk, words: list[str], code: int, message: str
) -> None:
    desk.write_cases(echoes(2))
    answer = evaluated(*words, "--json")
    assert (answer.code, message in answer.document["error"]["message"]) == (code, True), answer.err
    assert (desk.asked(), desk.runs(), desk.journals()) == ([], [], [])


def test_a_cap_that_could_not_hold_is_refused_before_anything_is_asked(desk: Desk) -> None:
    desk.write_cases(echoes(2))
    models = {"default": {"provider": "openai", "name": "no-such-model"}}
    register(desk.registry, source_of("other\n", models=models), actor="ci")
    answer = evaluated(f"{WORKFLOW}@3", "--agent", "bundle", "--max-cost-usd", "1")
    assert (answer.code, answer.err.partition("\n")[2]) == (
        2,
        "error: model openai/no-such-model has no price: --max-cost-usd could not hold\n  Nothing was asked.\n"
        "  next: add a [[price]] for it to the file that `prices` names in agent-deploy.toml\n",
    )
    assert (desk.runs(), desk.journals()) == ([], [])


def test_a_workflow_without_an_eval_set_is_told_how_to_get_one(desk: Desk) -> None:
    (desk.folder / "agent-deploy.toml").write_text("")
    answer = evaluated(f"{WORKFLOW}@1")
    assert (answer.code, answer.err) == (
        2,
        f"error: there is no eval set for {WORKFLOW}: {desk.folder}/agent-deploy.toml names no 'cases' under "
        f"[workflows.{WORKFLOW}]\n  next: agent-deploy eval {WORKFLOW}@1 --cases evals/{WORKFLOW}.yaml\n",
    )


def test_a_set_other_than_the_workflow_s_own_is_not_on_record_and_no_gate_is_proposed(desk: Desk) -> None:
    desk.write_cases(echoes(2))
    desk.write_cases(echoes(3), "other.jsonl")
    document = evaluated(f"{WORKFLOW}@1", "--cases", "other.jsonl", "--json").document
    assert (document["eval_set"]["path"], document["eval_set"]["on_record"]) == ("other.jsonl", False)
    assert document["next"] == f"agent-deploy evals show {document['run']}"
    again = evaluated(f"{WORKFLOW}@1", "--cases", f"{desk.folder}/evals/set.jsonl", "--json").document
    assert again["eval_set"]["on_record"] is True


def test_a_run_with_another_agent_than_the_workflow_s_own_is_not_on_record(desk: Desk) -> None:
    desk.write_cases(echoes(2))
    (desk.folder / "right.py").write_text("def always(bundle, input):\n    return input\n")
    document = evaluated(f"{WORKFLOW}@1", "--agent", "right:always", "--json").document
    assert (document["agent"], document["eval_set"]["on_record"]) == ("right:always", False)
    (desk.folder / "right.py").write_text("def always(bundle, input):\n    raise ValueError\n")
    document = evaluated(f"{WORKFLOW}@1", "--agent", "right:always", "--json").document
    words = "--env production --cases evals/set.jsonl --agent right:always"
    assert document["next"] == f"agent-deploy eval {WORKFLOW}@1 {words}"


def test_the_baseline_s_missing_run_is_asked_for_by_its_very_command(desk: Desk) -> None:
    desk.write_cases([case("c0", "only 2", "2"), *echoes(2)])
    call(None, "promote", WORKFLOW, "--version", "1")
    document = evaluated(f"{WORKFLOW}@2", "--json").document
    command = f"agent-deploy eval {WORKFLOW}@1 --env production"
    assert document["next"] == f"{command}   # the gate compares with it"
    evaluated(*command.split()[2:])
    document = evaluated(f"{WORKFLOW}@2", "--json").document
    assert document["next"] == f"agent-deploy gate {WORKFLOW} --version 2 --env production"


def test_with_baseline_what_is_live_is_evaluated_first_and_only_when_its_run_is_missing(desk: Desk) -> None:
    desk.write_cases([case("c0", "only 2", "2")])
    call(None, "promote", WORKFLOW, "--version", "1")
    answer = evaluated(f"{WORKFLOW}@2", "--with-baseline", "--json")
    document = answer.document
    assert desk.asked() == ["1 only 2", "2 only 2"]
    assert (document["version"], document["pass_rate"]) == (2, 1.0)
    assert (document["baseline"]["version"], document["baseline"]["pass_rate"]) == (1, 0.0)
    assert document["next"] == f"agent-deploy gate {WORKFLOW} --version 2 --env production"
    assert f"first {WORKFLOW}@1, which is live in production\nnow {WORKFLOW}@2\n" in answer.err
    assert "baseline" not in evaluated(f"{WORKFLOW}@2", "--with-baseline", "--json").document
    assert [run.started.version for run in desk.runs()] == [2, 2, 1]


def test_in_the_middle_of_a_drill_the_baseline_is_what_comes_back_at_its_end(desk: Desk) -> None:
    desk.write_cases([case("c0", "only 2", "2")])
    add_version(desk.registry, 3)
    for number in ("1", "2"):
        promote(desk.registry, WORKFLOW, number, "production", actor="ann")
    until = now() + timedelta(hours=1)
    rollback(desk.registry, WORKFLOW, "production", actor="drill", to_version="1", revert_to=2, revert_at=until)
    document = evaluated(f"{WORKFLOW}@3", "--with-baseline", "--json").document
    assert document["baseline"]["version"] == 2
    assert document["next"] == f"agent-deploy gate {WORKFLOW} --version 3 --env production"


def test_that_no_outcome_could_pass_the_gate_is_said_before_anything_is_asked(desk: Desk) -> None:
    desk.write_cases(echoes(10))
    call(None, "promote", WORKFLOW, "--version", "1")
    desk.configure(gated=True)
    answer = evaluated(f"{WORKFLOW}@2", "--json")
    told = (
        "the gate of production could not pass it: 10 cases cannot show that a version is at most 5.0 points worse: "
        "one that loses none of them passes from 52 cases on"
    )
    assert told in answer.err.splitlines()
    assert told in answer.document["notes"]


def test_the_cap_stops_the_run_with_what_is_done_kept_and_a_higher_one_goes_on(desk: Desk) -> None:
    desk.write_cases([case(f"c{n}", f"dear {n}", str(n)) for n in range(10)])
    answer = evaluated(f"{WORKFLOW}@1", "--max-cost-usd", "1", "--json")  # 0.25 dollars a million tokens
    error = answer.document["error"]
    (journal,) = desk.journals()
    assert (answer.code, error["message"]) == (
        1,
        "stopped: 4 of 10 results kept; another question could exceed --max-cost-usd 1 ($1.0000 spent)",
    )
    assert error["next_command"] == f"agent-deploy eval --resume {journal.stem} --max-cost-usd 2"
    assert (len(desk.asked()), desk.runs()) == (4, [])
    document = evaluated("--resume", journal.stem, "--max-cost-usd", "3", "--json").document
    assert (document["cost_usd"], document["spent_usd"], document["resumed"], document["tokens"]["input"]) == (
        "2.500",
        "2.500",
        4,
        10_000_000,
    )
    assert len(desk.asked()) == 10


def test_a_cap_with_an_agent_that_says_nothing_of_its_calls_stops_at_the_first_answer(desk: Desk) -> None:
    desk.write_cases(echoes(10))
    answer = evaluated(f"{WORKFLOW}@1", "--max-cost-usd", "1")
    assert answer.code == 1
    assert "stopped: 1 of 10 results kept; what case 'c000' cost is unknown" in answer.err
    assert desk.asked() == ["1 say 0"]


def test_bad_agents_end_errored_and_the_run_completes(desk: Desk) -> None:
    desk.configure("timeout_s = 1\n")
    words = {"hang": "timeout", "die": "other", "raise": "other", "set": "parse_error"}
    desk.write_cases([*echoes(6), *(case(word, f"{word} x", "x") for word in words)])
    answer = evaluated(f"{WORKFLOW}@1", "--json")
    (run,) = desk.runs()
    assert (answer.code, run.passed, run.errored) == (1, 6, 4)
    kinds = {result.case: result.error_kind for result in desk.results(run) if result.status == "errored"}
    assert kinds == words


def test_a_report_and_junit_are_written_where_asked_for(desk: Desk) -> None:
    desk.write_cases(echoes(3, right=2))
    answer = evaluated(f"{WORKFLOW}@1", "--report", "markdown", "--junit", "junit.xml")
    assert (answer.code, answer.out.startswith(f"### {WORKFLOW}")) == (0, True)
    xml = (desk.folder / "junit.xml").read_text()
    assert (xml.count("<testcase"), xml.count("<failure")) == (3, 1)


def test_the_words_of_others_do_not_steer_the_terminal(desk: Desk) -> None:
    desk.write_cases([case("c0", "say \x1b[2Jgone", "x")])
    assert "\x1b" not in evaluated(f"{WORKFLOW}@1").out


def _completion(body: Any) -> Said:
    message = {"role": "assistant", "content": body["messages"][-1]["content"].upper()}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1_000_000, "completion_tokens": 0, "total_tokens": 1_000_000}
    return Said({"id": "1", "object": "chat.completion", "created": 1, "model": body["model"], "choices": [choice],
                 "usage": usage})  # fmt: skip


def test_a_bundle_s_kept_answers_are_not_asked_for_nor_paid_again(desk: Desk) -> None:
    desk.write_cases([case(f"c{n}", f"word {n}", f"WORD {n}") for n in range(3)])
    with endpoint(_completion) as server:
        models = {"default": {"provider": "openai", "name": "gpt-5-mini", "base_url": server.url}}
        register(desk.registry, source_of("You shout.\n", models=models), actor="ci")
        told = []
        for words in ([], [], ["--no-cache"]):
            document = evaluated(f"{WORKFLOW}@3", "--agent", "bundle", *words, "--json").document
            figures = [document[name] for name in ("pass_rate", "cost_usd", "spent_usd", "cached")]
            told.append((*figures, document["tokens"]["input"], len(server.asked)))
    assert told == [
        (1.0, "0.750", "0.750", 0, 3_000_000, 3),
        (1.0, "0.750", "0", 3, 3_000_000, 3),
        (1.0, "0.750", "0.750", 0, 3_000_000, 6),
    ]


def test_the_line_of_progress_says_how_far_it_is_what_it_cost_and_how_long_it_will_be() -> None:
    lines = [
        progress_line(Progress(300)),
        progress_line(Progress(300, 100, 18, 2, Decimal("0.0312"), 80.4)),
        progress_line(Progress(300, 1, 0, 0, left_s=7325)),
    ]
    assert lines == [
        "0/300  0 passed  0 failed  0 errored",
        "120/300  100 passed  18 failed  2 errored  $0.0312  1:20 left",
        "1/300  1 passed  0 failed  0 errored  2:02:05 left",
    ]


def test_two_runs_in_one_folder_do_not_disturb_each_other(desk: Desk) -> None:
    desk.write_cases(echoes(40))
    both = [start(None, "eval", f"{WORKFLOW}@{version}", "--json", NAP_S="0.02") for version in (1, 2)]
    answers = [finish(process) for process in both]
    assert [(answer.code, json.loads(answer.out)["cases"]["passed"]) for answer in answers] == [(0, 40), (0, 40)]
    assert sorted(run.started.version for run in desk.runs()) == [1, 2]
    assert len(desk.asked()) == 80
