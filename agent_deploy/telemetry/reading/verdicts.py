"""How a span ended: whether it failed and why, and what was judged of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from agent_deploy.telemetry import names
from agent_deploy.telemetry.reading.meaning import Parts, parts_of
from agent_deploy.telemetry.reading.span import Span, Tally
from agent_deploy.telemetry.taxonomy import FAILURE_MODES, failure_mode_named

_GOOD = frozenset({names.PASSED, "pass", "true", "yes", "correct"})
_BAD = frozenset({names.NOT_PASSED, "fail", "false", "no", "incorrect"})


class Failure(NamedTuple):
    """mode: in our taxonomy, empty where it did not fail. error_type: as the span says, never a message."""

    mode: str
    error_type: str


class Judgement(NamedTuple):
    """score: the mean of those given. passed: that none of those with a verdict failed. None where nothing was said."""

    score: float | None
    passed: bool | None


_FINE = Failure("", "")
_UNJUDGED = Judgement(None, None)


def is_failure(span: Span, told: Parts) -> bool:
    """Whether its status, an `error.type` or a failure mode says so. An exception that was handled is none."""
    return span.status == "error" or "error_type" in told or "failure_mode" in told


def failure_of(span: Span, told: Parts, tally: Tally) -> Failure:
    """Why it failed, if it did."""
    if not is_failure(span, told):
        return _FINE
    mode = told.get("failure_mode", "")
    error_type = _class_name(told.get("error_type", "") or _raised(span, tally))
    if mode in FAILURE_MODES:
        return Failure(mode, error_type)
    if mode:
        tally.ignored[names.FAILURE_MODE] += 1
    return Failure(failure_mode_named(error_type), error_type)


def _class_name(error_type: str) -> str:
    """Without what Python shows around a class: opentelemetry-instrumentation-openai-v2 (2.4) writes it so."""
    return error_type.removeprefix("<class '").removesuffix("'>")


def _raised(span: Span, tally: Tally) -> str:
    """The class of the last exception on record: earlier ones may have been handled."""
    for event in reversed(span.events):
        if event.name == names.EXCEPTION_EVENT:
            return str(parts_of(event.attributes, tally).get("error_type", ""))
    return ""


def judgement_of(span: Span, told: Parts, tally: Tally) -> Judgement:
    """The evaluations on the span and in its events, put together."""
    if not span.events and "score" not in told and "score_label" not in told:
        return _UNJUDGED
    judged = list(_judged(span, told, tally))
    scores = [part["score"] for part in judged if "score" in part]
    verdicts = [verdict for part in judged if (verdict := _verdict(part.get("score_label", ""))) is not None]
    return Judgement(sum(scores) / len(scores) if scores else None, all(verdicts) if verdicts else None)


def _judged(span: Span, told: Parts, tally: Tally) -> Iterator[Parts]:
    yield told
    for event in span.events:
        if event.name == names.EVALUATION_EVENT:
            yield parts_of(event.attributes, tally)


def _verdict(label: str) -> bool | None:
    word = label.strip().lower()
    return True if word in _GOOD else False if word in _BAD else None
