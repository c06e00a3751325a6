"""evals calibrate: what is live against itself, and judges against people, both on record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from registry.evidence import list_evidence
from tests.builders import WORKFLOW
from tests.commands import Answer, call
from tests.evals.desk import Desk, case, echoes
from tests.evals.endpoint import Answer as Said
from tests.evals.endpoint import endpoint

pytestmark = pytest.mark.slow


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AGENT_DEPLOY_ACTOR", "ann")
    desk = Desk(tmp_path)
    desk.configure("concurrency = 1\n")  # it wavers by counting how often it was asked
    call(None, "promote", WORKFLOW, "--version", "2")
    return desk


def calibrated(*words: str) -> Answer:
    return call(None, "evals", "calibrate", WORKFLOW, *words)


def _evidence(desk: Desk, kind: str) -> list[dict[str, Any]]:
    with desk.registry.database.read() as connection:
        return [dict(record.body) for record in list_evidence(connection, WORKFLOW, kind=kind)]


def test_the_live_version_is_run_twice_over_and_how_often_it_wavers_is_recorded(desk: Desk) -> None:
    desk.write_cases([*echoes(8), case("odd", "waver x", "x"), case("wrong", "say y", "z")])
    answer = calibrated("--repeats", "2", "--json")
    (run,) = desk.runs()
    document = answer.document
    change = document.pop("detectable")
    assert (answer.code, document) == (
        0,
        {
            "workflow": WORKFLOW, "version": 2, "digest": run.started.digest, "run": run.started.id, "cases": 10,
            "repeats": 4, "flip_rate": pytest.approx(4 / 6 / 10), "flaky": ["odd"], "pass_rate": 34 / 40, "errored": 0,
        },
    )  # fmt: skip
    assert 0.6 < change < 0.7
    (body,) = _evidence(desk, "calibration")
    assert (body["run"], body["set_digest"], body["flaky"]) == (run.started.id, run.started.set_digest, ["odd"])
    assert (run.started.origin, len(desk.asked())) == ("calibrate", 40)


def test_people_are_told_what_is_noise_and_what_can_be_seen(desk: Desk) -> None:
    desk.write_cases([*echoes(39), case("odd", "waver x", "x")])
    answer = calibrated()
    assert answer.out.splitlines()[-3:] == [
        "  flip rate   2.5 % of the cases end otherwise when asked again",
        "  flaky       odd",
        "  detectable  a change of 17.6 points or more",
    ]


def test_a_run_with_repeats_that_is_on_record_needs_no_further_question(desk: Desk) -> None:
    desk.write_cases([*echoes(3), case("odd", "waver x", "x")])
    document = call(None, "eval", f"{WORKFLOW}@1", "--repeats", "2", "--json").document
    asked = desk.asked()
    answer = calibrated("--run", document["run"], "--json")
    assert (answer.document["flaky"], answer.document["version"], desk.asked()) == (["odd"], 1, asked)
    once = call(None, "eval", f"{WORKFLOW}@1", "--json").document["run"]
    answer = calibrated("--run", once)
    assert (answer.code, answer.err) == (
        2,
        f"error: {once} asked every case once: nothing in it can disagree\n"
        "  next: agent-deploy evals calibrate --help\n",
    )


def test_nothing_live_cannot_be_calibrated(desk: Desk) -> None:
    answer = calibrated("--env", "staging")
    assert (answer.code, "nothing of support-triage is live in staging" in answer.err) == (3, True)


def _judge_says(body: Any) -> Said:
    """Passes what says please, fails the rest, and has no word for poems."""
    text = str(body["messages"][-1]["content"])
    said = json.dumps({"verdict": "pass" if "please" in text else "fail", "reason": "asked for"})
    message = {"role": "assistant", "content": "It rhymes." if "poem" in text else said}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    return Said({"id": "1", "object": "chat.completion", "created": 1, "model": body["model"], "choices": [choice],
                 "usage": usage})  # fmt: skip


def test_a_judge_is_measured_by_labelled_outputs_and_the_gate_finds_it_by_its_rubric(desk: Desk) -> None:
    with endpoint(_judge_says) as server:
        judge = {
            "name": "judge", "value": "It is polite.", "provider": "openai", "model": "gpt-5-mini",
            "parameters": {"base_url": server.url},
        }  # fmt: skip
        desk.write_cases([case("c0", "say please", "x", scorers=[judge])])
        run = call(None, "eval", f"{WORKFLOW}@2", "--json").document["run"]
        outputs = [("please", "passed"), ("now", "failed"), ("please do", "failed"), ("a poem", "passed")]
        rows = [json.dumps({"output": output, "label": label}) for output, label in outputs]
        (desk.folder / "labels.jsonl").write_text("\n".join(rows))
        answer = calibrated("--judge", "labels.jsonl", "--json")
    (measured,) = answer.document["judges"]
    (body,) = _evidence(desk, "judge-calibration")
    (made,) = [one for one in desk.runs() if one.started.id == run]
    assert measured == {
        "judge": "judge", "digest": made.started.judges["judge"], "outputs": 4, "errored": 1, "agreement": 0.5,
        "sensitivity": 0.5, "specificity": 0.5,
    }  # fmt: skip
    assert body == {
        "judge": measured["digest"], "scorer": "judge", "n": 4, "errored": 1, "agreement": 0.5, "sensitivity": 0.5,
        "specificity": 0.5,
    }  # fmt: skip
    assert made.judge_cost_usd


def test_a_set_without_a_judge_has_nothing_to_measure(desk: Desk) -> None:
    desk.write_cases(echoes(1))
    (desk.folder / "labels.jsonl").write_text('{"output": "x", "label": "passed"}')
    answer = calibrated("--judge", "labels.jsonl")
    assert (answer.code, answer.err) == (
        2,
        "error: evals/set.jsonl: no scorer of the set is a judge\n  Nothing was judged.\n"
        "  next: agent-deploy evals calibrate --help\n",
    )
