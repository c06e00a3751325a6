"""check: an eval set is read and linted; no agent, no model and no registry is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from agent_deploy.evals.cases import EvalSet
from agent_deploy.evals.lint import doubts, judging, scorer_faults
from agent_deploy.evals.reading import parse_eval_set, set_bytes
from agent_deploy.evals.reading.rows import Fault

_SCHEMA = Path(__file__).parents[2] / "evals" / "schema" / "eval-set.schema.json"


@dataclass(frozen=True, slots=True)
class Checked:
    """What a set holds, and what is wrong with it; with faults it is no set, and its digest is empty.

    tags, scorers, sources: how many cases have each. clusters: how many there are. warnings: doubts, by line.
    """

    path: str
    digest: str = ""
    cases: int = 0
    tags: Mapping[str, int] = field(default_factory=dict)
    critical: int = 0
    clusters: int = 0
    scorers: Mapping[str, int] = field(default_factory=dict)
    sources: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[Fault, ...] = ()
    faults: tuple[Fault, ...] = ()


def check(path: Path, name: str, *, modules: Path) -> Checked:
    """The set, counted and linted: every fault, up to fifty. modules: the folder that `python` scorers are found in.

    Raises BadInput only where there is no such file.
    """
    reading = parse_eval_set(set_bytes(path, name), path.suffix, name)
    if reading.eval_set is None:
        return Checked(name, faults=reading.faults)
    faults = tuple(scorer_faults(reading.eval_set, path.parent, modules))
    return Checked(name, faults=faults) if faults else _counted(reading.eval_set, name)


def schema() -> str:
    """The JSON Schema of eval set files (draft 2020-12), as text."""
    return _SCHEMA.read_text(encoding="utf-8")


def _counted(eval_set: EvalSet, name: str) -> Checked:
    cases = eval_set.cases
    return Checked(
        path=name,
        digest=eval_set.digest,
        cases=len(cases),
        tags=_sorted(Counter(tag for case in cases for tag in case.tags)),
        critical=sum(case.critical for case in cases),
        clusters=len({case.cluster for case in cases if case.cluster}),
        scorers=_sorted(Counter(name for case in cases for name in {spec.name for spec in judging(case, eval_set)})),
        sources=_sorted(Counter(case.source.kind for case in cases if case.source)),
        warnings=tuple(doubts(eval_set)),
    )


def _sorted(counts: Counter[str]) -> Mapping[str, int]:
    """The most frequent first, then by name."""
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
