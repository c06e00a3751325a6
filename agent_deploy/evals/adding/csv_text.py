"""A record more in a CSV, in its columns, separator, quotes and line ends. What was there stays byte for byte."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from agent_deploy.evals.adding.json_text import newline_of
from agent_deploy.evals.adding.naming import Draft
from agent_deploy.evals.reading.asserts import asserts_of
from agent_deploy.evals.reading.csv_file import delimiter_of, records
from agent_deploy.evals.reading.fields import derived_id
from registry.errors import BadInput

_UNCHANGED = "Nothing was written."
_EXPECTED = ("expected", "expected_output", "target", "__expected", "__expected1")
_INPUT = ("input", "inputs")
_OTHER = ("id", "tags", "critical", "cluster", "source")


def append_csv(text: str, draft: Draft) -> str:
    """The text of a CSV file with one record more. Raises BadInput where a value has no column, or is no text."""
    table = [cells for _, cells in records(text)]
    header = [name.strip() for name in table[0]]
    delimiter, newline = delimiter_of(text), newline_of(text)
    cells = _cells(draft, header, table[1:], delimiter)
    record = _written([[cells.get(name, "") for name in header]], text, table[-1], delimiter, newline)
    before = "" if text.endswith("\n") else newline
    return f"{text}{before}{record}"


def new_csv(draft: Draft) -> str:
    """The text of a CSV file with this case alone."""
    given = [f"input.{name}" for name in draft.input] if isinstance(draft.input, dict) else ["input"]
    wanted = [f"expected.{name}" for name in draft.expected] if isinstance(draft.expected, dict) else ["expected"]
    header = ["id", *given, *wanted, "tags", "critical", "cluster", "source"]
    return append_csv(",".join(header) + "\n", draft)


def _cells(draft: Draft, header: list[str], rows: Sequence[Sequence[str]], delimiter: str) -> dict[str, str]:
    cells = {**_given(draft.input, header), **_wanted(draft.expected, header)}
    has_ids = "id" in header and (not rows or any(row[header.index("id")] for row in rows))
    separator = ", " if delimiter == ";" else ";"
    truth = _spelt("critical", header, rows)
    others = {
        "id": draft.id or (derived_id(draft.input) if has_ids else ""),
        "tags": separator.join(draft.tags),
        "critical": truth if draft.critical else "",
        "cluster": draft.cluster,
        "source": "" if draft.source is None else f"{draft.source.kind}:{draft.source.ref}".rstrip(":"),
    }
    if draft.source is not None and draft.source.kind == "url":
        others["source"] = draft.source.ref
    for name, cell in others.items():
        if cell:
            cells[_column(name, header)] = cell
    return cells


def _spelt(name: str, header: list[str], rows: Sequence[Sequence[str]]) -> str:
    """How the file writes true in this column."""
    if name not in header:
        return "true"
    said = (row[header.index(name)] for row in reversed(rows) if len(row) == len(header))
    return next((cell for cell in said if cell.strip().lower() in ("true", "1", "yes", "x")), "true")


def _given(value: Any, header: list[str]) -> dict[str, str]:
    plain = next((name for name in _INPUT if name in header), "")
    if plain:
        return {plain: _text(value, "--input")}
    dotted = any(name.startswith("input.") for name in header)
    columns = [name for name in header if name.startswith("input.")] if dotted else _variables(header)
    if not isinstance(value, dict):
        if len(columns) != 1:
            raise BadInput(f"--input: give an object of {', '.join(columns)}", unchanged=_UNCHANGED)
        return {columns[0]: _text(value, "--input")}
    prefix = "input." if dotted else ""
    return {_column(prefix + name, header): _text(inner, f"--input, {name}") for name, inner in value.items()}


def _variables(header: list[str]) -> list[str]:
    ours = (*_EXPECTED, *_OTHER, "metadata", "scorers")
    return [name for name in header if name not in ours and "." not in name and not name.startswith("__")]


def _wanted(value: Any, header: list[str]) -> dict[str, str]:
    if value is None:
        return {}
    if isinstance(value, dict):
        return {
            _column(f"expected.{name}", header): _text(inner, f"--expected, {name}") for name, inner in value.items()
        }
    dotted = [name for name in header if name.startswith("expected.")]
    if len(dotted) == 1:
        return {dotted[0]: _text(value, "--expected")}
    plain = next((name for name in _EXPECTED if name in header), "expected")
    text = _text(value, "--expected")
    if plain.startswith("__") and asserts_of([text])[0].options != {"value": text}:
        text = f"equals:{text}"  # else its first word would name another assertion
    return {_column(plain, header): text}


def _column(name: str, header: list[str]) -> str:
    if name not in header:
        raise BadInput(f"the file has no column {name!r} for that; add it to the first line", unchanged=_UNCHANGED)
    return name


def _text(value: Any, option: str) -> str:
    if not isinstance(value, str):
        raise BadInput(f"{option}: a cell of a CSV holds text, not {json.dumps(value)}", unchanged=_UNCHANGED)
    return value


def _written(rows: list[list[str]], text: str, last: list[str], delimiter: str, newline: str) -> str:
    """The records as the file would have them: every cell in quotes where the last record has them so."""

    def dump(records: list[list[str]], quoting: Any) -> str:
        out = io.StringIO()
        csv.writer(out, delimiter=delimiter, lineterminator=newline, quoting=quoting).writerows(records)
        return out.getvalue()

    quoted = text.rstrip("\r\n").endswith(dump([last], csv.QUOTE_ALL).rstrip("\r\n"))
    return dump(rows, csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL)
