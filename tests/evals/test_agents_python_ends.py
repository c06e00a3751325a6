"""A Python agent that ends, hangs or exhausts its process costs one case, and never the run."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from agent_deploy.evals.agents import channel as channels
from agent_deploy.evals.ports import Question
from agent_deploy.evals.results import Reply
from tests.evals.asking import Asking, Told, answered, running_in

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("exit", "the agent's process ended (exit code 3)"),
        ("exit0", "the agent's process ended (exit code 0)"),
        ("complain", "the agent's process ended (exit code 1: the disk is on fire)"),
        ("segfault", "the agent's process ended (signal 11 (SIGSEGV))"),
        ("child", "the agent's process ended (exit code 1)"),
    ],
)
def test_one_that_ends_its_process_is_found_among_many_and_the_others_are_answered(
    asking: Asking, text: str, message: str
) -> None:
    others = [f"sleep 0.0{number % 7}" for number in range(30)]
    answers = replace(asking, concurrency=16).outputs(*others[:13], text, *others[13:])
    assert answers == ["slept"] * 13 + [Told(message, retry=True)] + ["slept"] * 17


def test_several_poisonous_cases_are_each_found(asking: Asking) -> None:
    texts = ["exit" if number in (2, 3, 11) else f"{number}" for number in range(16)]
    told = Told("the agent's process ended (exit code 3)", retry=True)
    answers = replace(asking, concurrency=16).outputs(*texts)
    assert answers == [told if text == "exit" else text for text in texts]


def test_a_case_that_was_found_poisonous_once_is_asked_apart_from_then_on(asking: Asking) -> None:
    async def ask_twice() -> tuple[object, object]:
        agent = await asking.open()
        await answered(agent, Question("poison", 0, "exit"))
        first = await answered(agent, Question("fine", 0, "pid"))
        await answered(agent, Question("poison", 0, "exit"))
        second = await answered(agent, Question("fine", 0, "pid"))
        await agent.close()
        return first, second

    first, second = asyncio.run(ask_twice())
    assert isinstance(first, Reply)
    assert isinstance(second, Reply)
    assert first.output == second.output


@pytest.mark.parametrize("text", ["hang", "spin"])
def test_one_that_hangs_times_out_alone(asking: Asking, text: str) -> None:
    hurried = replace(asking, timeout_s=1.5, concurrency=4)
    assert hurried.outputs("a", text, "sleep 0.3", "b", "c", "d") == [
        "a", Told("no answer within 1.5 s", "timeout", True), "slept", "b", "c", "d",
    ]  # fmt: skip


def test_many_that_hang_take_no_longer_than_one(asking: Asking) -> None:
    hurried = replace(asking, timeout_s=1.0, concurrency=16)
    told = Told("no answer within 1 s", "timeout", True)

    async def timed() -> tuple[list[Reply | Told], float]:
        loop = asyncio.get_running_loop()
        agent = await hurried.open()
        started = loop.time()
        told = await asyncio.gather(*(answered(agent, Question(str(n), 0, "hang")) for n in range(16)))
        took = loop.time() - started
        await agent.close()
        return told, took

    answers, took_s = asyncio.run(timed())
    assert answers == [told] * 16
    assert took_s < 3


def test_one_that_stops_the_whole_interpreter_is_found_and_the_others_are_answered(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "PROBE_S", 0.5)
    hurried = replace(asking, timeout_s=1.5, concurrency=4)
    told = Told("no answer within 1.5 s", "timeout", True)
    assert hurried.outputs("sleep 0.2", "freeze", "sleep 0.2", "a") == ["slept", told, "slept", "a"]


@pytest.mark.parametrize("text", ["hang", "stubborn", "block"])
def test_an_async_one_that_hangs_times_out_alone(asking: Asking, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(channels, "PROBE_S", 1.0)
    hurried = replace(asking, spec="agent:awaits", timeout_s=1.0, concurrency=4)
    assert hurried.outputs("a", text, "b", "c") == ["a", Told("no answer within 1 s", "timeout", True), "b", "c"]


def test_an_async_one_that_cancels_itself_is_an_error(asking: Asking) -> None:
    (told,) = replace(asking, spec="agent:awaits").outputs("cancel")
    assert isinstance(told, Told)
    assert told.message.startswith("CancelledError:")


def test_one_that_takes_too_much_memory_is_told_so_and_the_others_are_answered(asking: Asking) -> None:
    limited = replace(asking, settings={"memory_limit_mb": 300}, concurrency=4)
    told = Told("the agent's process used more than 300 MB")
    assert limited.outputs("a", "leak", "sleep 0.1", "b") == ["a", told, "slept", "b"]


def test_a_cancelled_question_leaves_nothing_running_behind(asking: Asking, folder: Path) -> None:
    async def cancel() -> list[str]:
        agent = await asking.open()
        asked = asyncio.create_task(agent.answer(Question("a", 0, "hang")))
        await answered(agent, Question("b", 0, "b"))
        asked.cancel()
        await asyncio.wait([asked])
        async with asyncio.timeout(10):
            while running_in(folder):
                await asyncio.sleep(0.01)
        assert isinstance(await answered(agent, Question("c", 0, "c")), Reply)
        await agent.close()
        return running_in(folder)

    assert asyncio.run(cancel()) == []


def test_a_worker_whose_command_is_killed_ends_too(folder: Path) -> None:
    code = (
        "import asyncio, os, signal\n"
        "from pathlib import Path\n"
        "from agent_deploy.evals.ports import Question\n"
        "from tests.evals.asking import Asking\n"
        "async def main():\n"
        f"    agent = await Asking('agent:answer', Path({str(folder)!r})).open()\n"
        "    asyncio.create_task(agent.answer(Question('a', 0, 'spin')))\n"
        "    await agent.answer(Question('b', 0, 'b'))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], timeout=60, check=False, cwd=Path.cwd())
    assert done.returncode == -signal.SIGKILL

    async def gone() -> None:
        async with asyncio.timeout(10):
            while running_in(folder):
                await asyncio.sleep(0.01)

    asyncio.run(gone())
