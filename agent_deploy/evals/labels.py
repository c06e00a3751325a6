"""Outputs that people have judged, read from a file: what an LLM judge is measured by."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent_deploy.evals.reading.rows import Faults, Row
from registry.errors import BadInput
from registry.names import nearest

_LABELS = {"passed": True, "failed": False}
_KEYS = ("id", "input", "output", "expected", "label")


@dataclass(frozen=True, slots=True)
class Labelled:
    """One output and what people say of it. id: unique in its file; `row-3` where the file gives none."""

    id: str
    input: Any
    output: Any
    expected: Any
    passed: bool


def read_labels(path: Path, name: str) -> list[Labelled]:
    """The labelled outputs of a YAML, JSON, JSON lines or CSV file, `id, input, output, expected, label` a row.

    label: `passed` or `failed`. Raises BadInput, `path:line: …`.
    """
    labelled: dict[str, Labelled] = {}
    for number, row in enumerate(_rows(path, name), start=1):
        found = _labelled(row, name, number)
        if found.id in labelled:
            raise BadInput(f"{name}:{row.line}: id {found.id!r} is there twice")
        labelled[found.id] = found
    return list(labelled.values())


def _rows(path: Path, name: str) -> list[Row]:
    from agent_deploy.evals.reading import read_bytes
    from agent_deploy.evals.reading.rows import Unreadable

    faults = Faults()
    try:
        rows = _document(read_bytes(path, name), path.suffix.lower(), faults)
    except Unreadable as error:
        faults.found.append(error.fault)
    if faults.found:
        raise BadInput(f"{name}:{faults.found[0].line}: {faults.found[0].message}")
    if not rows:
        raise BadInput(f"{name}: holds no labelled output")
    return rows


def _document(data: bytes, suffix: str, faults: Faults) -> list[Row]:
    from agent_deploy.evals.reading import read_document
    from agent_deploy.evals.reading.csv_file import records
    from agent_deploy.evals.reading.rows import decode

    if suffix != ".csv":
        return read_document(data, suffix, faults).rows
    table = list(records(decode(data)))
    header = table[0][1] if table else []
    return [Row(line, _told(dict(zip(header, cells, strict=False)))) for line, cells in table[1:]]


def _told(values: dict[str, str]) -> dict[str, str]:
    """Without the empty cells, which say nothing; but an output may be empty."""
    return {name: value for name, value in values.items() if value or name == "output"}


def _labelled(row: Row, name: str, number: int) -> Labelled:
    values = row.values
    for key in values:
        if key not in _KEYS:
            raise BadInput(f"{name}:{row.line_of(key)}: unknown key {key!r}{nearest(key, _KEYS)}")
    for key in ("output", "label"):
        if key not in values:
            raise BadInput(f"{name}:{row.line}: has no {key!r}")
    label = values["label"]
    if label not in _LABELS:
        raise BadInput(f"{name}:{row.line_of('label')}: 'label' must be passed or failed, not {label!r}")
    id_ = str(values.get("id") or f"row-{number}")
    return Labelled(id_, values.get("input"), values["output"], values.get("expected"), _LABELS[label])
