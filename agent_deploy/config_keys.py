"""The keys of `agent-deploy.toml` and their types. Every fault names file and key, a near miss its right spelling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent_deploy.errors import BadConfigFile


@dataclass(frozen=True, slots=True)
class Value:
    """A key with a value: the types that it may have, and how messages say so."""

    types: tuple[type, ...]
    words: str


@dataclass(frozen=True, slots=True)
class Named:
    """Tables under names that the user chooses: `[workflows.<name>]`. check: raises BadInput for a bad name."""

    check: Callable[[str], object]
    keys: Mapping[str, Value | Named | Mapping[str, Any]]


def _workflow(name: str) -> object:
    from registry.names import check_workflow

    return check_workflow(name)


def _environment(name: str) -> object:
    from registry.names import check_environment

    return check_environment(name)


_TEXT = Value((str,), "text in quotes")
_NUMBER = Value((int, float), "a number")
_WHOLE = Value((int,), "a whole number")
_YES_NO = Value((bool,), "true or false")

# What the gate's values may be is checked where they are understood, in gates/policy.py.
_ANY = Value((object,), "a value")
GATE_KEYS = (
    "required", "min_pass_rate", "max_regression", "critical", "max_error_rate", "max_cost_increase", "cost_from",
    "max_latency_increase", "max_age", "require_environment", "require_approvals", "freeze", "judge", "max_drill_age",
)  # fmt: skip
_GATE = dict.fromkeys(GATE_KEYS, _ANY)
# Those of a drill, in drill_policy.py.
DRILL_KEYS = (
    "enabled", "mode", "hold_for", "max_time_to_rollback", "readers", "soak", "smoke", "checks", "max_error_rate",
    "max_latency_increase", "guard_every", "restore_within", "window", "jitter", "retry_backoff", "overdue_after",
    "count_rehearsal", "heartbeat_url", "notify",
)  # fmt: skip
_DRILL = dict.fromkeys(DRILL_KEYS, _ANY)
_EVAL = {
    "repeats": _WHOLE,
    "concurrency": _WHOLE,
    "attempts": _WHOLE,
    "timeout_s": _NUMBER,
    "max_cost_usd": _NUMBER,
    "memory_limit_mb": _WHOLE,
    "cache": _YES_NO,
}
KEYS: Mapping[str, Any] = {
    "database": _TEXT,
    "store": _TEXT,
    "default_environment": _TEXT,
    "prices": _TEXT,
    "traces_link": _TEXT,
    "serve": {"host": _TEXT, "port": _WHOLE, "forward": _TEXT},
    "environments": Named(_environment, {"gate": _GATE, "drill": _DRILL}),
    "workflows": Named(
        _workflow,
        {
            "source": _TEXT,
            "cases": _TEXT,
            "agent": _TEXT,
            "eval": _EVAL,
            "telemetry": {"content": _TEXT, "user": _TEXT},
            "environments": Named(_environment, {"gate": _GATE, "drill": _DRILL}),
        },
    ),
}


def check_keys(document: Mapping[str, Any], path: Path) -> None:
    """Raises BadConfigFile at the first unknown key, wrong type or bad name."""
    _check_table(document, KEYS, path, "")


def _check_table(table: Mapping[str, Any], keys: Mapping[str, Any], path: Path, prefix: str) -> None:
    for key, value in table.items():
        if key not in keys:
            from registry.names import nearest

            raise BadConfigFile(f"{path}: unknown key '{prefix}{key}'{nearest(key, keys)}")
        _check(value, keys[key], path, f"{prefix}{key}")


def _check(value: Any, kind: Value | Named | Mapping[str, Any], path: Path, key: str) -> None:
    if isinstance(kind, Value):
        bool_for_number = isinstance(value, bool) and kind in (_NUMBER, _WHOLE)  # a bool is an int, to Python
        if not isinstance(value, kind.types) or bool_for_number:
            raise BadConfigFile(f"{path}: '{key}' must be {kind.words}, not {value!r}")
    elif not isinstance(value, dict):
        words = f"tables, [{key}.<name>]" if isinstance(kind, Named) else f"a table, [{key}]"
        raise BadConfigFile(f"{path}: '{key}' must be {words}, not {value!r}")
    elif isinstance(kind, Named):
        for name, table in value.items():
            _check_name(kind, key, name, path)
            _check(table, kind.keys, path, f"{key}.{name}")
    else:
        _check_table(value, kind, path, f"{key}.")


def _check_name(kind: Named, key: str, name: str, path: Path) -> None:
    from registry.errors import BadInput

    try:
        kind.check(name)
    except BadInput as error:
        raise BadConfigFile(f"{path}: [{key}.{name}]: {error.message}") from error
