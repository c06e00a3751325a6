"""CSV with a header, as Excel and promptfoo write it (RFC 4180; `,`, `;` or tab between the columns).

Every cell is text; an empty one says nothing. A column `expected.queue` is a field of an object, and so are `input.x`
and `metadata.x`. With no column of input, the columns that mean nothing to us are the fields of the input: the
variables of a promptfoo table.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import Any

from agent_deploy.evals.reading.json_file import DECODER
from agent_deploy.evals.reading.rows import Document, Faults, Row, Unreadable

_OURS = ("id", "expected", "expected_output", "target", "tags", "critical", "cluster", "source", "metadata", "scorers")
_INPUT = ("input", "inputs")
_JSON = ("metadata", "scorers")
_DOTTED = re.compile(r"(input|expected|metadata)\.(.+)")
_ASSERTS = re.compile(r"__expected\d*")
_TRUTH = {"true": True, "1": True, "yes": True, "x": True, "false": False, "0": False, "no": False}
_MOST_IN_A_CELL = 16 * 2**20


def read_csv(text: str, faults: Faults) -> Document:
    """A case a row. Raises Unreadable where the table itself is broken."""
    rows = []
    header: list[str] = []
    for line, cells in records(text):
        if not header:
            header = _checked([cell.strip() for cell in cells], line, faults)
        elif len(cells) != len(header):
            faults.add(line, f"{len(cells)} cells under {len(header)} columns; quote a cell that holds the separator")
        else:
            rows.append(_row(dict(zip(header, cells, strict=True)), line, faults))
    if not header:
        raise Unreadable(1, "is empty; the first line names the columns")
    return Document(rows)


def records(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each record and the line that it begins in; empty lines left out. Raises Unreadable."""
    csv.field_size_limit(_MOST_IN_A_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(text), strict=True)
    line = 1
    try:
        for cells in reader:
            if cells:
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise Unreadable(line, f"not CSV: {error}") from error


def delimiter_of(text: str) -> str:
    """What stands between the columns: of `,`, `;` and tab, the one that the first line has most of."""
    header = re.sub(r'"[^"]*"', "", text.split("\n", 1)[0])
    return max(",;\t", key=header.count)


def _checked(header: list[str], line: int, faults: Faults) -> list[str]:
    for number, name in enumerate(header, start=1):
        if not name:
            faults.add(line, f"column {number} has no name")
        elif name in header[: number - 1]:
            faults.add(line, f"column {name!r} stands twice")
    return header


def _row(cells: dict[str, str], line: int, faults: Faults) -> Row:
    values: dict[str, Any] = {}
    has_input = any(name in cells for name in _INPUT) or any(name.startswith("input.") for name in cells)
    for name, cell in cells.items():
        try:
            _take(values, name, cell, has_input)
        except ValueError as error:
            faults.add(line, f"column {name!r}: {error}")
    return Row(line, values)


def _take(values: dict[str, Any], name: str, cell: str, has_input: bool) -> None:
    dotted = _DOTTED.fullmatch(name)
    if name in _INPUT:
        values[name] = cell
    elif dotted:
        if cell or dotted[1] == "input":
            _field(values, dotted[1], dotted[2], cell)
    elif name in _OURS:
        if cell:
            values[name] = _cell(name, cell)
    elif name.startswith("__"):
        if cell:
            _promptfoo(values, name, cell)
    elif has_input:
        values[name] = cell  # whoever reads the fields says that it is none
    else:
        _field(values, "input", name, cell)


def _field(values: dict[str, Any], name: str, field: str, cell: str) -> None:
    target = values.setdefault(name, {})
    if not isinstance(target, dict):
        raise ValueError(f"there is a column {name!r} as well; have one or the other")
    target[field] = cell


def _cell(name: str, cell: str) -> Any:
    if name == "tags":
        return [tag.strip() for tag in re.split("[;,]", cell) if tag.strip()]
    if name == "critical":
        if cell.strip().lower() not in _TRUTH:
            raise ValueError(f"{cell!r} is neither true nor false")
        return _TRUTH[cell.strip().lower()]
    if name in _JSON and cell.lstrip()[:1] in ("{", "["):
        try:
            return DECODER.decode(cell)
        except Exception as error:
            raise ValueError(f"not JSON: {error}") from error
    return cell


def _promptfoo(values: dict[str, Any], name: str, cell: str) -> None:
    if _ASSERTS.fullmatch(name):
        values.setdefault("assert", []).append(cell)
    elif name == "__description":
        values["description"] = cell
    elif name.startswith("__metadata:"):
        _field(values, "metadata", name.removeprefix("__metadata:"), cell)
    else:
        raise ValueError("promptfoo knows it, this does not")
