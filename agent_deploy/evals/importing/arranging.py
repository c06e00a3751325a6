"""Results in the order of a file, arranged as a run has them: by case and repeat, none lost."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from agent_deploy.evals.cases import Case, EvalSet
from agent_deploy.evals.results import Result, Score
from registry.errors import BadInput

_MOST_LETTERS = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """One result of a file and its case. The result's own case and repeat say nothing yet."""

    case: Case
    result: Result


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file holds: one result for every case in every repeat. tool: `promptfoo`, `inspect` or `junit`."""

    tool: str
    cases: tuple[Case, ...]
    repeats: int
    results: tuple[Result, ...]


def arrange(tool: str, entries: Iterable[Entry], path: Path) -> Imported:
    """The entries as cases and repeats. Raises BadInput when there is none.

    Entries whose cases are alike are repeats of one case, if every case comes so often; where some come twice as often
    as others, they are two cases. Different cases of one id get the ids `id`, `id#2`, …
    """
    alike: dict[bytes, list[Entry]] = {}
    for entry in entries:
        alike.setdefault(EvalSet("", (entry.case,)).encoded(), []).append(entry)
    if not alike:
        raise BadInput(f"{path}: holds no results")
    repeats = math.gcd(*map(len, alike.values()))
    chunks = [group[at : at + repeats] for group in alike.values() for at in range(0, len(group), repeats)]
    cases: list[Case] = []
    results: list[Result] = []
    for id_, chunk in zip(_unique([chunk[0].case.id for chunk in chunks]), chunks, strict=True):
        cases.append(replace(chunk[0].case, id=id_))
        results.extend(replace(entry.result, case=id_, repeat=repeat) for repeat, entry in enumerate(chunk))
    return Imported(tool, tuple(cases), repeats, tuple(results))


def read_json(path: Path, data: bytes) -> dict[str, Any]:
    """A JSON object. NaN and the like, which some write and JSON lacks, are null; half of a character is U+FFFD, for no
    file can hold it. Raises BadInput naming the line.
    """
    try:
        document = json.loads(data, parse_constant=lambda _: None)
        if b"\\ud" in data.lower():
            document = json.loads(_whole_characters(json.dumps(document, ensure_ascii=False)))
    except json.JSONDecodeError as error:
        raise BadInput(f"{path}:{error.lineno}: not JSON: {error.msg}") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"{path}: not JSON: {error}") from error
    if not isinstance(document, dict):
        raise BadInput(f"{path}:1: holds a {type(document).__name__}, not an object")
    return document


def _whole_characters(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def as_id(text: str) -> str:
    """A name of another tool as a case's id: on one line, of 200 letters at most."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line[:_MOST_LETTERS]


def uniquely_named(scores: Sequence[Score]) -> tuple[Score, ...]:
    """The scores; of several of one name, the second is `name 2`, and so on."""
    seen: Counter[str] = Counter()
    named = []
    for score in scores:
        seen[score.scorer] += 1
        number = seen[score.scorer]
        named.append(score if number == 1 else replace(score, scorer=f"{score.scorer} {number}"))
    return tuple(named)


def _unique(ids: Sequence[str]) -> list[str]:
    taken, unique = set(ids), []
    seen: Counter[str] = Counter()
    for id_ in ids:
        seen[id_] += 1
        free = id_
        while seen[id_] > 1 and (free := f"{id_}#{seen[id_]}") in taken:
            seen[id_] += 1
        taken.add(free)
        unique.append(free)
    return unique
