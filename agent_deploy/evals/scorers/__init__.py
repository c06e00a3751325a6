"""Scorers: what judges an output. `build_scorer` makes one from its spec, `scorers_for` those of a whole set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from agent_deploy.evals.cases import ScorerSpec
from agent_deploy.evals.scorers.callables import python
from agent_deploy.evals.scorers.findings import BuiltScorer
from agent_deploy.evals.scorers.judge import judge
from agent_deploy.evals.scorers.numbers import numeric
from agent_deploy.evals.scorers.options import OpenProvider, Options, Surroundings
from agent_deploy.evals.scorers.schemas import json_schema
from agent_deploy.evals.scorers.similarity import levenshtein, semantic
from agent_deploy.evals.scorers.structured import fields, json_equal
from agent_deploy.evals.scorers.text import contains, exact, one_of, regex, starts_with
from agent_deploy.evals.scorers.tools import tool_calls
from registry.errors import BadInput

SCORERS: Mapping[str, Callable[[Options], BuiltScorer]] = {
    "exact": exact,
    "contains": contains,
    "starts_with": starts_with,
    "regex": regex,
    "one_of": one_of,
    "numeric": numeric,
    "json": json_equal,
    "json_schema": json_schema,
    "fields": fields,
    "tool_calls": tool_calls,
    "levenshtein": levenshtein,
    "semantic": semantic,
    "judge": judge,
    "python": python,
}


def build_scorer(
    spec: ScorerSpec,
    *,
    providers: OpenProvider | None = None,
    folder: Path = Path(),
    modules: Path = Path(),
) -> BuiltScorer:
    """The scorer that a spec names; raises BadInput for an unknown name and for unknown, missing and wrong options.

    providers: opens a model provider by name; None builds scorers that ask one all the same, and they fail when asked.
    folder: what files that options name are relative to. modules: where `python` scorers are imported from.
    """
    from registry.names import nearest

    options = Options(spec, Surroundings(providers, folder, modules))
    build = SCORERS.get(options.scorer)
    if build is None:
        raise BadInput(f"unknown scorer {spec.name!r}{nearest(options.scorer, SCORERS)} (there: {', '.join(SCORERS)})")
    scorer = build(options)
    options.check_all_read()
    return scorer
