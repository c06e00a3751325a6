"""JSON in the text of an output, and the first place where two JSON values differ."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, NoReturn

from agent_deploy.evals.scorers.findings import shown

_FENCE = "```"


class NotJson(ValueError):
    """The text is not JSON; the message says where."""


def json_of(output: Any) -> Any:
    """An output as a JSON value: text is parsed, anything else is one already. Raises NotJson."""
    return parse_json(output) if isinstance(output, str) else output


def parse_json(text: str) -> Any:
    """The value of a text that is JSON and nothing else, or one fenced block and nothing else. Raises NotJson.

    Stricter than `json.loads`: no NaN or Infinity, no key twice (RFC 8259 leaves their meaning open).
    """
    body, offset = _unfenced(text)
    try:
        return json.loads(body, parse_constant=_no_constant, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        raise NotJson(f"{error.msg} at char {error.pos + offset}") from error
    except RecursionError as error:
        raise NotJson("nested too deeply") from error
    except NotJson:
        raise
    except ValueError as error:  # an integer of thousands of digits
        raise NotJson("a number has too many digits") from error


def difference(expected: Any, actual: Any, path: str = "$") -> str:
    """The first difference of two JSON values as one line that begins with its path; empty where they are equal.

    1 equals 1.0, true does not equal 1, and the order of an object's keys is nothing.
    """
    if isinstance(expected, dict) and isinstance(actual, dict):
        return _object_difference(expected, actual, path)
    if isinstance(expected, list) and isinstance(actual, list):
        return _array_difference(expected, actual, path)
    if isinstance(expected, bool) == isinstance(actual, bool) and expected == actual:
        return ""
    return f"{path}: expected {shown(expected)}, got {shown(actual)}"


def _object_difference(expected: dict[str, Any], actual: dict[str, Any], path: str) -> str:
    for key, value in expected.items():
        if key not in actual:
            return f"{path}.{key} is missing"
        if differs := difference(value, actual[key], f"{path}.{key}"):
            return differs
    return next((f"{path}.{key} is not expected" for key in actual if key not in expected), "")


def _array_difference(expected: list[Any], actual: list[Any], path: str) -> str:
    for index, (one, other) in enumerate(zip(expected, actual, strict=False)):
        if differs := difference(one, other, f"{path}[{index}]"):
            return differs
    if len(expected) != len(actual):
        return f"{path}: expected {len(expected)} items, got {len(actual)}"
    return ""


def _unfenced(text: str) -> tuple[str, int]:
    """What stands in the fence that the whole text is, and where it begins there; or the text itself."""
    body = text.strip()
    start, _, rest = body.removeprefix(_FENCE).partition("\n")
    if not (body.startswith(_FENCE) and rest.endswith(_FENCE) and start.strip().lower() in ("", "json")):
        return text, 0
    inside = rest.removesuffix(_FENCE)
    return inside, text.index(body) + len(body) - len(rest)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    built = dict(pairs)
    if len(built) < len(pairs):
        ((twice, _),) = Counter(name for name, _ in pairs).most_common(1)
        raise NotJson(f"the key {shown(twice)} stands there twice")
    return built


def _no_constant(name: str) -> NoReturn:
    raise NotJson(f"{name} is no JSON number")
