"""What the fields of a case may be called and hold: ours, and those of Inspect, pydantic-evals, DeepEval, promptfoo."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from agent_deploy.evals.cases import Case, Origin, ScorerSpec
from agent_deploy.evals.reading.asserts import asserts_of
from agent_deploy.evals.reading.rows import Faults, Row
from agent_deploy.evals.reading.specs import evaluators_of, specs_of

# Field -> the names that it goes by, ours first.
NAMES: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "name"),  # name: pydantic-evals
    "input": ("input", "inputs", "vars"),  # inputs: pydantic-evals; vars: promptfoo
    "expected": ("expected", "expected_output", "expectedOutput", "target"),  # pydantic-evals, DeepEval; Inspect
    "tags": ("tags",),
    "critical": ("critical",),
    "cluster": ("cluster",),
    "source": ("source",),
    "metadata": ("metadata", "additional_metadata", "additionalMetadata"),  # DeepEval
    "scorers": ("scorers", "assert", "evaluators"),  # promptfoo; pydantic-evals
}
# What DeepEval's goldens and promptfoo's tests say beside that: kept as metadata where it says anything.
KEPT = (
    "actual_output", "actualOutput", "comments", "context", "retrieval_context", "retrievalContext", "source_file",
    "sourceFile", "description",
)  # fmt: skip
# What would judge, and which nothing here reads: refused where it says anything.
_UNREAD = {"tools_called", "toolsCalled", "expected_tools", "expectedTools", "custom_column_key_values"}
KNOWN = (*(name for names in NAMES.values() for name in names), *KEPT)
T = TypeVar("T")

_MOST_LETTERS = 200
_MOST = 2**53 - 1  # JSON carries no greater number exactly (RFC 8259, section 6; RFC 7493)


def case_of(row: Row, faults: Faults) -> Case | None:
    """The case that a row says; None, with every fault of it told, where it says none."""
    before = len(faults.found)
    reader = _Fields(row, faults)
    case = reader.case()
    return case if len(faults.found) == before else None


def derived_id(given: Any) -> str:
    """The id of a case that has none: `case-` and 8 hex digits of its input's hash. The order of a file is nothing."""
    content = json.dumps(given, sort_keys=True, separators=(",", ":"))
    return f"case-{hashlib.sha256(content.encode()).hexdigest()[:8]}"


