"""An eval killed, interrupted, raced and starved of disk: what is done is kept, and not asked a second time."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from agent_deploy.operations.verify import verify
from tests.builders import WORKFLOW
from tests.commands import COMMAND, Answer, call, finish, run, start
from tests.evals.desk import Desk, case, echoes
from tests.faults.disks import SmallDisk, small_disk

pytestmark = pytest.mark.slow

CASES = 60
NAP = {"NAP_S": "0.02"}
REF = f"{WORKFLOW}@1"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.chdir(tmp_path)
    desk = Desk(tmp_path)
    desk.write_cases(echoes(CASES))
    return desk


def _results(journal: Path) -> list[str]:
    """The cases of the whole lines after the first."""
    lines = journal.read_text().splitlines(keepends=True)[1:]
    return [json.loads(line)["case"] for line in lines if line.endswith("\n")]


def _stopped_at(desk: Desk, results: int, stop: Callable[[subprocess.Popen[str]], None]) -> Answer:
    """An eval that is stopped once so many results are in its journal."""
    process = start(None, "eval", REF, "--json", **NAP)
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if desk.started() and any(len(_results(journal)) >= results for journal in desk.journals()):
            break
        time.sleep(0.002)  # to look again, not to wait for a moment
    stop(process)
    answer = finish(process)
    _wait_for_agents(desk)  # else its last words would be taken for those of the next one
    return answer


def _kill(process: subprocess.Popen[str]) -> None:
    process.kill()


def _assert_whole(desk: Desk, answer: Answer) -> None:
    """The run is complete: one result a case, and the registry is sound."""
    assert answer.code == 0, answer.err
    (run,) = desk.runs()
    assert Counter(result.case for result in desk.results(run)) == {f"c{n:03}": 1 for n in range(CASES)}
    assert (run.passed, run.started.id) == (CASES, answer.document["run"])
    assert verify(desk.registry).faults == []
    assert desk.journals() == []


@pytest.mark.parametrize("results", [0, 1, 20, CASES - 1])
def test_a_killed_run_goes_on_where_it_was_and_asks_nothing_twice_that_was_kept(desk: Desk, results: int) -> None:
    assert _stopped_at(desk, results, _kill).code == -signal.SIGKILL
    (journal,) = desk.journals()
    kept = _results(journal)
    asked = len(desk.asked())
    answer = run(None, "eval", "--resume", journal.stem, "--json")
    _assert_whole(desk, answer)
    assert answer.document["resumed"] == len(kept) >= results
    again = {f"c{int(line.split()[-1]):03}" for line in desk.asked()[asked:]}
    assert again == {f"c{n:03}" for n in range(CASES)} - set(kept)
    assert len(desk.asked()) - asked == CASES - len(kept)


def test_a_run_killed_again_and_again_at_any_moment_still_ends_with_one_result_a_case(desk: Desk) -> None:
    _stopped_at(desk, 3, _kill)
    (journal,) = desk.journals()
    chance = random.Random(1)
    for _ in range(5):
        process = start(None, "eval", "--resume", journal.stem, "--json", **NAP)
        time.sleep(chance.uniform(0.2, 1.0))  # not a wait for anything: this is the moment
        process.kill()
        finish(process)
        if not desk.journals():
            break
    answer = run(None, "eval", "--resume", journal.stem, "--json")
    assert answer.code == 0 or "is complete already" in answer.err
    (done,) = desk.runs()
    assert Counter(result.case for result in desk.results(done)) == {f"c{n:03}": 1 for n in range(CASES)}
    assert desk.journals() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_keeps_what_is_done_and_says_how_to_go_on(desk: Desk, number: signal.Signals) -> None:
    answer = _stopped_at(desk, 10, lambda process: process.send_signal(number))
    (journal,) = desk.journals()
    kept = len(_results(journal))
    error = answer.document["error"]
    assert (answer.code, error) == (
        130,
        {
            "exit_code": 130,
            "message": f"stopped: {kept} of {CASES} results kept",
            "unchanged": f"{journal.stem} is not complete, and no gate counts it.",
            "next_command": f"agent-deploy eval --resume {journal.stem}",
        },
    )
    assert ("Traceback" in answer.err, "never retrieved" in answer.err) == (False, False)
    assert _agents(desk) == []
    _assert_whole(desk, run(None, *error["next_command"].split()[1:], "--json"))


def test_nothing_of_the_agent_is_left_when_the_run_is_killed(desk: Desk) -> None:
    _stopped_at(desk, 5, _kill)
    assert _agents(desk) == []


def _wait_for_agents(desk: Desk) -> None:
    deadline = time.monotonic() + 10
    while _agents(desk) and time.monotonic() < deadline:
        time.sleep(0.01)  # it takes a worker a moment to see that its parent is gone


def _agents(desk: Desk) -> list[str]:
    """The processes that work in this folder, but for ourselves."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "cwd").readlink() == desk.folder and b"agents.worker" in (folder / "cmdline").read_bytes():
                found.append(folder.name)
        except OSError:
            continue
    return found


def test_what_errored_is_asked_again_by_a_resume(desk: Desk) -> None:
    desk.write_cases([case("odd", "raise once", "x"), *echoes(CASES - 1)])
    _stopped_at(desk, 30, _kill)
    (journal,) = desk.journals()
    kept = [name for name in _results(journal) if name != "odd"]
    answer = run(None, "eval", "--resume", journal.stem, "--json")
    assert answer.document["resumed"] == len(kept)
    assert [line for line in desk.asked() if "raise" in line] == ["1 raise once"] * 2


