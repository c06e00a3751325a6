"""The scorer of tool calls: which tools the model asked for, with which arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agent_deploy.evals.cases import Case
from agent_deploy.evals.results import Reply, ToolCall
from agent_deploy.evals.scorers.findings import MISSING, RIGHT, Check, Finding, shown
from agent_deploy.evals.scorers.json_values import difference
from agent_deploy.evals.scorers.options import Options

_KEYS = {"name", "arguments"}


def tool_calls(options: Options) -> Check:
    """The model asked for the expected tools, in that order unless `order` is false, and for no others unless `subset`.

    The value is the share of calls, expected or made, that have a counterpart.
    """
    wanted = options.wanted(_are_calls, "a list of tool calls, each a name or {name, arguments}")
    in_order, subset = options.flag("order", True), options.flag("subset")
    partly = options.choice("arguments", ("exact", "subset"), "exact") == "subset"

    def find(case: Case, reply: Reply) -> Finding:
        expected, made = wanted.of(case), reply.tool_calls
        fits = [[_fits(one, call, partly) for call in made] for one in expected]
        matched = _in_order(fits) if in_order else _in_any_order(fits, len(made))
        return _finding(expected, made, matched, subset)

    return options.check(find, wanted)


def _fits(expected: Any, call: ToolCall, partly: bool) -> bool:
    name = expected if isinstance(expected, str) else expected["name"]
    arguments = MISSING if isinstance(expected, str) else expected.get("arguments", MISSING)
    if name != call.name or arguments is MISSING:
        return name == call.name
    given = call.arguments
    if partly and isinstance(arguments, dict) and isinstance(given, dict):
        given = {key: value for key, value in given.items() if key in arguments}
    return not difference(arguments, given)


def _in_order(fits: Sequence[Sequence[bool]]) -> list[int | None]:
    """The call that each expected one is met by: the first that fits after the one before."""
    matched: list[int | None] = []
    start = 0
    for row in fits:
        found = next((index for index in range(start, len(row)) if row[index]), None)
        matched.append(found)
        start = start if found is None else found + 1
    return matched


def _in_any_order(fits: Sequence[Sequence[bool]], calls: int) -> list[int | None]:
    """The call that each expected one is met by, as many as can be: a maximum bipartite matching (Kuhn 1955)."""
    owner: list[int | None] = [None] * calls

    def place(one: int, tried: set[int]) -> bool:
        for index in range(calls):
            if fits[one][index] and index not in tried:
                tried.add(index)
                holder = owner[index]
                if holder is None or place(holder, tried):
                    owner[index] = one
                    return True
        return False

    for one in range(len(fits)):
        place(one, set())
    return [next((index for index in range(calls) if owner[index] == one), None) for one in range(len(fits))]


def _finding(expected: Any, made: Sequence[ToolCall], matched: list[int | None], subset: bool) -> Finding:
    lacking = [one for one, index in zip(expected, matched, strict=True) if index is None]
    further = [call for index, call in enumerate(made) if index not in matched]
    if not lacking and (subset or not further):
        return RIGHT
    total = len(expected) + (0 if subset else len(further))
    reason = f"not called: {_listed(lacking)}" if lacking else f"called too: {_listed(map(_written, further))}"
    if lacking:
        reason += f"; called: {_listed(map(_written, made)) or 'nothing'}"
    return Finding(False, (len(expected) - len(lacking)) / total, reason)


def _written(call: ToolCall) -> Any:
    return {"name": call.name, "arguments": call.arguments}


def _listed(calls: Any) -> str:
    return ", ".join(
        call if isinstance(call, str) else f"{call['name']}({shown(call['arguments']) if 'arguments' in call else '…'})"
        for call in calls
    )


def _are_calls(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(
        isinstance(one, str) or (isinstance(one, dict) and isinstance(one.get("name"), str) and not one.keys() - _KEYS)
        for one in value
    )
