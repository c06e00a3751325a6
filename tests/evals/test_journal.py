"""The journal of a run: written at once, whole or not at all, by one process at a time."""

from __future__ import annotations

import json
import os
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from agent_deploy.costs.usage import ModelCall, Usage
from agent_deploy.evals.errors import JournalFailed
from agent_deploy.evals.results import Result, Score, ToolCall, result_document
from agent_deploy.evals.running.journal import open_journal
from agent_deploy.telemetry.taxonomy import FAILURE_MODES
from registry.errors import Conflict, Damaged
from tests.evals.trying import numbered, started_of

RUN = started_of(numbered(3))
WHOLE = Result(
    "c0", 0, "failed", {"text": "één\n"}, (Score("exact", False, 0.0, "no"),), attempts=2, latency_ms=12.5,
    calls=(ModelCall("openai", "gpt-5-mini", Usage(100, 10, 50, 0, 5)),), tool_calls=(ToolCall("look", {"id": 1}),),
    cost_usd=Decimal("0.0000123"), judge_cost_usd=Decimal("0.01"), cached=True,
)  # fmt: skip
ERRORED = Result("c1", 0, "errored", error="no answer within 60 s", error_kind="timeout", attempts=3)


def _write(folder: Path, *results: Result) -> Path:
    with closing(open_journal(folder, RUN)) as journal:
        for result in results:
            journal.append(result)
        return journal.path


def _kept(folder: Path) -> list[Result]:
    with closing(open_journal(folder, RUN)) as journal:
        return list(journal.kept.values())


def test_what_was_appended_is_read_back_the_same(tmp_path: Path) -> None:
    _write(tmp_path / "runs", WHOLE, ERRORED)
    assert _kept(tmp_path / "runs") == [WHOLE, ERRORED]


def test_the_file_is_lines_of_json_the_first_of_which_says_which_run_it_is(tmp_path: Path) -> None:
    path = _write(tmp_path, ERRORED)
    first, second = [json.loads(line) for line in path.read_text().splitlines()]
    assert path.name == "run-0123456789.jsonl"
    assert first == {
        "run": RUN.id, "workflow": "support-triage", "version": 1, "digest": RUN.digest, "set_digest": RUN.set_digest,
        "repeats": 1, "agent": "fake",
    }  # fmt: skip
    assert (second["case"], second["status"]) == ("c1", "errored")


def test_a_result_is_in_the_file_before_append_returns(tmp_path: Path) -> None:
    with closing(open_journal(tmp_path, RUN)) as journal:
        journal.append(WHOLE)
        assert journal.path.read_text().count("\n") == 2


@pytest.mark.parametrize("mode", FAILURE_MODES)
def test_a_line_of_before_says_in_the_same_words_as_traces_why_there_was_no_answer(tmp_path: Path, mode: str) -> None:
    path = _write(tmp_path)
    line = f'{{"attempts":3,"case":"c1","error":"no","error_kind":"{mode}","repeat":0,"status":"errored"}}\n'
    with path.open("a") as file:
        file.write(line)
    (kept,) = _kept(tmp_path)
    assert kept == Result("c1", 0, "errored", error="no", error_kind=mode, attempts=3)  # type: ignore[arg-type]
    assert result_document(kept) == json.loads(line)


def test_the_last_result_of_a_case_and_repeat_counts(tmp_path: Path) -> None:
    better = Result("c1", 0, "passed", "1")
    _write(tmp_path, ERRORED, WHOLE, better)
    assert sorted(_kept(tmp_path), key=lambda result: result.case) == [WHOLE, better]


@pytest.mark.parametrize("torn", ['{"case": "c2", "rep', "", '{"case": "c2"}'])
def test_a_last_line_that_does_not_end_was_never_written_and_what_follows_stands_alone(
    tmp_path: Path, torn: str
) -> None:
    path = _write(tmp_path, WHOLE)
    path.write_text(path.read_text() + torn)
    later = Result("c2", 0, "passed", "2")
    _write(tmp_path, later)
    assert _kept(tmp_path) == [WHOLE, later]


def test_a_journal_torn_within_its_first_line_starts_anew(tmp_path: Path) -> None:
    path = _write(tmp_path)
    path.write_text(path.read_text()[:20])
    assert _kept(tmp_path) == []
    _write(tmp_path, WHOLE)
    assert _kept(tmp_path) == [WHOLE]


def test_a_line_that_is_no_result_is_named_and_nothing_is_guessed(tmp_path: Path) -> None:
    path = _write(tmp_path, WHOLE)
    path.write_text(path.read_text() + "nonsense\n")
    with pytest.raises(Damaged) as raised:
        open_journal(tmp_path, RUN)
    assert raised.value.message == f"{path}:3: not a result: Expecting value: line 1 column 1 (char 0)"
    assert raised.value.next_command == f"sed -i 3d {path}   # that result is then asked again"


@pytest.mark.parametrize("changes", [{"digest": "sha256:other"}, {"repeats": 2}, {"set_digest": "sha256:other"}])
def test_another_run_s_journal_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    path = _write(tmp_path, WHOLE)
    with pytest.raises(Damaged) as raised:
        open_journal(tmp_path, started_of(numbered(3), **changes))
    assert raised.value.message == f"{path}:1: not the journal of run-0123456789"


def test_one_process_at_a_time_holds_it(tmp_path: Path) -> None:
    with closing(open_journal(tmp_path, RUN)):
        with pytest.raises(Conflict) as raised:
            open_journal(tmp_path, RUN)
        assert raised.value.message == "run-0123456789 is running already, in another process on this machine"
    open_journal(tmp_path, RUN).close()


def test_once_removed_it_is_gone_and_let_go_of(tmp_path: Path) -> None:
    journal = open_journal(tmp_path, RUN)
    journal.append(WHOLE)
    journal.remove()
    journal.close()
    assert list(tmp_path.iterdir()) == []
    assert _kept(tmp_path) == []


def test_syncing_asks_the_disk_only_for_what_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    with closing(open_journal(tmp_path, RUN)) as journal:
        monkeypatch.setattr(os, "fsync", synced.append)
        counts = []
        for result in (WHOLE, None, ERRORED):
            if result:
                journal.append(result)
            journal.sync()
            counts.append(len(synced))
    assert counts == [1, 1, 2]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file where a folder has to be")
    with pytest.raises(JournalFailed) as raised:
        open_journal(tmp_path / "runs", RUN)
    assert raised.value.message == f"cannot write {tmp_path}/runs/run-0123456789.jsonl: File exists"
