"""A case is appended to an eval set, in the file's own format, names and order: a complaint becomes a test.

Text is only ever put in; the new content is read back before it takes the old one's place, and has to say the old
cases and the new one, else nothing is written.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agent_deploy.evals.adding.naming import Draft, alike, row_of
from agent_deploy.evals.cases import Case, EvalSet
from agent_deploy.evals.reading import SUFFIXES, parse_eval_set, read_bytes, read_document, read_eval_set
from agent_deploy.evals.reading.rows import Faults, Row, decode
from registry.errors import BadInput, Conflict

SCHEMA = "eval-set.schema.json"  # where a new file's editor header looks for the schema: beside it
_UNCHANGED = "Nothing was written."
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Added:
    """The case as the file now has it (its `line` says where), and whether the file is new."""

    case: Case
    created: bool


def add_case(path: Path, draft: Draft, name: str | None = None) -> Added:
    """Append the case. A file that is not there, or is empty, is begun, its format told by its suffix.

    name: how the user named the file. Raises BadInput, with nothing written: the file is no eval set, has that id or
    that input already, or has no place for what the case says; Conflict where somebody else wrote it meanwhile.
    """
    name = name or str(path)
    path = path.resolve()  # a link stays one
    before = _content(path, name)
    if not before:
        return Added(_begin(path, draft, name), created=True)
    old = read_eval_set(path, name)
    text = decode(before)
    rows = read_document(before, path.suffix, Faults()).rows
    _check_input(draft, old, name)
    bom = _BOM if before.startswith(_BOM) else b""
    after = bom + _appended(text, path.suffix.lower(), draft, rows).encode()
    case = _checked(after, path.suffix, name, old, draft)
    _replace(path, before, after, name)
    return Added(case, created=False)


def _content(path: Path, name: str) -> bytes:
    if path.suffix.lower() not in SUFFIXES or path.exists():
        return read_bytes(path, name)
    return b""


def _begin(path: Path, draft: Draft, name: str) -> Case:
    after = _new(path.suffix.lower(), draft).encode()
    case = _checked(after, path.suffix, name, EvalSet(name, ()), draft)
    path.parent.mkdir(parents=True, exist_ok=True)
    _replace(path, b"", after, name)
    return case


def _appended(text: str, suffix: str, draft: Draft, rows: list[Row]) -> str:
    if suffix == ".csv":
        from agent_deploy.evals.adding.csv_text import append_csv

        return append_csv(text, draft)
    row = row_of(draft, rows)
    if suffix in (".yaml", ".yml"):
        from agent_deploy.evals.adding.yaml_text import append_yaml

        return append_yaml(text, row)
    from agent_deploy.evals.adding.json_text import append_json, append_json_line

    return append_json(text, row) if suffix == ".json" else append_json_line(text, row)


def _new(suffix: str, draft: Draft) -> str:
    if suffix == ".csv":
        from agent_deploy.evals.adding.csv_text import new_csv

        return new_csv(draft)
    row = row_of(draft, ())
    if suffix in (".yaml", ".yml"):
        from agent_deploy.evals.adding.yaml_text import new_yaml

        return new_yaml(row, SCHEMA)
    from agent_deploy.evals.adding.json_text import append_json_line, new_json

    return new_json(row, SCHEMA) if suffix == ".json" else append_json_line("", row)


def _check_input(draft: Draft, old: EvalSet, name: str) -> None:
    for case in old.cases:
        if draft.id and case.id == draft.id:
            raise BadInput(f"{name}:{case.line}: id {draft.id!r} is taken by the case there", unchanged=_UNCHANGED)
        if case.input == alike(draft.input, case.input):
            raise BadInput(f"{name}:{case.line}: case {case.id!r} has the same input", unchanged=_UNCHANGED)


def _checked(after: bytes, suffix: str, name: str, old: EvalSet, draft: Draft) -> Case:
    """The new case as it reads back. Raises BadInput where the file would not say the old set and the draft."""
    reading = parse_eval_set(after, suffix, name)
    if reading.eval_set is None:
        fault = reading.faults[0]
        raise BadInput(f"{name}: the case cannot be added: {fault.message}", unchanged=_UNCHANGED)
    new = reading.eval_set
    *kept, case = new.cases
    same = (tuple(kept), new.scorers, new.description) == (old.cases, old.scorers, old.description)
    if not same or not _says(case, draft):
        raise BadInput(
            f"{name}: the case cannot be added without changing what the file says",
            unchanged=_UNCHANGED,
            next_command=f"write the case by hand, then: agent-deploy evals check {name}",
        )
    return case


def _says(case: Case, draft: Draft) -> bool:
    """Whether the case is the draft, in the form that the file gives it."""
    wanted = case.scorers[0].options.get("value") if case.expected is None and case.scorers else case.expected
    return (case.input, wanted, case.tags, case.critical, case.cluster, case.source) == (
        alike(draft.input, case.input),
        alike(draft.expected, wanted),
        draft.tags,
        draft.critical,
        draft.cluster,
        draft.source,
    ) and draft.id in ("", case.id)


def _replace(path: Path, before: bytes, after: bytes, name: str) -> None:
    """Put the new content in the old one's place, whole or not at all, with the old one's mode."""
    handle, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(after)
            file.flush()
            os.fsync(file.fileno())
        Path(aside).chmod(path.stat().st_mode & 0o7777 if path.exists() else 0o666 & ~_umask())
        if (path.read_bytes() if path.exists() else b"") != before:
            raise Conflict(f"{name} was changed meanwhile", unchanged=_UNCHANGED)
        Path(aside).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(aside).unlink()
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