def test_a_set_edited_during_a_run_changes_nothing_of_the_run(desk: Desk) -> None:
    def edit_and_kill(process: subprocess.Popen[str]) -> None:
        desk.write_cases(echoes(3))
        process.kill()

    _stopped_at(desk, 10, edit_and_kill)
    (journal,) = desk.journals()
    answer = run(None, "eval", "--resume", journal.stem, "--json")
    _assert_whole(desk, answer)
    told = f"evals/set.jsonl has changed since {journal.stem} began; it goes on with the set as it was"
    assert told in answer.err.splitlines()


def test_a_run_without_its_journal_starts_from_nothing_and_says_so(desk: Desk) -> None:
    _stopped_at(desk, 10, _kill)
    (journal,) = desk.journals()
    journal.unlink()
    answer = run(None, "eval", "--resume", journal.stem, "--json")
    _assert_whole(desk, answer)
    assert answer.document["resumed"] == 0
    assert f"{journal.stem} has no journal on this machine: every case is asked again" in answer.err


def test_of_two_resumes_at_once_the_second_is_refused(desk: Desk) -> None:
    _stopped_at(desk, 5, _kill)
    (journal,) = desk.journals()
    held = len(_results(journal))
    first = start(None, "eval", "--resume", journal.stem, "--json", NAP_S="0.4")
    while len(_results(journal)) <= held:
        assert first.poll() is None
        time.sleep(0.005)  # until it is under way
    second = run(None, "eval", "--resume", journal.stem, "--json")
    assert (second.code, second.document["error"]["message"]) == (
        5,
        f"{journal.stem} is running already, in another process on this machine",
    )
    _assert_whole(desk, finish(first))


def test_a_complete_run_is_not_resumed_and_a_journal_that_a_kill_left_of_it_is_cleared(desk: Desk) -> None:
    done = run(None, "eval", REF, "--json").document["run"]
    left = desk.folder / ".agent-deploy" / "runs" / f"{done}.jsonl"
    left.write_text("{}\n")
    answer = call(None, "eval", "--resume", done)
    assert (answer.code, answer.err) == (
        2,
        f"error: {done} is complete already\n  next: agent-deploy evals show {done}\n",
    )
    assert not left.exists()


def test_a_full_disk_under_the_journal_stops_the_run_with_what_is_done_kept(tmp_path: Path, desk: Desk) -> None:
    with small_disk(tmp_path / "disk") as disk:
        _journals_on(disk, desk)
        desk.write_cases([case(f"c{n:03}", f"say {'x' * 20_000}{n}", "x") for n in range(CASES)])
        answer = call(None, "eval", REF, "--json")
        (journal,) = (disk.folder / "runs").glob("*.jsonl")
        kept = len(_results(journal))
        error = answer.document["error"]
        assert (answer.code, error["message"]) == (
            1,
            f"stopped: {kept} of {CASES} results kept; "
            f"cannot write {tmp_path}/.agent-deploy/runs/{journal.name}: No space left on device",
        )
        assert 10 < kept < CASES
        assert call(None, *error["next_command"].split()[1:]).code == 1  # there is no more room than before
        written = journal.read_bytes()
        runs = tmp_path / ".agent-deploy" / "runs"
        runs.unlink()
        runs.mkdir()
        (runs / journal.name).write_bytes(written)
        answer = call(None, *error["next_command"].split()[1:], "--json")
    assert (answer.code, answer.document["resumed"], answer.document["cases"]["total"]) == (0, kept, CASES)


def _journals_on(disk: SmallDisk, desk: Desk) -> None:
    (disk.folder / "runs").mkdir()
    (desk.folder / ".agent-deploy" / "runs").symlink_to(disk.folder / "runs")


def test_a_process_that_may_write_no_byte_asks_nothing_and_records_nothing(desk: Desk) -> None:
    limited = ["sh", "-c", 'ulimit -f 0 && exec "$@"', "sh", *COMMAND, "eval", REF]
    done = subprocess.run(limited, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert (desk.asked(), desk.runs()) == ([], [])
    assert run(None, "eval", REF, "--json").code == 0


def test_a_run_that_cannot_be_recorded_at_its_end_keeps_every_result(desk: Desk) -> None:
    blobs = desk.folder / ".agent-deploy" / "blobs"
    process = start(None, "eval", REF, "--json", **NAP)
    while not (desk.journals() and len(_results(desk.journals()[0])) > 5):
        assert process.poll() is None
        time.sleep(0.005)  # until it is under way
    (blobs / "sha256").rename(blobs / "away")
    (blobs / "sha256").write_text("a file where a folder has to be")
    answer = finish(process)
    (journal,) = desk.journals()
    assert answer.code == 1
    assert f"stopped: {CASES} of {CASES} results kept; " in answer.document["error"]["message"]
    (blobs / "sha256").unlink()
    (blobs / "away").rename(blobs / "sha256")
    asked = len(desk.asked())
    _assert_whole(desk, run(None, "eval", "--resume", journal.stem, "--json"))
    assert len(desk.asked()) == asked
