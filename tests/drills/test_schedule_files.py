"""The files that `drill schedule --print` writes, each read by the parser of whoever will read it."""

from __future__ import annotations

import configparser
import json
import shlex
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.session import Session
from botocore.validate import ParamValidator
from cronsim import CronSim

from agent_deploy.cli.drill.schedule import KINDS as OF_COMMAND
from agent_deploy.eventbridge import Bridge, schedule_request
from agent_deploy.operations.drill.schedule import KINDS, schedule_files, write_files
from agent_deploy.operations.drill.schedulers.parts import Job, every_of
from registry.errors import BadInput

START = datetime(2026, 11, 24, tzinfo=UTC)
FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:agent-deploy-drill"
ROLE = "arn:aws:iam::123456789012:role/agent-deploy-drill"
QUEUE = "arn:aws:sqs:eu-central-1:123456789012:agent-deploy-drill"


def job(every: str = "1h", folder: str = "/srv/agents", program: str = "/opt/agent-deploy/bin/agent-deploy") -> Job:
    span = timedelta(**{{"m": "minutes", "h": "hours"}[every[-1]]: int(every[:-1])})
    return Job(every_of(span), Path(folder), (program, "drill", "tick"), "registry.example/agents:7")


def text_of(kind: str, wanted: Job) -> str:
    (file,) = schedule_files(kind, wanted)
    return file.text


def document_of(kind: str, wanted: Job) -> dict[Any, Any]:
    document: dict[Any, Any] = yaml.safe_load(text_of(kind, wanted))
    return document


def cron_line(wanted: Job) -> tuple[str, str]:
    line = text_of("cron", wanted).splitlines()[-1]
    fields = line.split(" ", 5)
    return " ".join(fields[:5]), fields[5]


def unit(wanted: Job, name: str) -> configparser.ConfigParser:
    text = next(file.text for file in schedule_files("systemd", wanted) if file.name.endswith(name))
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return parser


def test_the_command_offers_what_can_be_printed() -> None:
    assert OF_COMMAND == KINDS


@pytest.mark.parametrize(
    ("every", "first"),
    [
        ("5m", ["00:02", "00:07", "00:12"]),
        ("15m", ["00:02", "00:17", "00:32"]),
        ("1h", ["00:17", "01:17", "02:17"]),
        ("6h", ["00:17", "06:17", "12:17"]),
        ("24h", ["00:17", "00:17", "00:17"]),
    ],
)
def test_a_crontab_ticks_as_often_as_it_is_told(every: str, first: list[str]) -> None:
    ticks = list(islice(CronSim(cron_line(job(every))[0], START), 3))
    assert [f"{tick:%H:%M}" for tick in ticks] == first


@pytest.mark.parametrize("every", ["5m", "10m", "15m", "20m", "30m", "1h", "2h", "3h", "4h", "6h", "8h", "12h", "24h"])
def test_ticks_are_evenly_spaced(every: str) -> None:
    ticks = list(islice(CronSim(job(every).every.cron, START), 50))
    assert {then - tick for tick, then in pairwise(ticks)} == {timedelta(minutes=job(every).every.minutes)}


@pytest.mark.parametrize("seconds", [0, 30, 60, 7 * 60, 45 * 60, 90 * 60, 5 * 3600, 48 * 3600])
def test_what_a_crontab_cannot_say_is_refused(seconds: int) -> None:
    with pytest.raises(BadInput, match="schedulers can keep one of"):
        every_of(timedelta(seconds=seconds))


