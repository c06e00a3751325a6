"""A program that stays and answers lines: in any order, told apart by id; replaced when it breaks."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent_deploy.costs.usage import ModelCall, Usage
from agent_deploy.evals.ports import Question
from agent_deploy.evals.results import Reply
from registry.errors import BadInput
from tests.evals.asking import Asking, Told, answered, running_in

pytestmark = pytest.mark.slow

_AGENT = """
import json, os, sys, threading, time

def say(document):
    sys.stdout.write(json.dumps(document) + "\\n")
    sys.stdout.flush()

held = []
for line in sys.stdin:
    message = json.loads(line)
    if "hello" in message:
        bundle = message["bundle"]
        say({"ready": True})
        continue
    id, text = message["id"], message["input"]
    if text == "hang": threading.Event().wait()
    elif text == "die": os._exit(7)
    elif text == "garbage": print("Loading the model...", flush=True)
    elif text == "shape": say({"id": id, "answer": 1})
    elif text == "stranger": say({"id": 9999, "output": 1})
    elif text == "nameless": say({"output": 1})
    elif text == "endless": sys.stdout.write("x" * 17_000_000); sys.stdout.flush(); time.sleep(600)
    elif text == "unended": sys.stdout.write('{"id": 1, "out'); sys.stdout.flush(); os._exit(0)
    elif text == "hold": held.append(id)
    elif text == "release":
        for other in reversed(held): say({"id": other, "output": "held"})
        say({"id": id, "output": "released"})
    elif text == "usage": say({"id": id, "output": bundle["version"], "usage": {"input": 3, "output": 1}})
    elif text == "twice": say({"id": id, "output": 1}); say({"id": id, "output": 2})
    else: say({"id": id, "output": [text, message["case"], message["repeat"], message["metadata"]]})
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "agent.py").write_text(_AGENT)
    yield tmp_path
    assert running_in(tmp_path) == []


@pytest.fixture
def asking(folder: Path) -> Asking:
    return Asking(f"lines: {sys.executable} agent.py", folder)


def test_a_line_asks_and_a_line_answers(asking: Asking) -> None:
    async def ask() -> Reply | Told:
        agent = await asking.open()
        reply = await answered(agent, Question("lost", 2, "a", {"channel": "mail"}))
        await agent.close()
        return reply

    reply = asyncio.run(ask())
    assert isinstance(reply, Reply)
    assert reply.output == ["a", "lost", 2, {"channel": "mail"}]
    assert 0 < reply.latency_ms < 5000


def test_the_bundle_comes_once_with_the_hello_and_usage_is_told(asking: Asking) -> None:
    (reply,) = asking.ask("usage")
    assert isinstance(reply, Reply)
    assert (reply.output, reply.calls) == (7, (ModelCall("openai", "gpt-5-mini", Usage(3, 1)),))


def test_answers_may_come_in_any_order(asking: Asking) -> None:
    assert asking.outputs("hold", "hold", "release") == ["held", "held", "released"]


def test_a_second_answer_to_the_same_question_is_not_listened_to(asking: Asking) -> None:
    assert asking.outputs("twice", "twice") == [1, 1]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("die", Told("the agent's process ended (exit code 7)", retry=True)),
        ("garbage", Told("the agent's answer is not one JSON object (Expecting value: line 1 column 1 (char 0)): "
                         "Loading the model...", "parse_error")),
        ("stranger", Told('the agent\'s answer has no \'id\' of a question: {"id": 9999, "output": 1}', "parse_error")),
        ("nameless", Told("the agent's answer has no 'id' of a question: {\"output\": 1}", "parse_error")),
        ("unended", Told("the agent's answer has no end of line: {\"id\": 1, \"out", "parse_error")),
        ("endless", Told("the agent's answer is over 16 MB: " + "x" * 200 + "…", "parse_error")),
    ],
    ids=["die", "garbage", "stranger", "nameless", "unended", "endless"],
)  # fmt: skip
def test_one_that_breaks_the_conversation_is_found_and_its_neighbours_are_answered(
    asking: Asking, text: str, told: Told
) -> None:
    texts = ["hold", "a", text, "b", "release", "c"]
    answers = replace(asking, concurrency=1).outputs("a", text, "b")
    assert [answer if isinstance(answer, Told) else answer[0] for answer in answers] == ["a", told, "b"]
    answers = asking.outputs(*[other for other in texts if other not in ("hold", "release")])
    assert [answer if isinstance(answer, Told) else answer[0] for answer in answers] == ["a", told, "b", "c"]


def test_an_answer_of_the_wrong_shape_costs_no_neighbour_anything(asking: Asking) -> None:
    answers = asking.outputs("hold", "shape", "release")
    assert answers[::2] == ["held", "released"]
    assert isinstance(answers[1], Told)
    assert (answers[1].kind, answers[1].message[:55]) == (
        "parse_error",
        "the agent's answer has neither 'output' nor 'error': {\"",
    )


def test_behind_one_that_hangs_the_others_are_asked_again(asking: Asking) -> None:
    hurried = replace(asking, timeout_s=0.7, concurrency=4)
    answers = hurried.outputs("a", "hang", "b", "c", "d")
    assert [answer if isinstance(answer, Told) else answer[0] for answer in answers] == [
        "a", Told("no answer within 0.7 s", "timeout", True), "b", "c", "d",
    ]  # fmt: skip


def test_when_all_of_them_hang_each_is_asked_again_twice_at_most(asking: Asking) -> None:
    hurried = replace(asking, timeout_s=0.5, concurrency=8)
    assert hurried.outputs(*["hang"] * 8) == [Told("no answer within 0.5 s", "timeout", True)] * 8


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "agent 'lines: ' names no program"),
        ("'", "agent \"lines: '\": No closing quotation"),
        ("no-such-program x", "agent 'lines: no-such-program x': there is no program 'no-such-program'"),
        ("./agent.sh", "agent 'lines: ./agent.sh': there is no program './agent.sh' in {folder}"),
        ("false", "agent 'lines: false' did not start: the agent's process ended (exit code 1)"),
        ("echo hello", "agent 'lines: echo hello' did not start: the agent's answer is not one JSON object "
         "(Expecting value: line 1 column 1 (char 0)): hello"),
        ("echo {{}}",
         "agent 'lines: echo {{}}' did not start: the agent's answer came before {{\"ready\": true}}: {{}}"),
        ("sleep 60", "agent 'lines: sleep 60' did not start: not ready within 0.3 s"),
    ],
)  # fmt: skip
def test_a_program_that_does_not_greet_back_is_refused_before_it_is_asked(
    folder: Path, words: str, message: str
) -> None:
    with pytest.raises(BadInput) as raised:
        Asking("lines: " + words.format(), folder, settings={"start_s": 0.3}).ask("a")
    assert raised.value.message == message.format(folder=folder)