def label(value: Any) -> str:
    """A name on one line, as text; a whole number will do. Raises ValueError."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"must be text, not {value!r}")
    if not text.isprintable() or len(text) > _MOST_LETTERS:
        raise ValueError(f"must be one line of {_MOST_LETTERS} letters at most")
    return text


def origin_of(value: Any) -> Origin:
    """`complaint:TICKET-123`, or the same as kind and ref. Raises ValueError."""
    if isinstance(value, str):
        kind, _, ref = ("url", "", value) if value.startswith(("https://", "http://")) else value.partition(":")
        return Origin(label(kind.strip()), ref.strip())
    if not isinstance(value, dict) or not {"kind"} <= value.keys() <= {"kind", "ref"}:
        raise ValueError(f"must be kind:ref or {{kind, ref}}, not {value!r}")
    return Origin(label(value["kind"]), label(value["ref"]) if value.get("ref") not in (None, "") else "")


def problem_of(value: Any) -> str:
    """What in a value is no JSON that every reader understands alike; empty where nothing is."""
    if isinstance(value, str):
        return "" if value.isascii() and "\0" not in value else _problem_of_text(value)
    if isinstance(value, dict):
        return next(filter(None, map(problem_of, (*value, *value.values()))), "")
    if isinstance(value, list):
        return next(filter(None, map(problem_of, value)), "")
    if isinstance(value, float) and not math.isfinite(value):
        return "holds a number that is not finite, which JSON has not; put it in quotes if it is text"
    if isinstance(value, int) and abs(value) > _MOST:
        return f"holds a number past {_MOST}, which JSON carries inexactly; put it in quotes if it is text"
    return ""


def _problem_of_text(text: str) -> str:
    if "\0" in text:
        return "holds a NUL character"
    half = any("\ud800" <= character <= "\udfff" for character in text)
    return "holds half of a surrogate pair, which is no character" if half else ""


class _Fields:
    """Reads one row, field by field."""

    def __init__(self, row: Row, faults: Faults) -> None:
        self._row = row
        self._faults = faults
        self._values: dict[str, tuple[str, Any]] = {}
        self._metadata: dict[str, Any] = {}
        for field, names in NAMES.items():
            self._find(field, names)
        self._sort_out()

    def case(self) -> Case:
        """The case; of no use where faults were found."""
        given = self._input()
        scorers, expected = self._scorers(), self._values.get("expected", ("", None))
        if expected[0] == "target" and isinstance(expected[1], list) and not scorers:
            scorers, expected = (
                (ScorerSpec("one_of", {"value": expected[1]}),),
                ("target", None),
            )  # Inspect: any will do
        return Case(
            id=self._id(given),
            input=given,
            expected=expected[1],
            tags=self._take("tags", _tags, ()),
            critical=self._take("critical", _critical, False),
            cluster=self._take("cluster", label, ""),
            source=self._take("source", origin_of, None),
            metadata={**self._take("metadata", _object, {}), **self._metadata},
            scorers=scorers,
            line=self._row.line,
        )

    def _find(self, field: str, names: tuple[str, ...]) -> None:
        there = [name for name in names if name in self._row.values]
        if len(there) > 1:
            self._fault(there[1], f"{there[0]!r} and {there[1]!r} are two names of the same field; give one")
        for name in there[:1]:
            value = self._row.values[name]
            if value is not None:  # says nothing: pydantic-evals and DeepEval write every field
                self._values[field] = (name, value)

    def _sort_out(self) -> None:
        for name, value in self._row.values.items():
            if problem := problem_of(value):
                self._fault(name, f"{name!r} {problem}")
            if name in KEPT:
                if value not in (None, []):
                    self._metadata[name] = value
            elif name in _UNREAD:
                if value not in (None, [], {}):
                    self._fault(name, f"nothing here reads {name!r}; write what it judges as `scorers`")
            elif name not in KNOWN:
                from registry.names import nearest

                self._fault(name, f"unknown key {name!r}{nearest(name, KNOWN)}")

    def _input(self) -> Any:
        name, value = self._values.get("input", ("input", None))
        if value is None:
            self._fault(name, "has no 'input'" if name not in self._row.values else f"{name!r} is empty")
        elif name == "vars" and not isinstance(value, dict):
            self._fault(name, f"'vars' must be a mapping of variables, not {value!r}")
        return value

    def _id(self, given: Any) -> str:
        if "id" not in self._values and isinstance(self._metadata.get("description"), str):
            self._values["id"] = ("description", self._metadata.pop("description"))
        return self._take("id", label, "") or derived_id(given)

    def _scorers(self) -> tuple[ScorerSpec, ...]:
        name, _ = self._values.get("scorers", ("scorers", None))
        parse = {"scorers": specs_of, "assert": asserts_of, "evaluators": evaluators_of}[name]
        return self._take("scorers", parse, ())

    def _take(self, field: str, parse: Callable[[Any], T], absent: T) -> T:
        if field not in self._values:
            return absent
        name, value = self._values[field]
        try:
            return parse(value)
        except ValueError as error:
            self._fault(name, f"{name!r}: {error}")
            return absent

    def _fault(self, key: str, message: str) -> None:
        self._faults.add(self._row.line_of(key), message)


def _tags(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError(f"must be a list of texts, not {value!r}")
    return tuple(dict.fromkeys(_tag(tag) for tag in value))


def _tag(tag: Any) -> str:
    if not isinstance(tag, str):
        raise ValueError(f"{tag!r} is not text; put it in quotes")
    return label(tag)


def _critical(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, not {value!r}")
    return value


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"must be a mapping, not {value!r}")
    return value
