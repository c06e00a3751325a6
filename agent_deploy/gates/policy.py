"""A gate's policy: what one workflow's promotion to one environment needs. Read from `agent-deploy.toml`, no I/O."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from agent_deploy.config_keys import GATE_KEYS
from agent_deploy.durations import duration_of
from agent_deploy.errors import BadConfig
from agent_deploy.gates.freeze import FreezeWindow, window_from


@dataclass(frozen=True, slots=True)
class RequiredEnvironment:
    """Where a version must have been live before, and for how long in all."""

    name: str
    at_least: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class CostFrom:
    """Where the calls are that tell the cost, and how long ago they may have started."""

    name: str
    within: timedelta = timedelta(days=30)

    def since(self, at: datetime) -> datetime:
        """From when on calls count, seen from a moment."""
        try:
            return at - self.within
        except OverflowError:  # before all time
            return datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class RequiredDrill:
    """How long ago the environment's last successful drill may be. rehearsal: whether rehearsals count too.

    The gate's table says the one, the drill's table of the same environment the other (`count_rehearsal`).
    """

    within: timedelta
    rehearsal: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules in force; None, 0, False or empty: no such rule. `required = False`: no rule at all.

    Rates, margins and increases are shares: 0.05 is five points, or +5 %. max_regression: how much lower the pass rate
    may be than that of the live version. cost_from: whose calls tell the cost; None where the eval runs do. judge: the
    least agreement with people that a judge must have shown.
    """

    required: bool = True
    min_pass_rate: float | None = None
    max_regression: float | None = 0.05
    critical: bool = True
    max_error_rate: float = 0.02
    max_cost_increase: float | None = None
    cost_from: CostFrom | None = None
    max_latency_increase: float | None = None
    max_age: timedelta | None = None
    require_environment: RequiredEnvironment | None = None
    require_approvals: int = 0
    freeze: tuple[FreezeWindow, ...] = ()
    judge: float | None = None
    max_drill_age: RequiredDrill | None = None

    @property
    def digest(self) -> str:
        """`sha256:<hex>` of the policy's canonical JSON, defaults spelled out: the same rules, the same digest."""
        from registry.blobs import digest_of
        from registry.manifest import canonical

        return digest_of(canonical(_document(self)))


def policy_from(table: Mapping[str, Any], where: str) -> Policy:
    """The policy of a gate table, environment and workflow merged; what it leaves out has its default.

    `false` turns a rule off that would otherwise hold. where: which table, for messages, such as `agent-deploy.toml:
    environments.production.gate`. Raises BadConfig naming it and the key.
    """
    for key in table:
        if key not in GATE_KEYS:
            from registry.names import nearest

            raise BadConfig(f"{where}: unknown key '{key}'{nearest(key, GATE_KEYS)}")
    policy = Policy(**{key: _READERS[key](value, f"{where}.{key}") for key, value in table.items()})
    if policy.cost_from and "max_cost_increase" not in table:  # nobody should believe in a rule that is none
        raise BadConfig(f"{where}.cost_from: needs max_cost_increase beside it, which says how much dearer it may be")
    return policy


def _document(policy: Policy) -> dict[str, Any]:
    named = policy.require_environment
    document: dict[str, Any] = {key: getattr(policy, key) for key in GATE_KEYS}
    document["max_age"] = policy.max_age.total_seconds() if policy.max_age is not None else None
    document["require_environment"] = (
        {"name": named.name, "for": named.at_least.total_seconds()} if named is not None else None
    )
    document["freeze"] = [
        {"cron": w.cron, "for": w.lasting.total_seconds(), "timezone": w.timezone, "reason": w.reason}
        for w in policy.freeze
    ]
    # Not there while not set, as before there was such a rule: then older releases were let through by the same policy.
    drill, calls = document.pop("max_drill_age"), document.pop("cost_from")
    if drill is not None:
        document["max_drill_age"] = {"within": drill.within.total_seconds(), "rehearsal": drill.rehearsal}
    if calls is not None:
        document["cost_from"] = {"name": calls.name, "within": calls.within.total_seconds()}
    return document


def _yes_no(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise BadConfig(f"{where}: must be true or false, not {value!r}")
    return value


def _number(low: float, high: float, words: str) -> Callable[[Any, str], float]:
    def read(value: Any, where: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise BadConfig(f"{where}: must be {words}, not {value!r}")
        return float(value)

    return read


def _or_off(read: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
    return lambda value, where: None if value is False else read(value, where)


def _whole(value: Any, where: str) -> int:
    if value is False:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise BadConfig(f"{where}: must be a whole number, 0 or more, not {value!r}")
    return value


def _required_environment(value: Any, where: str) -> RequiredEnvironment:
    table = {"name": value} if isinstance(value, str) else value
    if not isinstance(table, Mapping) or "name" not in table or not set(table) <= {"name", "for"}:
        raise BadConfig(f"{where}: must be 'staging' or {{name = 'staging', for = '24h'}}, not {value!r}")
    at_least = duration_of(table["for"], f"{where}.for") if "for" in table else timedelta()
    return RequiredEnvironment(_environment(table["name"], where), at_least)


def _cost_from(value: Any, where: str) -> CostFrom:
    table = {"name": value} if isinstance(value, str) else value
    if not isinstance(table, Mapping) or "name" not in table or not set(table) <= {"name", "within"}:
        raise BadConfig(f"{where}: must be 'staging' or {{name = 'staging', within = '14d'}}, not {value!r}")
    within = {"within": duration_of(table["within"], f"{where}.within")} if "within" in table else {}
    return CostFrom(_environment(table["name"], where), **within)


def _environment(name: Any, where: str) -> str:
    from registry.errors import BadInput
    from registry.names import check_environment

    try:
        return check_environment(str(name))
    except BadInput as error:
        raise BadConfig(f"{where}: {error.message}") from error


def _windows(value: Any, where: str) -> tuple[FreezeWindow, ...]:
    if value is False:
        return ()
    if not isinstance(value, list | tuple):
        raise BadConfig(f"{where}: must be a list of tables {{cron, for, timezone, reason}}, not {value!r}")
    return tuple(window_from(table, f"{where}[{place}]") for place, table in enumerate(value))


def _drill(value: Any, where: str) -> RequiredDrill:
    return RequiredDrill(duration_of(value, where))


_share = _number(0, 1, "a share from 0 to 1")
_increase = _or_off(_number(0, math.nextafter(math.inf, 0), "0 or more (0.2 is +20 %)"))
_READERS: Mapping[str, Callable[[Any, str], Any]] = {
    "required": _yes_no,
    "min_pass_rate": _or_off(_share),
    "max_regression": _or_off(_number(0, math.nextafter(1, 0), "a share from 0 to below 1 (0.05 is five points)")),
    "critical": _yes_no,
    "max_error_rate": _share,
    "max_cost_increase": _increase,
    "cost_from": _or_off(_cost_from),
    "max_latency_increase": _increase,
    "max_age": _or_off(duration_of),
    "require_environment": _or_off(_required_environment),
    "require_approvals": _whole,
    "freeze": _windows,
    "judge": _or_off(_share),
    "max_drill_age": _or_off(_drill),
}
