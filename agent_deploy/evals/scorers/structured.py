"""Scorers of structured outputs: json, and fields, one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from agent_deploy.evals.cases import Case
from agent_deploy.evals.results import Reply
from agent_deploy.evals.scorers.findings import RIGHT, BuiltScorer, Check, Finding, shown, wrong
from agent_deploy.evals.scorers.json_values import NotJson, difference, json_of
from agent_deploy.evals.scorers.options import Options, spec_of

_TOLD = 3
FieldScorers = Mapping[str, Check]


def json_equal(options: Options) -> Check:
    """The output is the same JSON value as the expected one; text is parsed."""
    wanted = options.wanted()

    def find(case: Case, output: Any) -> Finding:
        differs = difference(wanted.of(case), output)
        return wrong(differs) if differs else RIGHT

    return options.check(of_json(find), wanted)


def fields(options: Options) -> Check:
    """The output is an object whose fields are the expected ones; the value is the share that is right."""
    scorers = _field_scorers(options)
    wanted = options.wanted(lambda value: isinstance(value, dict) and bool(value or scorers), "an object with fields")
    threshold = options.number("threshold", 1.0, most=1.0)

    def find(case: Case, output: Any) -> Finding:
        expected = wanted.of(case)
        if not isinstance(output, dict):
            return wrong(f"{shown(output)} is not an object")
        names = [*expected, *(name for name in scorers if name not in expected)]
        faults = [_fault(name, case, expected, output, scorers) for name in names]
        return _share(faults, threshold)

    return options.check(of_json(find), wanted)


def of_json(find: Callable[[Case, Any], Finding]) -> Callable[[Case, Reply], Finding]:
    """A finding about the JSON value of an output, where text that is not JSON is a wrong answer."""

    def found(case: Case, reply: Reply) -> Finding:
        try:
            output = json_of(reply.output)
        except NotJson as error:
            return wrong(f"the output is not JSON: {error}")
        return find(case, output)

    return found


def _field_scorers(options: Options) -> FieldScorers:
    from agent_deploy.evals.scorers import build_scorer

    built: dict[str, Check] = {}
    for name, form in options.mapping("fields").items():
        scorer: BuiltScorer = build_scorer(spec_of(form), folder=options.surroundings.folder)
        if not isinstance(scorer, Check):
            raise options.fault(
                f"field {name!r} cannot be scored by {scorer.name!r}: it asks a model or runs your code"
            )
        built[name] = scorer
    return built


def _fault(name: str, case: Case, expected: Mapping[str, Any], output: Mapping[str, Any], scorers: FieldScorers) -> str:
    """What is wrong with a field; empty where nothing is."""
    path = f"$.{name}"
    if name not in output:
        return f"{path} is missing"
    if name not in scorers:
        return difference(expected[name], output[name], path)
    field_case = replace(case, expected=expected.get(name))
    score = scorers[name].score(field_case, Reply(output[name]))
    return "" if score.passed else f"{path}: {score.reason}"


def _share(faults: list[str], threshold: float) -> Finding:
    told = [fault for fault in faults if fault]
    if not told:
        return RIGHT
    right = len(faults) - len(told)
    reason = f"{right} of {len(faults)} fields right: {'; '.join(told[:_TOLD])}{'; …' if told[_TOLD:] else ''}"
    return Finding(right / len(faults) >= threshold, right / len(faults), reason)
