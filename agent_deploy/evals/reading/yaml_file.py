"""YAML, read from libyaml's events: one pass, no aliases to blow up, every case and key with its line.

Plain scalars are resolved as the core schema of YAML 1.2.2 (section 10.3.2) does null and booleans, and as JSON does
numbers. All else is text: `no`, `off`, `12:30`, `2024-01-01` and `0123` are labels, times and codes here, not values.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from agent_deploy.evals.reading.rows import CASES_KEYS, MOST_DEPTH, Document, Faults, Row, Unreadable

if TYPE_CHECKING:
    from yaml.events import Event

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_NOT_JSON = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_WORDS = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_ALIAS = "an anchor or alias (&x, *x); an eval set is read by people: write the value out"


def read_yaml(text: str, faults: Faults) -> Document:
    """The document; adds what can be told without stopping to the faults. Raises Unreadable."""
    from yaml import YAMLError

    try:
        return _Reader(next_event(text), faults).document()
    except YAMLError as error:
        raise _unreadable(error, text) from error


def next_event(text: str) -> Callable[[], Event]:
    """A function that gives libyaml's next event of this text (or PyYAML's own, where libyaml is not built in)."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    get: Callable[[], Event] = loader(text).get_event
    return get


def resolve(text: str) -> Any:
    """The value of a plain scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "-+.0123456789":
        return text
    number = _NUMBER.fullmatch(text)
    if number:
        return float(text) if number.group(1) or number.group(2) else int(text)
    return float(text.replace(".", "")) if _NOT_JSON.fullmatch(text) else text


def _unreadable(error: Exception, text: str) -> Unreadable:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is not None:
        return Unreadable(mark.line + 1, f"not YAML: {getattr(error, 'problem', None) or 'it ends too early'}")
    position = getattr(error, "position", 0)  # a character that YAML does not allow
    line = text.encode()[:position].count(b"\n") + 1
    return Unreadable(line, f"not YAML: {getattr(error, 'reason', error)}")


class _Reader:
    """Walks the events once, top down."""

    def __init__(self, following: Callable[[], Event], faults: Faults) -> None:
        from yaml import events

        self._next = following
        self._faults = faults
        self._events = events

    def document(self) -> Document:
        """The one document of the stream."""
        self._next()  # the stream begins
        if isinstance(self._next(), self._events.StreamEndEvent):
            raise Unreadable(1, "is empty; an eval set holds one case at least")
        document = self._top(self._next())
        self._next()  # the document ends
        after = self._next()
        if not isinstance(after, self._events.StreamEndEvent):
            raise Unreadable(_line(after), "a second YAML document begins; an eval set is one")
        return document

    def _top(self, event: Event) -> Document:
        if isinstance(event, self._events.SequenceStartEvent):
            self._check(event)
            return Document(self._rows())
        if not isinstance(event, self._events.MappingStartEvent):
            raise Unreadable(_line(event), "an eval set is a list of cases, or a mapping with `cases`")
        self._check(event)
        rows: list[Row] = []
        head = self._mapping(event, 1, rows)
        return Document(rows, head)

    def _rows(self) -> list[Row]:
        rows = []
        while not isinstance(event := self._next(), self._events.SequenceEndEvent):
            if isinstance(event, self._events.MappingStartEvent):
                self._check(event)
                rows.append(self._mapping(event, 2))
            else:
                self._value(event, 2)
                self._faults.add(_line(event), "a case is a mapping with `input`, and here is something else")
        return rows

    def _mapping(self, start: Event, depth: int, rows: list[Row] | None = None) -> Row:
        """A mapping with the lines of its keys. rows: takes the cases, where this is the mapping around them."""
        values: dict[str, Any] = {}
        lines: dict[str, int] = {}
        while not isinstance(event := self._next(), self._events.MappingEndEvent):
            key = self._key(event, values, depth)
            value = self._next()
            lines[key] = _line(event)
            if rows is not None and key in CASES_KEYS and isinstance(value, self._events.SequenceStartEvent):
                self._check(value)
                rows += self._rows()
                values[key] = []
            else:
                values[key] = self._value(value, depth)
        return Row(_line(start), values, lines)

    def _key(self, event: Event, seen: dict[str, Any], depth: int) -> str:
        if not isinstance(event, self._events.ScalarEvent):
            self._value(event, depth)
            self._faults.add(_line(event), "a key must be text")
            return ""
        self._check(event)
        key: str = event.value
        if key in seen:
            self._faults.add(_line(event), f"key {key!r} stands twice")
        return key

    def _value(self, event: Event, depth: int) -> Any:
        self._check(event)
        if isinstance(event, self._events.ScalarEvent):
            return event.value if event.style else self._plain(event)
        if depth > MOST_DEPTH:
            raise Unreadable(_line(event), f"nested more than {MOST_DEPTH} deep")
        if isinstance(event, self._events.SequenceStartEvent):
            items = []
            while not isinstance(item := self._next(), self._events.SequenceEndEvent):
                items.append(self._value(item, depth + 1))
            return items
        if isinstance(event, self._events.MappingStartEvent):
            values: dict[str, Any] = {}
            while not isinstance(key := self._next(), self._events.MappingEndEvent):
                name = self._key(key, values, depth + 1)
                values[name] = self._value(self._next(), depth + 1)
            return values
        return None

    def _plain(self, event: Any) -> Any:
        try:
            return resolve(event.value)
        except ValueError:  # a number of thousands of digits
            self._faults.add(_line(event), "a number has too many digits; put it in quotes if it is text")
            return None

    def _check(self, event: Any) -> None:
        if event.anchor is not None:
            self._faults.add(_line(event), _ALIAS)
        elif event.tag is not None:
            self._faults.add(_line(event), f"a tag ({event.tag}); an eval set holds plain values only")


def _line(event: Any) -> int:
    line: int = event.start_mark.line
    return line + 1
