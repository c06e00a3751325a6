"""The drill's schedule in Amazon EventBridge Scheduler: what it says, and making, changing and removing it.

What it calls is the user's: a Lambda function, a Step Functions state machine, or, by the universal target
`arn:aws:scheduler:::aws-sdk:ecs:runTask`, a task in a cluster, that runs `agent-deploy drill tick`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from registry.errors import BadInput, Refused, Unavailable

NAME = "agent-deploy-drill"
INPUT = json.dumps({"command": ["drill", "tick"]})
Change = Literal["created", "updated", "unchanged", "removed", "absent"]

_Answer = TypeVar("_Answer")
_NAME = re.compile(r"[0-9A-Za-z._-]{1,64}")  # as the API reference has it, CreateSchedule
_LONGEST_WINDOW_MIN, _RETRIES = 15, 3
_AS_IT_WAS = "The schedule is as it was."
_DENIED = ("AccessDeniedException", "UnrecognizedClientException", "InvalidClientTokenId", "ExpiredTokenException")


@dataclass(frozen=True, slots=True)
class Bridge:
    """A schedule as it is wanted. every_minutes: how often. target, role: ARNs of what is called, and of the role that
    may. dead_letters: of the queue where calls go that could not be made; empty for none. input: JSON for the target.
    """

    every_minutes: int
    target: str
    role: str
    dead_letters: str = ""
    name: str = NAME
    input: str = INPUT


def schedule_request(bridge: Bridge) -> dict[str, Any]:
    """What `CreateSchedule` and `aws scheduler create-schedule --cli-input-json` take. Raises BadInput.

    The window is flexible by up to a quarter of an hour, and a call that fails is made again until the next is due.
    """
    _check(bridge)
    target: dict[str, Any] = {
        "Arn": bridge.target,
        "RoleArn": bridge.role,
        "Input": bridge.input,
        "RetryPolicy": {"MaximumEventAgeInSeconds": bridge.every_minutes * 60, "MaximumRetryAttempts": _RETRIES},
    }
    if bridge.dead_letters:
        target["DeadLetterConfig"] = {"Arn": bridge.dead_letters}
    window = max(1, min(_LONGEST_WINDOW_MIN, bridge.every_minutes // 4))
    return {
        "Name": bridge.name,
        "Description": "agent-deploy: runs the rollback drills that are due, at most one a week",
        "ScheduleExpression": f"rate({bridge.every_minutes} minutes)",
        "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": window},
        "State": "ENABLED",
        "Target": target,
    }


def install(bridge: Bridge) -> Change:
    """Have the schedule be as wanted; nothing is written when it is. Raises BadInput, Refused and Unavailable."""
    request, client = schedule_request(bridge), _client()
    there = _asked(lambda: client.get_schedule(Name=bridge.name))
    if there is None:
        made = _asked(lambda: client.create_schedule(**request), expected="ConflictException")
        if made is not None:
            return "created"
        there = {}  # another was faster; ours is then the later word
    if all(_says(there.get(key), value) for key, value in request.items()) and _same_targets(there, request):
        return "unchanged"
    _asked(lambda: client.update_schedule(**request), expected="")
    return "updated"


def remove(name: str = NAME) -> Change:
    """Take the schedule away; fine when there is none. Raises Refused and Unavailable."""
    client = _client()
    return "absent" if _asked(lambda: client.delete_schedule(Name=name)) is None else "removed"


def _check(bridge: Bridge) -> None:
    if not _NAME.fullmatch(bridge.name):
        raise BadInput(f"--name {bridge.name!r}: 1 to 64 letters, digits, '.', '_' and '-'")
    arns = {"--target-arn": bridge.target, "--role-arn": bridge.role, "--dlq-arn": bridge.dead_letters}
    for option, arn in arns.items():
        if not arn.startswith("arn:") and (arn or option != "--dlq-arn"):
            raise BadInput(
                f"{option} {arn!r} is not an ARN, such as arn:aws:lambda:eu-central-1:123456789012:function:x"
            )
    try:
        json.loads(bridge.input)
    except ValueError as error:
        raise BadInput(f"--input is not JSON: {error}") from error


def _says(there: Any, wanted: Any) -> bool:
    """Whether what is there says at least what is wanted; the service adds defaults of its own."""
    if isinstance(wanted, Mapping):
        return isinstance(there, Mapping) and all(_says(there.get(key), value) for key, value in wanted.items())
    return bool(there == wanted)


def _same_targets(there: Mapping[str, Any], request: Mapping[str, Any]) -> bool:
    """A dead-letter queue that is no longer wanted has to go."""
    return "DeadLetterConfig" in request["Target"] or not there.get("Target", {}).get("DeadLetterConfig", {}).get("Arn")


def _client() -> Any:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    config = Config(retries={"mode": "standard", "total_max_attempts": 4}, connect_timeout=10, read_timeout=30)
    try:
        return boto3.session.Session().client("scheduler", config=config)
    except BotoCoreError as error:  # no region
        raise BadInput(f"EventBridge: {error}", next_command="export AWS_DEFAULT_REGION=eu-central-1") from error


def _asked(ask: Callable[[], _Answer], expected: str = "ResourceNotFoundException") -> _Answer | None:
    """The answer; None for the error that is expected. Others are told as ours."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return ask()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == expected:
            return None
        raise _told(code, error.response["Error"].get("Message", "")) from error
    except BotoCoreError as error:
        raise Unavailable(f"EventBridge Scheduler: {error}", unchanged=_AS_IT_WAS) from error


def _told(code: str, message: str) -> BadInput | Refused | Unavailable:
    told = f"EventBridge Scheduler: {code}: {message}"
    if code == "ValidationException":
        return BadInput(told, unchanged=_AS_IT_WAS)
    return Refused(told, unchanged=_AS_IT_WAS) if code in _DENIED else Unavailable(told, unchanged=_AS_IT_WAS)
