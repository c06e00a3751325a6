"""JSON and JSON lines (RFC 8259), every case with its line."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Iterator
from typing import Any

from agent_deploy.evals.reading.rows import CASES_KEYS, Document, Faults, Row, Unreadable

_SPACE = re.compile(r"[ \t\r\n]*")
_TOO_DEEP = "nested too deeply"


class _Twice(Exception):
    """A key stands twice in one object."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) == len(pairs):
        return values
    keys = [key for key, _ in pairs]
    raise _Twice(next(key for key in keys if keys.count(key) > 1))


DECODER = json.JSONDecoder(object_pairs_hook=_once)


def read_json_lines(text: str, faults: Faults) -> Document:
    """A case a line; empty lines are passed over, and a line that is no JSON object is a fault of its own."""
    rows = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = DECODER.decode(line)
        except (ValueError, _Twice, RecursionError) as error:
            faults.add(number, _said(error))
            continue
        if isinstance(value, dict):
            rows.append(Row(number, value))
        else:
            faults.add(number, "a case is an object with `input`, and here is something else")
    return Document(rows)


def read_json(text: str, faults: Faults) -> Document:
    """A list of cases, or an object with `cases`. Raises Unreadable at the first place that is not JSON."""
    walk = Walk(text)
    start = walk.skip(0)
    if text[start : start + 1] == "[":
        rows, end = _rows(walk, start, faults)
        document = Document(rows)
    elif text[start : start + 1] == "{":
        document, end = _object(walk, start, faults)
    else:
        raise Unreadable(walk.line(start), "an eval set is a list of cases, or an object with `cases`")
    if walk.skip(end) < len(text):
        raise Unreadable(walk.line(walk.skip(end)), "not JSON: there is more after the end")
    return document


def _object(walk: Walk, start: int, faults: Faults) -> tuple[Document, int]:
    rows: list[Row] = []
    values: dict[str, Any] = {}
    lines: dict[str, int] = {}
    members = walk.members(start)
    for key, at, value_at in members:
        if key in values:
            faults.add(walk.line(at), f"key {key!r} stands twice")
        lines[key] = walk.line(at)
        if key in CASES_KEYS and walk.text[value_at] == "[":
            found, end = _rows(walk, value_at, faults)
            rows += found
            values[key] = []
        else:
            values[key], end = walk.value(value_at)
        walk.end = end
    return Document(rows, Row(walk.line(start), values, lines)), walk.end


def _rows(walk: Walk, start: int, faults: Faults) -> tuple[list[Row], int]:
    rows: list[Row] = []
    for at in walk.items(start):
        if walk.text[at] == "{":
            rows.append(_row(walk, at, faults))
        else:
            _, walk.end = walk.value(at)
            faults.add(walk.line(at), "a case is an object with `input`, and here is something else")
    return rows, walk.end


def _row(walk: Walk, start: int, faults: Faults) -> Row:
    values: dict[str, Any] = {}
    lines: dict[str, int] = {}
    for key, at, value_at in walk.members(start):
        if key in values:
            faults.add(walk.line(at), f"key {key!r} stands twice")
        lines[key] = walk.line(at)
        values[key], walk.end = walk.value(value_at)
    return Row(walk.line(start), values, lines)


class Walk:
    """Steps through JSON text, so that positions are known. end: past the value that was taken last."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.end = 0
        self._breaks = [found.start() for found in re.finditer("\n", text)]

    def line(self, at: int) -> int:
        """The line of a position."""
        return bisect_left(self._breaks, at) + 1

    def skip(self, at: int) -> int:
        """The position past white space."""
        found = _SPACE.match(self.text, at)
        return found.end() if found else at

    def value(self, at: int) -> tuple[Any, int]:
        """The value that begins here, and the position past it."""
        try:
            value: tuple[Any, int] = DECODER.raw_decode(self.text, at)
        except json.JSONDecodeError as error:
            raise Unreadable(self.line(error.pos), _said(error)) from error
        except (StopIteration, ValueError, _Twice, RecursionError) as error:
            raise Unreadable(self.line(at), _said(error)) from error
        return value

    def items(self, start: int) -> Iterator[int]:
        """The position of each item of the list that begins here; whoever takes it sets `end`."""
        at = self.skip(start + 1)
        if self.text[at : at + 1] == "]":
            self.end = at + 1
            return
        while True:
            self._here(at)
            yield at
            at, more = self._separator("]")
            if not more:
                return

    def members(self, start: int) -> Iterator[tuple[str, int, int]]:
        """Key, its position and its value's, of each member of the object; whoever takes the value sets `end`."""
        at = self.skip(start + 1)
        if self.text[at : at + 1] == "}":
            self.end = at + 1
            return
        while True:
            if self.text[at : at + 1] != '"':
                raise Unreadable(self.line(at), "not JSON: a key in double quotes has to stand here")
            key, end = self.value(at)
            colon = self.skip(end)
            if self.text[colon : colon + 1] != ":":
                raise Unreadable(self.line(colon), f"not JSON: after key {key!r} a colon is missing")
            yield key, at, self._here(self.skip(colon + 1))
            at, more = self._separator("}")
            if not more:
                return

    def _separator(self, closing: str) -> tuple[int, bool]:
        """Past a comma to what follows; or past the closing bracket, and no more."""
        at = self.skip(self.end)
        found = self.text[at : at + 1]
        if found == closing:
            self.end = at + 1
            return at, False
        if found != ",":
            raise Unreadable(self.line(at), f"not JSON: a comma or {closing} has to stand here")
        return self.skip(at + 1), True

    def _here(self, at: int) -> int:
        if at >= len(self.text):
            raise Unreadable(self.line(at), "not JSON: it ends too early")
        return at


def _said(error: BaseException) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error.msg} (column {error.colno})"
    if isinstance(error, _Twice):
        return f"key {str(error)!r} stands twice"
    return _TOO_DEEP if isinstance(error, RecursionError) else "not JSON: a number has too many digits"
