"""Which scorers judge which case of a set: built once each, before the first case runs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent_deploy.evals.cases import Case, EvalSet, ScorerSpec
from agent_deploy.evals.scorers import build_scorer
from agent_deploy.evals.scorers.findings import BuiltScorer
from agent_deploy.evals.scorers.options import OpenProvider, Surroundings
from registry.errors import BadInput

_EXACT, _NUMERIC, _JSON = ScorerSpec("exact"), ScorerSpec("numeric"), ScorerSpec("json")
_DIGITS = 8

CaseScorers = Mapping[str, tuple[BuiltScorer, ...]]


def scorers_for(
    eval_set: EvalSet,
    *,
    output_schema: Any = None,
    providers: OpenProvider | None = None,
    folder: Path = Path(),
    modules: Path = Path(),
) -> CaseScorers:
    """The scorers of every case, by its id; names are unique within a case.

    The bundle's output schema first, where there is one; then the case's own, else the set's, else by `expected`.
    Raises BadInput naming line and case for a bad scorer, for one that lacks what it compares with, and for a case that
    nothing judges. The other parameters are those of `build_scorer`.
    """
    workshop = _Workshop(Surroundings(providers, folder, modules))
    always = _output_schema(output_schema)
    judged = {case.id: always + _of_case(case, eval_set, workshop) for case in eval_set.cases}
    for case in eval_set.cases:
        if not judged[case.id]:
            raise _fault(eval_set, case, "nothing judges it: give it 'expected' or 'scorers'")
    return _with_unique_names(judged)


def judges_of(scorers: CaseScorers) -> dict[str, str]:
    """The rubric digest of every LLM judge of a set, by the judge's name."""
    return {scorer.name: scorer.digest for group in scorers.values() for scorer in group if scorer.digest}


def default_specs(case: Case) -> tuple[ScorerSpec, ...]:
    """What judges a case when neither it nor its set says: its `expected`, by type; nothing when it has none."""
    if case.expected is None:
        return ()
    if isinstance(case.expected, str):
        return (_EXACT,)
    number = isinstance(case.expected, int | float) and not isinstance(case.expected, bool)
    return (_NUMERIC if number else _JSON,)


class _Workshop:
    """Builds each distinct spec once: 2,000 cases that say the same share one scorer."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._built: dict[tuple[str, str], BuiltScorer] = {}

    def scorer(self, spec: ScorerSpec) -> BuiltScorer:
        key = (spec.name, json.dumps(spec.options, sort_keys=True, default=repr) if spec.options else "")
        if key not in self._built:
            around = self._surroundings
            self._built[key] = build_scorer(
                spec, providers=around.providers, folder=around.folder, modules=around.modules
            )
        return self._built[key]


def _of_case(case: Case, eval_set: EvalSet, workshop: _Workshop) -> tuple[BuiltScorer, ...]:
    try:
        specs = case.scorers or eval_set.scorers or default_specs(case)
        scorers = tuple(workshop.scorer(spec) for spec in specs)
        for scorer in scorers:
            if scorer.wanted is not None:
                scorer.wanted.check(case)
    except BadInput as error:
        raise _fault(eval_set, case, error.message) from error
    return scorers


def _output_schema(schema: Any) -> tuple[BuiltScorer, ...]:
    from agent_deploy.evals.scorers.schemas import output_schema

    if schema is None:
        return ()
    try:
        return (output_schema(schema),)
    except BadInput as error:
        raise BadInput(f"the bundle's output schema: {error.message}") from error


def _with_unique_names(judged: CaseScorers) -> CaseScorers:
    """Judges of different rubrics get different names throughout the set, others of one name in a case a number."""
    digests: dict[str, set[str]] = {}
    for scorer in _all(judged):
        digests.setdefault(scorer.name, set()).add(scorer.digest)
    several = {name for name, found in digests.items() if len(found) > 1}
    named: dict[tuple[int, str], BuiltScorer] = {}
    return {case: _named(scorers, several, named) for case, scorers in judged.items()}


def _named(
    scorers: tuple[BuiltScorer, ...], several: set[str], named: dict[tuple[int, str], BuiltScorer]
) -> tuple[BuiltScorer, ...]:
    """The scorers under the names that they keep; each renamed one is made once."""
    taken: set[str] = set()
    kept: list[BuiltScorer] = []
    for scorer in scorers:
        name = _free_name(scorer, several, taken)
        taken.add(name)
        if name != scorer.name:
            scorer = named.setdefault((id(scorer), name), _renamed(scorer, name))
        kept.append(scorer)
    return tuple(kept)


def _free_name(scorer: BuiltScorer, several: set[str], taken: set[str]) -> str:
    digits = scorer.digest.removeprefix("sha256:")[:_DIGITS]
    name = f"{scorer.name}:{digits}" if scorer.name in several and digits else scorer.name
    number = 1
    while (free := name if number == 1 else f"{name} {number}") in taken:
        number += 1
    return free


def _renamed(scorer: BuiltScorer, name: str) -> BuiltScorer:
    return replace(scorer, name=name)  # type: ignore[type-var]


def _all(judged: CaseScorers) -> Iterable[BuiltScorer]:
    return (scorer for scorers in judged.values() for scorer in scorers)


def _fault(eval_set: EvalSet, case: Case, message: str) -> BadInput:
    where = f"{eval_set.path}:{case.line}" if case.line else eval_set.path
    return BadInput(f"{where}: case {case.id!r}: {message}")
