"""Inspect's logs, as Inspect wrote them: counted on both sides; `.eval` through Inspect's own reader."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import venv
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from agent_deploy.costs.usage import ModelCall, Usage
from agent_deploy.evals.cases import Case, Origin, ScorerSpec
from agent_deploy.evals.importing import read_results_file
from agent_deploy.evals.importing.arranging import Imported
from agent_deploy.evals.results import Result, Score, ToolCall
from registry.errors import BadInput

_DATA = Path(__file__).parent / "data"
_VERSION = "inspect-ai==0.3.285"
_CALL = ModelCall("mockllm", "model", Usage(input=31, output=3, cache_read=8, cache_write=2, reasoning=1))


def _log(change: Callable[[dict[str, Any]], object] = lambda _: None) -> dict[str, Any]:
    log: dict[str, Any] = json.loads((_DATA / "inspect.json").read_bytes())
    change(log)
    return log


def _file(path: Path, log: dict[str, Any]) -> Path:
    path.write_text(json.dumps(log))
    return path


def _sample(**fields: Any) -> dict[str, Any]:
    return {"eval": {}, "samples": [{"id": "x", "epoch": 1, "input": "x", "target": "", **fields}]}


def _timeless(imported: Imported) -> Imported:
    return replace(imported, results=tuple(replace(result, latency_ms=0.0) for result in imported.results))


def test_every_sample_of_every_epoch_is_a_result_with_its_figures() -> None:
    samples, imported = _log()["samples"], read_results_file(_DATA / "inspect.json")
    assert (imported.tool, len(imported.cases), imported.repeats, len(imported.results)) == ("inspect", 5, 2, 10)
    assert Counter((r.case, r.repeat, r.output) for r in imported.results) == Counter(
        (str(s["id"]), s["epoch"] - 1, s["output"]["completion"] or None) for s in samples
    )
    assert {(r.case, r.repeat): r.latency_ms for r in imported.results} == {
        (str(s["id"]), s["epoch"] - 1): 1000 * s["working_time"] for s in samples
    }
    assert Counter(r.status for r in imported.results) == {"passed": 4, "failed": 4, "errored": 2}
    used = [usage for s in samples for usage in s["model_usage"].values()]
    tokens = sum((r.usage or Usage() for r in imported.results), Usage())
    names = ("input_tokens", "input_tokens_cache_read", "input_tokens_cache_write")
    assert tokens.input == sum(usage[name] for usage in used for name in names)
    assert (tokens.output, tokens.reasoning) == (
        sum(usage["output_tokens"] for usage in used), sum(usage["reasoning_tokens"] for usage in used),
    )  # fmt: skip
    costs = [r.cost_usd for r in imported.results if r.cost_usd is not None]
    assert sum(costs) == sum(Decimal(str(usage["total_cost"])) for usage in used)
    assert sum(len(r.scores) for r in imported.results) == sum(len(s["scores"]) for s in samples)


def test_a_sample_is_a_case_and_its_epochs_are_repeats() -> None:
    imported = read_results_file(_DATA / "inspect.json")
    cases = {case.id: case for case in imported.cases}
    assert cases["stolen"] == Case(
        "stolen", "My card was stolen", expected="card", source=Origin("inspect"), metadata={"source": "TICKET-1"}
    )
    assert cases["2"] == Case(
        "2", "Where is my parcel?", source=Origin("inspect"),
        scorers=(ScorerSpec("one_of", {"value": ["delivery", "parcel"]}),),
    )  # fmt: skip
    assert [_timeless(imported).results[index] for index in range(8, 10)] == [
        Result(
            "unicode", repeat, "failed", "other",
            (Score("includes", False, 0.0, "graded I; answer other; other"), Score("brevity", True, 1.0, "5 letters")),
            calls=(_CALL,), cost_usd=Decimal("0.00012"),
        )
        for repeat in (0, 1)
    ]  # fmt: skip


def test_a_sample_that_failed_is_errored_with_what_it_said() -> None:
    away = [result for result in read_results_file(_DATA / "inspect.json").results if result.case == "away"]
    assert [(r.status, r.error, r.error_kind, r.output, r.scores, r.cost_usd) for r in away] == 2 * [
        ("errored", "RuntimeError('provider away: 503')", "other", None, (), None)
    ]


@pytest.mark.parametrize(
    ("value", "passed", "graded"),
    [
        ("C", True, 1.0), ("I", False, 0.0), ("P", False, 0.5), ("N", False, 0.0), (True, True, 1.0), (0.8, False, 0.8),
        (1, True, 1.0), ("YES", True, 1.0), ("0.5", False, 0.5), ("sublime", False, 0.0), (None, False, 0.0),
    ],
)  # fmt: skip
def test_a_score_is_read_as_inspect_reads_it_and_passes_at_one(
    tmp_path: Path, value: object, passed: bool, graded: float
) -> None:
    (result,) = read_results_file(_file(tmp_path / "x.json", _sample(scores={"s": {"value": value}}))).results
    assert [(score.scorer, score.passed, score.value) for score in result.scores] == [("s", passed, graded)]
    assert result.status == ("passed" if passed else "failed")


def test_a_score_of_several_values_is_several_scores(tmp_path: Path) -> None:
    given = {"a": {"value": {"right": "C", "kind": 0.5}}, "b": {"value": ["C", "I"]}}
    (result,) = read_results_file(_file(tmp_path / "x.json", _sample(scores=given))).results
    assert [(score.scorer, score.value) for score in result.scores] == [
        ("a.right", 1.0), ("a.kind", 0.5), ("b.0", 1.0), ("b.1", 0.0),
    ]  # fmt: skip


def test_what_nobody_scored_is_errored_not_passed(tmp_path: Path) -> None:
    (result,) = read_results_file(_file(tmp_path / "x.json", _sample())).results
    assert (result.status, result.error) == ("errored", "the log holds no score of it")


def test_content_in_parts_tool_calls_and_retries_are_kept(tmp_path: Path) -> None:
    message = {
        "content": [{"type": "text", "text": "one "}, {"type": "image", "image": "…"}, {"type": "text", "text": "two"}],
        "tool_calls": [{"function": "lookup", "arguments": {"id": 7}}],
    }
    log = _sample(
        scores={"s": {"value": "C"}}, output={"choices": [{"message": message}]}, error_retries=[{}, {}],
        choices=["a", "b"], model_usage={"local": {"input_tokens": 1}},
    )  # fmt: skip
    imported = read_results_file(_file(tmp_path / "x.json", log))
    assert imported.cases[0].metadata == {"choices": ["a", "b"]}
    (result,) = imported.results
    assert (result.output, result.tool_calls, result.attempts, result.calls, result.cost_usd) == (
        "one two", (ToolCall("lookup", {"id": 7}),), 3, (ModelCall("", "local", Usage(input=1)),), None,
    )  # fmt: skip


def test_a_log_that_lacks_samples_or_epochs_is_refused(tmp_path: Path) -> None:
    def cut(log: dict[str, Any]) -> None:
        log["status"] = "cancelled"
        log["samples"] = [s for s in log["samples"] if s["id"] != "away" and (s["id"], s["epoch"]) != (2, 2)]

    with pytest.raises(BadInput) as caught:
        read_results_file(_file(tmp_path / "x.json", _log(cut)))
    assert (caught.value.message, caught.value.next_command) == (
        f"{tmp_path}/x.json: the log (cancelled) lacks 2 of 5 samples, or epochs of them: 2, away",
        f"inspect eval-retry {tmp_path}/x.json",
    )


def test_without_inspect_an_eval_log_is_refused_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(BadInput, match="which is not installed") as caught:
        read_results_file(_DATA / "inspect.eval")
    assert caught.value.next_command.startswith("pip install inspect-ai ")


def test_what_inspect_says_of_a_log_that_it_cannot_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "inspect").write_text("#!/bin/sh\necho 'not a log' >&2\nexit 3\n")
    (tmp_path / "inspect").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.defpath}")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "elsewhere" / "python"))
    with pytest.raises(BadInput, match=r"inspect log dump could not read it: not a log$"):
        read_results_file(_DATA / "inspect.eval")


@pytest.fixture(scope="module")
def inspect() -> Path:
    """The folder of Inspect's commands, installed apart from us: it wants another botocore than boto3 does."""
    home = Path(sys.prefix) / "inspect-ai"
    home.mkdir(exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / _VERSION).exists():
            venv.create(home, with_pip=True)
            subprocess.run([home / "bin/python", "-m", "pip", "install", "--quiet", _VERSION], check=True)
            (home / _VERSION).touch()
    return home / "bin"


@pytest.mark.slow
def test_an_eval_log_says_the_same_as_its_json(inspect: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{inspect}:{os.defpath}")
    both = [read_results_file(_DATA / name) for name in ("inspect.eval", "inspect.json")]
    assert _timeless(both[0]) == _timeless(both[1])


@pytest.mark.slow
@pytest.mark.parametrize("log_format", ["eval", "json"])
def test_a_log_that_inspect_writes_now_is_read(
    inspect: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, log_format: str
) -> None:
    monkeypatch.setenv("PATH", f"{inspect}:{os.defpath}")
    shutil.copy(_DATA / "sources" / "inspect_task.py.txt", tmp_path / "task.py")
    words = ["inspect", "eval", "task.py", "--log-format", log_format, "--log-dir", "logs", "--display", "none"]
    subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
    (log,) = (tmp_path / "logs").glob(f"*.{log_format}")
    assert _timeless(read_results_file(log)) == _timeless(read_results_file(_DATA / "inspect.json"))
