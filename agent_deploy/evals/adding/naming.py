"""How a file names and orders the fields of its cases, so that a new case is written like those before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agent_deploy.evals.cases import Origin
from agent_deploy.evals.reading.fields import NAMES, derived_id
from agent_deploy.evals.reading.rows import Row
from agent_deploy.evals.reading.yaml_file import resolve
from registry.errors import BadInput

_UNCHANGED = "Nothing was written."
_MOST_DIGITS = 30
_LOOKED_AT = 50  # the last cases show the file's ways
# What a family of names, told by its input, calls the fields that no case of the file has yet.
_FAMILIES = {
    "inputs": {"id": "name", "expected": "expected_output"},  # pydantic-evals
    "vars": {"id": "description", "expected": "assert"},  # promptfoo
}


@dataclass(frozen=True, slots=True)
class Draft:
    """A case to be added. Values are JSON values; id: empty to have one derived from the input."""

    input: Any
    expected: Any = None
    id: str = ""
    tags: tuple[str, ...] = ()
    critical: bool = False
    cluster: str = ""
    source: Origin | None = None


def row_of(draft: Draft, rows: Sequence[Row]) -> dict[str, Any]:
    """The case as a mapping in the file's own names and order. Raises BadInput where the input or what is expected
    cannot take the form that the file's cases have.
    """
    seen = [row.values for row in rows[-_LOOKED_AT:]]
    names = _names(seen)
    values = {field: value for field, value in _fields(draft, seen, names).items() if value is not None}
    named = {names[field]: value for field, value in values.items()}
    order = _order(seen)
    order = [*([] if names["id"] in order else [names["id"]]), *order, *named]
    return {name: named[name] for name in sorted(named, key=order.index)}


def _names(seen: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Field -> its name in this file: as the last case that has the field calls it."""
    names = {field: _last_used(known, seen) for field, known in NAMES.items()}
    family = _FAMILIES.get(names["input"], {})
    if names["input"] == "vars" and not names["id"]:
        names["id"] = _last_used(("description",), seen)
    return {field: name or family.get(field, field) for field, name in names.items()}


def _last_used(known: Sequence[str], seen: Sequence[dict[str, Any]]) -> str:
    return next((name for values in reversed(seen) for name in known if values.get(name) is not None), "")


def _order(seen: Sequence[dict[str, Any]]) -> list[str]:
    """The keys as the last case has them; those of earlier cases take their place behind the key before them."""
    order: list[str] = []
    for values in reversed(seen):
        before = -1
        for name in values:
            if name not in order:
                order.insert(before + 1, name)
            before = order.index(name)
    return order


def _fields(draft: Draft, seen: Sequence[dict[str, Any]], names: dict[str, str]) -> dict[str, Any]:
    given = _shaped(draft.input, "--input", _used(names["input"], seen), is_object=names["input"] == "vars")
    has_ids = not seen or bool(_used(names["id"], seen))
    every_case_says = bool(seen) and all("critical" in values for values in seen)
    return {
        "id": draft.id or (derived_id(given) if has_ids else None),
        "input": given,
        "expected": _expected(draft, names["expected"], seen),
        "tags": list(draft.tags) or None,
        "critical": draft.critical if draft.critical or every_case_says else None,
        "cluster": draft.cluster or None,
        "source": _source(draft.source, _used("source", seen)),
    }


def _used(name: str, seen: Sequence[dict[str, Any]]) -> list[Any]:
    return [values[name] for values in seen if values.get(name) is not None]


def _expected(draft: Draft, name: str, seen: Sequence[dict[str, Any]]) -> Any:
    if draft.expected is None:
        return None
    if name == "assert":
        return [{"type": "equals", "value": draft.expected}]
    return _shaped(draft.expected, "--expected", _used(name, seen))


def alike(given: Any, other: Any) -> Any:
    """A text in the form of the other value: the one field of an object, a number, true or false; else as it is."""
    if not isinstance(given, str):
        return given
    if isinstance(other, dict) and len(other) == 1:
        return {next(iter(other)): alike(given, next(iter(other.values())))}
    if isinstance(other, bool):
        return {"true": True, "false": False}.get(given, given)
    if not isinstance(other, int | float) or len(given) > _MOST_DIGITS:
        return given
    number = resolve(given)
    return number if isinstance(number, int | float) and not isinstance(number, bool) else given


def _shaped(value: Any, option: str, others: list[Any], *, is_object: bool = False) -> Any:
    """The value in the form of the others: a text, where they are objects that share one field, is that field."""
    objects = bool(others) and all(isinstance(other, dict) for other in others)
    if isinstance(value, dict) or not (objects or is_object):
        return alike(value, others[-1]) if others and not isinstance(others[-1], dict) else value
    last = others[-1] if objects else {"query": ""}
    shared = [name for name in last if all(name in other for other in others)] if objects else []
    if len(shared) == 1:
        return alike(value, {shared[0]: last[shared[0]]})
    fields = ", ".join(f'"{name}": …' for name in last)
    raise BadInput(f"{option}: the cases of this file have an object there: {{{fields}}}", unchanged=_UNCHANGED)


def _source(origin: Origin | None, others: list[Any]) -> Any:
    if origin is None:
        return None
    if others and isinstance(others[-1], str):
        return f"{origin.kind}:{origin.ref}" if origin.kind != "url" else origin.ref
    return {"kind": origin.kind, "ref": origin.ref} if origin.ref else {"kind": origin.kind}
