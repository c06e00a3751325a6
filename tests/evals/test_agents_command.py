"""A program started for each case: JSON in, JSON out, and nothing of it left when it is over."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent_deploy.evals.ports import Question
from agent_deploy.evals.results import Reply
from registry.errors import BadInput
from tests.evals.asking import Asking, Told, running_in

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    assert running_in(tmp_path) == []


@pytest.fixture
def asking(folder: Path) -> Asking:
    """A shell that runs the case's input."""
    (folder / "run.py").write_text(
        "import json, subprocess, sys\nsys.exit(subprocess.run(json.load(sys.stdin)['input'], shell=True).returncode)\n"
    )
    return Asking(f"cmd: {sys.executable} run.py", folder, concurrency=2)


def test_it_reads_the_whole_request_and_its_answer_is_the_output(folder: Path) -> None:
    (folder / "echo.py").write_text("import json, sys\nprint(json.dumps({'output': json.load(sys.stdin)}))\n")
    (output,) = Asking(f"cmd: '{sys.executable}' echo.py", folder).outputs({"query": "x" * 200_000})
    assert (output["id"], output["input"], output["bundle"]["version"]) == ("case-0/0", {"query": "x" * 200_000}, 7)


def test_one_that_reads_nothing_may_answer_too(folder: Path) -> None:
    assert Asking("cmd: echo '{\"output\": [1]}'", folder).outputs("x" * 500_000) == [[1]]


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo gone wrong >&2; exit 3", Told("the agent's process ended (exit code 3: gone wrong)", retry=True)),
        ("kill -SEGV $PPID; sleep 60", Told("the agent's process ended (signal 11 (SIGSEGV))", retry=True)),
        ("true", Told("the agent's answer is empty: ", "parse_error")),
        ("echo '{\"output\": 1}{\"output\": 2}'", Told(
            "the agent's answer is not one JSON object (Extra data: line 1 column 14 (char 13)): "
            '{"output": 1}{"output": 2}', "parse_error")),
        ("yes", Told("the agent's answer is over 16 MB: " + ("y\n" * 100) + "…", "parse_error")),
        ("sleep 60", Told("no answer within 1.5 s", "timeout", True)),
        ("sleep 60 & echo '{\"error\": {\"message\": \"busy\", \"kind\": \"rate_limit\", \"retry\": true}}'",
         Told("busy", "rate_limit", True)),
    ],
    ids=["exit", "signal", "empty", "two", "flood", "hang", "told"],
)  # fmt: skip
def test_whatever_goes_wrong_costs_its_own_case(asking: Asking, script: str, told: Told) -> None:
    fine = 'echo \'{"output": "fine"}\''
    assert replace(asking, timeout_s=1.5).outputs(fine, script, fine) == ["fine", told, "fine"]


def test_one_that_takes_too_much_memory_is_told_so(folder: Path) -> None:
    (folder / "leak.py").write_text("kept = []\nwhile True: kept.append(b'x' * 4_000_000)\n")
    asking = Asking(f"cmd: {sys.executable} leak.py", folder, settings={"memory_limit_mb": 200})
    assert asking.outputs("a") == [Told("the agent's process ended (used more than 200 MB)")]


def test_what_it_writes_to_stderr_is_passed_on(asking: Asking) -> None:
    (reply,) = asking.ask("echo one >&2; echo two >&2; echo '{\"output\": null}'")
    assert isinstance(reply, Reply)
    assert (reply.output, asking.said) == (None, ["one", "two"])


def test_a_cancelled_question_ends_its_processes_at_once(asking: Asking, folder: Path) -> None:
    async def cancel() -> list[str]:
        agent = await asking.open()
        asked = asyncio.create_task(agent.answer(Question("a", 0, "sleep 300 & sleep 300")))
        async with asyncio.timeout(10):
            while len(running_in(folder)) < 3:
                await asyncio.sleep(0.01)
        asked.cancel()
        await asyncio.wait([asked])
        return running_in(folder)

    assert asyncio.run(cancel()) == []


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("cmd:", "agent 'cmd:' names no program"),
        ("cmd: triage --fast", "agent 'cmd: triage --fast': there is no program 'triage'"),
    ],
)
def test_a_program_that_is_not_there_is_refused_before_it_is_asked(folder: Path, spec: str, message: str) -> None:
    with pytest.raises(BadInput) as raised:
        Asking(spec, folder).ask("a")
    assert raised.value.message == message


def test_a_program_of_the_folder_is_found_from_anywhere(folder: Path) -> None:
    program = folder / "agent.sh"
    program.write_text(f"#!/bin/sh\necho '{json.dumps({'output': 'here'})}'\n")
    program.chmod(0o755)
    assert Asking("cmd: ./agent.sh", folder).outputs("a") == ["here"]
