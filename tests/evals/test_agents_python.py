"""A Python agent runs in a worker process: whatever it does to itself costs one case, and never the run."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent_deploy.costs.usage import ModelCall, Usage
from agent_deploy.evals.agents import channel as channels
from agent_deploy.evals.agents import open_agent
from agent_deploy.evals.ports import Question
from agent_deploy.evals.results import Reply, ToolCall
from registry.errors import BadInput
from tests.evals.asking import Asking, Told, answered, bundle_of, running_in

pytestmark = pytest.mark.slow

_AGENT = """
import asyncio, ctypes, os, subprocess, sys, threading, time
from agent_deploy.evals import CaseError, ModelCall, Reply, ToolCall, Usage

async def quick(bundle, text):
    return text.upper()

def answer(bundle, text):
    word, _, rest = str(text).partition(" ")
    return globals().get("do_" + word, lambda rest: text)(rest)

def do_exit(rest): os._exit(3)
def do_exit0(rest): os._exit(0)
def do_complain(rest):
    print("the disk is on fire", file=sys.stderr, flush=True)
    os._exit(1)
def do_segfault(rest): ctypes.string_at(0)
def do_print(rest):
    print("{} and more")
    os.write(1, b"straight to the pipe\\n")
    return rest
def do_raise(rest): raise ValueError(f"cannot read {rest}")
def do_quit(rest): sys.exit(rest)
def do_set(rest): return {1, 2}
def do_nan(rest): return float("nan")
def do_half(rest): return "\\ud800"
def do_hang(rest): threading.Event().wait()
def do_spin(rest):
    while True: pass
def do_freeze(rest): ctypes.PyDLL(None).sleep(600)
def do_leak(rest):
    kept = []
    while True: kept.append(b"x" * 4_000_000)
def do_sleep(rest):
    time.sleep(float(rest))
    return "slept"
def do_child(rest):
    subprocess.Popen(["sleep", "300"])
    os._exit(1)
def do_pid(rest): return os.getpid()
def do_status(rest):
    error = RuntimeError("refused")
    error.status_code = int(rest)
    raise error
def do_timeout(rest): raise TimeoutError("too slow")
def do_busy(rest): raise CaseError("busy", kind="rate_limit", retry=True, retry_after_s=7.0)
def do_whole(rest):
    calls = (ModelCall("openai", "gpt-5-mini", Usage(10, 2, cache_read=4)),)
    return Reply({"intent": rest}, calls, (ToolCall("refund", {"amount": 1}),), 5.5)

def described(bundle, text):
    return [type(bundle).__module__, bundle.version, bundle.tag, bundle.prompt("system").render(), bundle.model().name]

async def awaits(bundle, text):
    if text == "hang": await asyncio.sleep(600)
    if text == "stubborn":
        while True:
            try: await asyncio.sleep(600)
            except asyncio.CancelledError: pass
    if text == "block": time.sleep(600)
    if text == "cancel": raise asyncio.CancelledError
    await asyncio.sleep(0)
    return text

def later(bundle, text):
    return awaits(bundle, text)

def alone(text): return text

class Desk:
    async def __call__(self, bundle, text): return text + "!"

