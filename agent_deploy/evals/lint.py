"""What is doubtful about an eval set that reads well, and what is wrong with its scorers. No model is called."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agent_deploy.evals.cases import Case, EvalSet, ScorerSpec
from agent_deploy.evals.reading.rows import MOST_FAULTS, Fault
from registry.errors import BadInput


def judging(case: Case, eval_set: EvalSet) -> tuple[ScorerSpec, ...]:
    """The scorers that judge a case, besides the bundle's output schema: its own, the set's, or by `expected`."""
    from agent_deploy.evals.scorers.assembly import default_specs

    return case.scorers or eval_set.scorers or default_specs(case)


def scorer_faults(eval_set: EvalSet, folder: Path, modules: Path) -> list[Fault]:
    """What keeps scorers from being built, or from judging their case. folder, modules: as `scorers.build_scorer`."""
    from agent_deploy.evals.scorers import build_scorer

    built: dict[str, Any] = {}
    faults: list[Fault] = []
    for case in eval_set.cases:
        for spec in judging(case, eval_set):
            try:
                key = repr(spec)
                if key not in built:
                    built[key] = build_scorer(spec, folder=folder, modules=modules)
                if built[key].wanted is not None:
                    built[key].wanted.check(case)
            except BadInput as error:
                faults.append(Fault(case.line, f"case {case.id!r}: {error.message}"))
        if len(faults) >= MOST_FAULTS:
            break
    return faults[:MOST_FAULTS]


def doubts(eval_set: EvalSet) -> list[Fault]:
    """What a reviewer would ask about, by line."""
    found = [*_unjudged(eval_set), *_alike(eval_set), *_alone(eval_set)]
    if not any(case.tags for case in eval_set.cases):
        found.append(Fault(1, "no case has tags; without them no report can say which kind got worse"))
    return sorted(found, key=lambda fault: fault.line)


def _unjudged(eval_set: EvalSet) -> Iterator[Fault]:
    for case in eval_set.cases:
        if not judging(case, eval_set):
            yield Fault(case.line, f"case {case.id!r}: nothing judges it but the bundle's output schema, if it has one")


def _alike(eval_set: EvalSet) -> Iterator[Fault]:
    """Inputs that are the same but for case, spaces and punctuation: they count twice, or contradict each other."""
    first: dict[str, Case] = {}
    for case in eval_set.cases:
        other = first.setdefault(_words(case.input), case)
        if other is case:
            continue
        if other.expected != case.expected:
            yield Fault(case.line, f"case {case.id!r} has the input of line {other.line}, and expects something else")
        elif not (case.cluster and case.cluster == other.cluster):
            yield Fault(case.line, f"case {case.id!r} has the input of line {other.line}, or nearly; it counts twice")


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{name}:{_words(value[name])}" for name in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_words, value)) + "]"
    text = str(value)
    return " ".join(re.findall(r"\w+", text.casefold())) or text


def _alone(eval_set: EvalSet) -> Iterator[Fault]:
    sizes = Counter(case.cluster for case in eval_set.cases if case.cluster)
    for case in eval_set.cases:
        if sizes[case.cluster] == 1:
            yield Fault(case.line, f"case {case.id!r} is alone in cluster {case.cluster!r}")
