"""Eval set files: YAML, JSON, JSON lines and CSV, in our names of the fields and in other people's."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from agent_deploy.evals.cases import Case, EvalSet, ScorerSpec
from agent_deploy.evals.reading.fields import case_of
from agent_deploy.evals.reading.rows import CASES_KEYS, MOST_FAULTS, Document, Fault, Faults, Row, Unreadable, decode
from agent_deploy.evals.reading.specs import evaluators_of, specs_of
from registry.errors import BadInput
from registry.names import nearest

MOST_BYTES = 20 * 2**20
SUFFIXES = (".yaml", ".yml", ".jsonl", ".ndjson", ".json", ".csv")
_HEAD = ("description", "name", "scorers", "evaluators", "$schema", *CASES_KEYS)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file says: the set, or else the faults that keep it from being one, by line, `MOST_FAULTS` at most."""

    eval_set: EvalSet | None
    faults: tuple[Fault, ...] = ()


def read_eval_set(path: Path, name: str | None = None) -> EvalSet:
    """The eval set of a file. name: how the user named it, for messages and the set itself.

    Raises BadInput, `path:line: …`, at the first fault.
    """
    name = name or str(path)
    reading = parse_eval_set(set_bytes(path, name), path.suffix, name)
    if reading.eval_set is not None:
        return reading.eval_set
    first, further = reading.faults[0], len(reading.faults) - 1
    more = f" (and {further} more)" if further else ""
    raise BadInput(
        f"{name}:{first.line}: {first.message}{more}",
        next_command=f"agent-deploy evals check {name}" if further else "",
    )


def set_bytes(path: Path, name: str) -> bytes:
    """As `read_bytes`; where there is no such file, the next command names the one that was meant, or begins it."""
    if path.suffix.lower() not in SUFFIXES or path.exists():
        return read_bytes(path, name)
    beside = {each.stem: each.name for each in path.parent.glob("*") if each.suffix.lower() in SUFFIXES}
    close = get_close_matches(path.stem, beside, n=1)
    meant = str(Path(name).with_name(beside[close[0]])) if close else ""
    begin = f"agent-deploy evals add {shlex.quote(name)} --input TEXT --expected TEXT   # begins it"
    raise BadInput(
        f"{name}: cannot be read: No such file or directory{f'; did you mean {meant}?' if meant else ''}",
        next_command=f"agent-deploy evals check {shlex.quote(meant)}" if meant else begin,
    )


def read_bytes(path: Path, name: str) -> bytes:
    """The file's bytes. Raises BadInput where there is no such file, or one too large, or of another kind."""
    if path.suffix.lower() not in SUFFIXES:
        raise BadInput(f"{name}: an eval set is YAML, JSON, JSON lines or CSV ({', '.join(SUFFIXES)})")
    try:
        if path.stat().st_size > MOST_BYTES:
            raise BadInput(f"{name}: has more than {MOST_BYTES // 2**20} MiB; split the set")
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{name}: cannot be read: {error.strerror}") from error


def parse_eval_set(data: bytes, suffix: str, name: str) -> Reading:
    """What a file of this suffix would say with this content."""
    faults = Faults()
    try:
        document = read_document(data, suffix, faults)
    except Unreadable as error:
        return Reading(None, _in_order([*faults.found[: MOST_FAULTS - 1], error.fault]))
    description, scorers = _head(document.head, faults)
    cases = [case for row in document.rows if (case := case_of(row, faults)) is not None]
    _check_ids(cases, faults)
    if not document.rows and not faults.found:
        faults.add(document.head.line, "holds no case; an empty set would pass anything")
    if faults.found:
        return Reading(None, _in_order(faults.found))
    return Reading(EvalSet(name, tuple(cases), scorers, description))


def _in_order(faults: list[Fault]) -> tuple[Fault, ...]:
    return tuple(sorted(faults, key=lambda fault: fault.line))


def read_document(data: bytes, suffix: str, faults: Faults) -> Document:
    """The rows of a file of this suffix. Raises Unreadable."""
    if len(data) > MOST_BYTES:
        raise Unreadable(1, f"has more than {MOST_BYTES // 2**20} MiB; split the set")
    text = decode(data)
    if not text.strip():
        raise Unreadable(1, "is empty; an eval set holds one case at least")
    return _reader(suffix.lower())(text, faults)


def _reader(suffix: str) -> Callable[[str, Faults], Document]:
    if suffix in (".yaml", ".yml"):
        from agent_deploy.evals.reading.yaml_file import read_yaml

        return read_yaml
    if suffix == ".csv":
        from agent_deploy.evals.reading.csv_file import read_csv

        return read_csv
    from agent_deploy.evals.reading.json_file import read_json, read_json_lines

    return read_json if suffix == ".json" else read_json_lines


def _head(head: Row, faults: Faults) -> tuple[str, tuple[ScorerSpec, ...]]:
    """Description and scorers of the mapping around the cases, checked."""
    values = head.values
    if not values:
        return "", ()
    for key in values:
        if key not in _HEAD:
            faults.add(head.line_of(key), f"unknown key {key!r}{nearest(key, _HEAD)}")
    there = [key for key in CASES_KEYS if key in values]
    if len(there) != 1:
        faults.add(head.line, f"has both {' and '.join(there)}; give one" if there else "has no 'cases'")
    elif values[there[0]] != []:
        faults.add(head.line_of(there[0]), f"{there[0]!r} must be a list of cases, not {values[there[0]]!r:.60}")
    return _description(head, faults), _scorers(values, head, faults)


def _description(head: Row, faults: Faults) -> str:
    for key in ("description", "name"):  # name: pydantic-evals
        value = head.values.get(key)
        if isinstance(value, str):
            return value
        if value is not None:
            faults.add(head.line_of(key), f"{key!r} must be text, not {value!r}")
    return ""


def _scorers(values: Mapping[str, Any], head: Row, faults: Faults) -> tuple[ScorerSpec, ...]:
    if values.get("scorers") and values.get("evaluators"):
        faults.add(head.line_of("evaluators"), "'scorers' and 'evaluators' are two names of the same; give one")
    for key, parse in (("scorers", specs_of), ("evaluators", evaluators_of)):
        if values.get(key) is not None:
            try:
                return parse(values[key])
            except ValueError as error:
                faults.add(head.line_of(key), f"{key!r}: {error}")
    return ()


def _check_ids(cases: list[Case], faults: Faults) -> None:
    first: dict[str, Case] = {}
    for case in cases:
        other = first.setdefault(case.id, case)
        if other is not case:
            why = "" if case.input != other.input else ", and so is the input"
            faults.add(case.line, f"id {case.id!r} is taken by the case of line {other.line}{why}")
