"""The drill policy of a workflow in an environment, read from the `drill` tables of `agent-deploy.toml`. No I/O."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Callable, Mapping
from datetime import time
from typing import Any

from agent_deploy.config import Config
from agent_deploy.config_keys import DRILL_KEYS
from agent_deploy.durations import duration_of
from agent_deploy.errors import BadConfig
from drills.policy import CheckSpec, DrillPolicy, Notify, SmokeSpec, Window

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NOTIFY_ON = ("failed", "blocked_twice", "overdue", "succeeded", "promote", "rollback")


def drill_policy(config: Config, workflow: str, environment: str) -> DrillPolicy:
    """What the file says, or the defaults. Drills are scheduled only where it has a `drill` table, unless that says
    `enabled = false`. Raises BadConfig naming file and key.
    """
    table = config.drill_table(workflow, environment)
    where = f"{config.file or 'agent-deploy.toml'}: the drill of {workflow} in {environment}"
    return policy_from(table, where)


def policy_from(table: Mapping[str, Any] | None, where: str) -> DrillPolicy:
    """The policy of a `drill` table, environment and workflow merged; None for no table. Raises BadConfig."""
    if table is None:
        return DrillPolicy()
    _check_keys(table, DRILL_KEYS, where)
    given = {key: _READERS[key](value, f"{where}.{key}") for key, value in table.items()}
    return DrillPolicy(scheduled=given.pop("enabled", True), **given)


def _check_keys(table: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in table:
        if key not in known:
            from registry.names import nearest

            raise BadConfig(f"{where}: unknown key '{key}'{nearest(key, known)}")


def _fields(value: Any, where: str, **readers: Callable[[Any, str], Any]) -> dict[str, Any]:
    """What a table says, each key read by its reader."""
    if not isinstance(value, Mapping):
        raise BadConfig(f"{where}: must be a table with {', '.join(readers)}, not {value!r}")
    _check_keys(value, tuple(readers), where)
    return {key: readers[key](given, f"{where}.{key}") for key, given in value.items()}


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise BadConfig(f"{where}: must be text in quotes, not {value!r}")
    return value


def _yes_no(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise BadConfig(f"{where}: must be true or false, not {value!r}")
    return value


def _whole(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise BadConfig(f"{where}: must be a whole number, 0 or more, not {value!r}")
    return value


def _share(most: float) -> Callable[[Any, str], float]:
    def read(value: Any, where: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
            upto = "" if math.isinf(most) else f" to {most:g}"
            raise BadConfig(f"{where}: must be a share from 0{upto}, such as 0.05, not {value!r}")
        return float(value)

    return read


def _one_of(*words: str) -> Callable[[Any, str], Any]:
    def read(value: Any, where: str) -> str:
        if value not in words:
            raise BadConfig(f"{where}: must be {' or '.join(map(repr, words))}, not {value!r}")
        return str(value)

    return read


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise BadConfig(f"{where}: must be a list, not {value!r}")
    return list(value)


def _smoke(value: Any, where: str) -> SmokeSpec | None:
    """`false`, the path of an eval set, or {cases, tag, most, within}."""
    if value is False:
        return None
    if isinstance(value, str):
        return SmokeSpec(cases=value)
    return SmokeSpec(**_fields(value, where, cases=_text, tag=_text, most=_whole, within=duration_of))


def _checks(value: Any, where: str) -> tuple[CheckSpec, ...]:
    checks = tuple(_check(table, f"{where}[{place}]") for place, table in enumerate(_list(value, where)))
    names = [check.name for check in checks]
    for name in names:
        if names.count(name) > 1:
            raise BadConfig(f"{where}: two checks are named {name!r}")
    return checks


def _check(value: Any, where: str) -> CheckSpec:
    phase = _one_of("blocking", "outcome")
    read = _fields(value, where, name=_text, command=_command, url=_url, phase=phase, timeout=duration_of)
    if ("command" in read) == ("url" in read):
        raise BadConfig(f"{where}: needs either 'command' or 'url'")
    if not read.get("name"):
        raise BadConfig(f"{where}: has no 'name'")
    return CheckSpec(**read)


def _command(value: Any, where: str) -> tuple[str, ...]:
    """A list of words, or a line that is split as a shell would; no shell runs it."""
    try:
        words = shlex.split(value) if isinstance(value, str) else [_text(word, where) for word in _list(value, where)]
    except ValueError as error:
        raise BadConfig(f"{where}: {error} in {value!r}") from error
    if not words:
        raise BadConfig(f"{where}: is empty")
    return tuple(words)


def _url(value: Any, where: str) -> str:
    if not _text(value, where).startswith(("http://", "https://")):
        raise BadConfig(f"{where}: must be an http:// or https:// URL, not {value!r}")
    return str(value)


def _window(value: Any, where: str) -> Window:
    read = _fields(value, where, **{"days": _days, "from": _clock, "to": _clock, "timezone": _zone})
    names = {"from": "start", "to": "end"}
    window = Window(**{names.get(key, key): given for key, given in read.items()})
    if not window.days or window.start >= window.end:
        raise BadConfig(f"{where}: holds no time at all: give days, and a 'from' earlier than 'to'")
    return window


def _days(value: Any, where: str) -> tuple[int, ...]:
    for day in _list(value, where):
        if day not in _DAYS:
            raise BadConfig(f"{where}: must be out of {', '.join(_DAYS)}, not {day!r}")
    return tuple(sorted({_DAYS.index(day) for day in value}))


def _clock(value: Any, where: str) -> time:
    if isinstance(value, time):  # TOML has a type for it
        return value
    try:
        return time.fromisoformat(_text(value, where))
    except ValueError as error:
        raise BadConfig(f"{where}: must be a time of day such as '10:00', not {value!r}") from error


def _zone(value: Any, where: str) -> str:
    from zoneinfo import ZoneInfo

    try:
        if _text(value, where) != "UTC":
            ZoneInfo(value)
    except (ValueError, OSError, LookupError) as error:  # LookupError: no such zone
        raise BadConfig(f"{where}: {value!r} is no time zone such as 'Europe/Berlin'") from error
    return str(value)


def _notify(value: Any, where: str) -> Notify:
    read = _fields(
        value, where, webhook=_url, secret_env=_variable, slack=_variable, email=_texts, on=_events
    )  # fmt: skip
    return Notify(**read)


def _variable(value: Any, where: str) -> str:
    """A secret stands in the environment; the file says only where."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", _text(value, where)):
        raise BadConfig(f"{where}: must be the name of an environment variable, which holds the secret")
    return str(value)


def _texts(value: Any, where: str) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(_text(one, where) for one in _list(value, where))


def _events(value: Any, where: str) -> tuple[str, ...]:
    return tuple(_one_of(*NOTIFY_ON)(one, where) for one in _list(value, where))


_READERS: Mapping[str, Callable[[Any, str], Any]] = {
    "enabled": _yes_no,
    "mode": _one_of("live", "rehearsal"),
    "hold_for": duration_of,
    "max_time_to_rollback": duration_of,
    "readers": _whole,
    "soak": duration_of,
    "smoke": _smoke,
    "checks": _checks,
    "max_error_rate": _share(1),
    "max_latency_increase": _share(math.inf),
    "guard_every": duration_of,
    "restore_within": duration_of,
    "window": _window,
    "jitter": duration_of,
    "retry_backoff": duration_of,
    "overdue_after": duration_of,
    "count_rehearsal": _yes_no,
    "heartbeat_url": _url,
    "notify": _notify,
}