def test_cron_runs_the_command_in_its_folder_whatever_the_folder_is_called(tmp_path: Path) -> None:
    folder = tmp_path / "100% it's $HOME"
    folder.mkdir()
    program = shutil.which("pwd")
    assert program is not None
    command = cron_line(job(folder=str(folder), program=program))[1]
    assert "%" not in command.replace("\\%", "")
    unescaped = command.replace("\\%", "%").replace("drill tick >/dev/null", "")
    ran = subprocess.run(["/bin/sh", "-c", unescaped], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == str(folder)


def test_a_timer_catches_up_with_what_it_missed() -> None:
    timer, service = unit(job(), ".timer"), unit(job(), ".service")
    assert dict(timer["Timer"]) == {"OnCalendar": "*-*-* *:17:00 UTC", "Persistent": "true", "AccuracySec": "1min"}
    assert timer["Install"]["WantedBy"] == "timers.target"
    assert service["Service"]["Type"] == "oneshot"
    assert service["Service"]["WorkingDirectory"] == "/srv/agents"
    assert shlex.split(service["Service"]["ExecStart"]) == ["/opt/agent-deploy/bin/agent-deploy", "drill", "tick"]


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd here")
@pytest.mark.parametrize("every", ["15m", "1h", "6h", "24h"])
@pytest.mark.parametrize("name", ["agents", "100% of it"])
def test_systemd_takes_the_units(tmp_path: Path, every: str, name: str) -> None:
    (tmp_path / name).mkdir()
    wanted = job(every, str(tmp_path / name), shutil.which("true") or "/bin/true")
    paths = write_files(schedule_files("systemd", wanted), tmp_path)
    said = subprocess.run(["systemd-analyze", "verify", *map(str, paths)], capture_output=True, text=True)
    ours = [line for line in said.stderr.splitlines() if "agent-deploy" in line]
    assert ours == []
    calendar = subprocess.run(
        ["systemd-analyze", "calendar", "--base-time=2026-11-24 00:00:00 UTC", wanted.every.calendar],
        capture_output=True, text=True, env={"TZ": "UTC"},
    )  # fmt: skip
    first = next(iter(CronSim(wanted.every.cron, START)))
    assert calendar.returncode == 0, calendar.stderr
    assert f"{first:%Y-%m-%d %H:%M}:00" in calendar.stdout


def test_a_cron_job_runs_one_tick_at_a_time_and_may_start_late() -> None:
    document = document_of("kubernetes", job())
    spec = document["spec"]
    pod = spec["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert (document["apiVersion"], document["kind"]) == ("batch/v1", "CronJob")
    assert (spec["schedule"], spec["concurrencyPolicy"]) == ("17 * * * *", "Forbid")
    assert spec["startingDeadlineSeconds"] == 1800
    assert (spec["jobTemplate"]["spec"]["backoffLimit"], pod["restartPolicy"]) == (0, "Never")
    assert container["image"] == "registry.example/agents:7"
    assert container["command"] == ["agent-deploy", "drill", "tick"]
    assert document_of("kubernetes", job("5m"))["spec"]["startingDeadlineSeconds"] == 600


def test_github_runs_one_tick_at_a_time_and_says_what_its_schedules_are_worth() -> None:
    document = document_of("github", job("30m"))
    trigger = document[True]  # YAML 1.1 reads `on` as true, and so does every parser of it but GitHub's
    assert trigger["schedule"] == [{"cron": "17-59/30 * * * *"}]
    assert document["concurrency"] == {"group": "agent-deploy-drill", "cancel-in-progress": False}
    steps = document["jobs"]["tick"]["steps"]
    assert steps[-1]["run"] == "agent-deploy drill tick"
    assert steps[-1]["env"]["AGENT_DEPLOY_DATABASE"] == "${{ secrets.AGENT_DEPLOY_DATABASE }}"
    assert "late when it is busy, drops some" in text_of("github", job())


def test_gitlab_runs_one_tick_at_a_time_in_scheduled_pipelines_alone() -> None:
    (tick,) = document_of("gitlab", job()).values()
    assert tick["rules"] == [{"if": '$CI_PIPELINE_SOURCE == "schedule"'}]
    assert tick["resource_group"] == "agent-deploy-drill"
    assert tick["script"][-1] == "agent-deploy drill tick"


def test_eventbridge_is_told_what_its_own_api_takes() -> None:
    bridge = Bridge(60, FUNCTION, ROLE, QUEUE)
    (file,) = schedule_files("eventbridge", job(), bridge)
    request = json.loads(file.text)
    assert request == {
        "Name": "agent-deploy-drill",
        "Description": "agent-deploy: runs the rollback drills that are due, at most one a week",
        "ScheduleExpression": "rate(60 minutes)",
        "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15},
        "State": "ENABLED",
        "Target": {
            "Arn": FUNCTION,
            "RoleArn": ROLE,
            "Input": '{"command": ["drill", "tick"]}',
            "RetryPolicy": {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 3},
            "DeadLetterConfig": {"Arn": QUEUE},
        },
    }
    shape = Session().get_service_model("scheduler").operation_model("CreateSchedule").input_shape
    assert ParamValidator().validate(request, shape).generate_report() == ""


@pytest.mark.parametrize(
    ("bridge", "told"),
    [
        (Bridge(60, "", ROLE), "--target-arn '' is not an ARN"),
        (Bridge(60, FUNCTION, "admin"), "--role-arn 'admin' is not an ARN"),
        (Bridge(60, FUNCTION, ROLE, "queue"), "--dlq-arn 'queue' is not an ARN"),
        (Bridge(60, FUNCTION, ROLE, name="a name"), "--name 'a name'"),
        (Bridge(60, FUNCTION, ROLE, input="{"), "--input is not JSON"),
    ],
)
def test_what_eventbridge_would_not_take_is_refused_before_it_is_asked(bridge: Bridge, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        schedule_request(bridge)
