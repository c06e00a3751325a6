"""`drill schedule --install eventbridge`, against moto's server over HTTP."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.commands import Answer, finish, run, start

pytestmark = pytest.mark.slow
FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:agent-deploy-drill"
ROLE = "arn:aws:iam::123456789012:role/agent-deploy-drill"
QUEUE = "arn:aws:sqs:eu-central-1:123456789012:agent-deploy-drill"
ARNS = ("--target-arn", FUNCTION, "--role-arn", ROLE)
_SETTINGS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "eu-central-1",
}


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """moto's server; its URL."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    log = tmp_path_factory.mktemp("moto") / "log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            [str(Path(sys.executable).parent / "moto_server"), "-H", "127.0.0.1", "-p", str(port)],
            stdout=said, stderr=said, env=os.environ | _SETTINGS,
        )  # fmt: skip
    try:
        _wait_until_it_answers(f"http://127.0.0.1:{port}/moto-api/", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _wait_until_it_answers(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    give_up = time.monotonic() + 90
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 (our own server)
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError(log.read_text()[-2000:]) from None
        time.sleep(0.1)


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch, moto: str) -> None:
    for name, value in {**_SETTINGS, "AWS_ENDPOINT_URL": moto}.items():
        monkeypatch.setenv(name, value)


def schedule(*words: str, **environ: str) -> Answer:
    return run(None, "drill", "schedule", *words, **environ)


def change(*words: str) -> str:
    answer = schedule(*words, "--json")
    assert answer.code == 0, answer.err
    said: str = answer.document["change"]
    return said


def on_server(name: str) -> dict[str, Any]:
    answer = boto3.session.Session().client("scheduler").get_schedule(Name=name)
    return {key: answer[key] for key in ("ScheduleExpression", "FlexibleTimeWindow", "State", "Target")}


def test_a_schedule_is_made_left_alone_changed_and_taken_away() -> None:
    install, remove = ("--install", "eventbridge", *ARNS), ("--remove", "eventbridge")
    assert change(*install, "--dlq-arn", QUEUE) == "created"
    assert on_server("agent-deploy-drill") == {
        "ScheduleExpression": "rate(60 minutes)",
        "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15},
        "State": "ENABLED",
        "Target": {
            "Arn": FUNCTION,
            "RoleArn": ROLE,
            "DeadLetterConfig": {"Arn": QUEUE},
            "Input": '{"command": ["drill", "tick"]}',
            "RetryPolicy": {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 3},
        },
    }
    assert change(*install, "--dlq-arn", QUEUE) == "unchanged"
    assert change(*install, "--dlq-arn", QUEUE, "--every", "30m") == "updated"
    assert on_server("agent-deploy-drill")["ScheduleExpression"] == "rate(30 minutes)"
    assert change(*install, "--every", "30m") == "updated"
    assert "DeadLetterConfig" not in on_server("agent-deploy-drill")["Target"]
    assert change(*install, "--every", "30m") == "unchanged"
    assert [change(*remove), change(*remove)] == ["removed", "absent"]


def test_what_is_printed_is_what_is_installed() -> None:
    printed = json.loads(schedule("--print", "eventbridge", *ARNS, "--name", "printed").out)
    assert change("--install", "eventbridge", *ARNS, "--name", "installed") == "created"
    boto3.session.Session().client("scheduler").create_schedule(**printed)
    assert on_server("printed") == on_server("installed")
    assert schedule("--remove", "eventbridge", "--name", "installed").out == "removed the schedule installed\n"


def test_a_schedule_that_another_made_in_between_is_changed_to_ours() -> None:
    racing = ("--install", "eventbridge", *ARNS, "--name", "racing", "--json")
    answers = [finish(process) for process in [start(None, "drill", "schedule", *racing) for _ in range(4)]]
    assert [answer.code for answer in answers] == [0, 0, 0, 0]
    changes = [answer.document["change"] for answer in answers]
    assert "created" in changes
    assert set(changes) <= {"created", "updated", "unchanged"}
    assert on_server("racing")["ScheduleExpression"] == "rate(60 minutes)"


def test_an_endpoint_that_is_away_is_told_as_such() -> None:
    answer = schedule("--remove", "eventbridge", AWS_ENDPOINT_URL="http://127.0.0.1:9")
    assert answer.code == 1
    assert "error: EventBridge Scheduler: Could not connect to the endpoint URL" in answer.err
    assert "The schedule is as it was." in answer.err
    assert "Traceback" not in answer.err


def test_without_a_region_the_next_command_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    answer = schedule("--remove", "eventbridge")
    assert answer.code == 2
    assert "export AWS_DEFAULT_REGION=" in answer.err