desk = Desk()
number = 7
"""


def _at(function: str) -> str:
    """Where the last line of this function is, as an error tells it."""
    lines = _AGENT.splitlines()
    first = next(number for number, line in enumerate(lines, 1) if line.startswith(f"def {function}("))
    body = itertools.takewhile(lambda line: line.startswith(" "), lines[first:])
    return f"agent.py:{first + len(list(body))} in {function}"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "agent.py").write_text(_AGENT)
    yield tmp_path
    assert running_in(tmp_path) == []


@pytest.fixture
def asking(folder: Path) -> Asking:
    return Asking("agent:answer", folder)


@pytest.mark.parametrize(
    ("spec", "outputs"),
    [
        ("agent:quick", ["A", "B"]),
        ("agent:answer", ["a", "b"]),
        ("agent:later", ["a", "b"]),
        ("agent:desk", ["a!", "b!"]),
    ],
)
def test_functions_answer_be_they_async_or_not(asking: Asking, spec: str, outputs: list[str]) -> None:
    assert replace(asking, spec=spec).outputs("a", "b") == outputs


def test_it_is_given_the_bundle_that_production_code_is_given(asking: Asking) -> None:
    assert replace(asking, spec="agent:described").outputs("") == [
        ["agent_deploy.client.bundle", 7, "1.2.0", "Be brief.\n", "gpt-5-mini"]
    ]


def test_a_reply_tells_calls_tools_and_latency_too(asking: Asking) -> None:
    assert asking.ask("whole refund") == [
        Reply(
            {"intent": "refund"},
            (ModelCall("openai", "gpt-5-mini", Usage(10, 2, cache_read=4)),),
            (ToolCall("refund", {"amount": 1}),),
            5.5,
        )
    ]


def test_latency_is_that_of_the_function_alone(asking: Asking) -> None:
    (reply,) = asking.ask("sleep 0.2")
    assert isinstance(reply, Reply)
    assert 200 <= reply.latency_ms < 400


def test_what_it_prints_goes_to_stderr_and_is_no_answer(asking: Asking) -> None:
    assert asking.outputs("print hello") == ["hello"]
    assert asking.said == ["straight to the pipe", "{} and more"] or asking.said == [
        "{} and more",
        "straight to the pipe",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("raise it", Told(f"ValueError: cannot read it ({_at('do_raise')})")),
        ("quit 4", Told(f"SystemExit: 4 ({_at('do_quit')})")),
        ("set", Told("returned set, which is not JSON: Object of type set is not JSON serializable", "parse_error")),
        ("nan",
         Told("returned float, which is not JSON: Out of range float values are not JSON compliant", "parse_error")),
        ("busy", Told("busy", "rate_limit", True, 7.0)),
        ("status 429", Told(f"RuntimeError: refused ({_at('do_status')})", "rate_limit", True)),
        ("status 503", Told(f"RuntimeError: refused ({_at('do_status')})", "downstream_error", True)),
        ("status 400", Told(f"RuntimeError: refused ({_at('do_status')})", "downstream_error")),
        ("timeout", Told(f"TimeoutError: too slow ({_at('do_timeout')})", "timeout", True)),
    ],
)  # fmt: skip
def test_what_it_raises_or_returns_amiss_is_its_case_s_error(asking: Asking, text: str, told: Told) -> None:
    assert asking.outputs("a", text, "b") == ["a", told, "b"]


def test_half_a_character_is_no_text(asking: Asking) -> None:
    (told,) = asking.outputs("half")
    assert isinstance(told, Told)
    assert (told.kind, told.message[:29]) == ("parse_error", "the agent's answer is not UTF")


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


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("agents:answer", "agent 'agents:answer' did not start: there is no module 'agents' in {folder}, "
         "and none is installed"),
        ("agent:reply", "agent 'agent:reply' did not start: agent ({folder}/agent.py) has no 'reply'"),
        ("agent:number", "agent 'agent:number' did not start: agent:number is no function but int"),
        ("agent:alone", "agent 'agent:alone' did not start: agent:alone cannot be called as function(bundle, input): "
         "too many positional arguments"),
        ("broken:answer", "agent 'broken:answer' did not start: broken cannot be imported: ZeroDivisionError: "
         "division by zero (broken.py:1 in <module>)"),
        ("lacking:answer", "agent 'lacking:answer' did not start: lacking cannot be imported: "
         "No module named 'no_such_package' (lacking.py:1 in <module>)"),
        ("leaving:answer", "agent 'leaving:answer' did not start: leaving cannot be imported: SystemExit: 3 "
         "(leaving.py:1 in <module>)"),
        ("dying:answer", "agent 'dying:answer' did not start: the agent's process ended (exit code 5: bye)"),
        ("answer", "'answer' is no agent: module:function, 'cmd: words…', 'lines: words…', "
         "an http:// or https:// URL, bundle, or bundle:prompt"),
    ],
)  # fmt: skip
def test_one_that_cannot_be_loaded_is_refused_before_it_is_asked(folder: Path, spec: str, message: str) -> None:
    (folder / "broken.py").write_text("1 / 0\n")
    (folder / "lacking.py").write_text("import no_such_package\n")
    (folder / "leaving.py").write_text("raise SystemExit(3)\n")
    (folder / "dying.py").write_text("import os; os.write(2, b'bye\\n'); os._exit(5)\n")
    with pytest.raises(BadInput) as raised:
        Asking(spec, folder).ask("a")
    assert raised.value.message == message.format(folder=folder)


def test_one_that_takes_too_long_to_start_is_refused(folder: Path) -> None:
    (folder / "slow.py").write_text("import time; time.sleep(60)\n")
    with pytest.raises(BadInput) as raised:
        Asking("slow:answer", folder, settings={"start_s": 0.5}).ask("a")
    assert raised.value.message == "agent 'slow:answer' did not start: not ready within 0.5 s"


def test_a_slow_start_is_no_part_of_an_answer_s_time(folder: Path) -> None:
    (folder / "slow.py").write_text("import time; time.sleep(1)\ndef answer(bundle, text): return text\n")
    assert Asking("slow:answer", folder, timeout_s=0.8).outputs("a") == ["a"]


def test_no_module_of_the_folder_stands_in_for_one_of_ours(folder: Path) -> None:
    for name in ("json", "registry", "agent_deploy"):
        (folder / f"{name}.py").write_text("raise RuntimeError\n")
    assert Asking("agent:answer", folder).outputs("a") == ["a"]


def test_a_closed_one_may_be_closed_again(folder: Path) -> None:
    async def close_twice() -> None:
        agent = await open_agent(
            "agent:answer", bundle_of(), timeout_s=1.0, concurrency=1, folder=folder, environ=os.environ
        )
        await agent.close()
        await agent.close()

    asyncio.run(close_twice())
