"""Assertions of promptfoo as scorers of ours: `assert` of a test, and the cells of `__expected` in a CSV.

Source of the types and of the grammar of a cell: promptfoo's documentation, "Assertions & metrics" and "CSV".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from agent_deploy.evals.cases import ScorerSpec
from agent_deploy.evals.reading.specs import model_of

_LEVENSHTEIN_EDITS = 5  # promptfoo's own defaults
_SIMILAR = 0.8
_KNOWN = ("type", "value", "threshold", "metric", "weight", "provider")
_CELL = re.compile(r"((?:not-)?[a-z]+(?:-[a-z]+)*)(?:\((\d+(?:\.\d+)?)\))?(?::([\s\S]*))?")

Assertion = Mapping[str, Any]


def asserts_of(value: Any) -> tuple[ScorerSpec, ...]:
    """The scorers of a test's `assert`: a list of assertions, of cells (text) or of both. Raises ValueError."""
    if not isinstance(value, list):
        raise ValueError(f"assert is a list of assertions, not {value!r}")
    return tuple(_spec(_of_cell(item) if isinstance(item, str) else item) for item in value)


def _of_cell(cell: str) -> Assertion:
    """`contains-any: a, b`, `similar(0.8): text`; a cell without a known type before it is what the output equals."""
    if cell.startswith("grade:"):
        cell = f"llm-rubric:{cell.removeprefix('grade:')}"
    found = _CELL.fullmatch(cell)
    if not found or found[1].removeprefix("not-") not in {*_KINDS, *_WITHOUT}:
        return {"type": "equals", "value": cell}
    kind = found[1].removeprefix("not-")
    value: Any = (found[3] or "").strip() if kind != "equals" else found[3]
    if kind.endswith(("-any", "-all")):
        value = [part.strip() for part in value.split(",")]
    given = {"value": value} if found[3] else {}
    threshold = {"threshold": float(found[2])} if found[2] else {}
    return {"type": found[1], **given, **threshold}


def _spec(assertion: Any) -> ScorerSpec:
    if not isinstance(assertion, dict) or not isinstance(assertion.get("type"), str):
        raise ValueError(f"an assertion is a mapping with `type`, not {assertion!r}")
    named = assertion["type"]
    for key in assertion:
        if key not in _KNOWN:
            raise ValueError(f"assertion {named!r}: nothing here does what {key!r} does")
    if assertion.get("weight", 1) != 1:
        raise ValueError(f"assertion {named!r}: every scorer has to pass here; there are no weights")
    make = _KINDS.get(named.removeprefix("not-"))
    if make is None:
        raise ValueError(f"no scorer here does what assertion {named!r} does; write it as `scorers`, or leave it out")
    _check_plain(assertion)
    spec = make(assertion)
    further = {"not": True} if named.startswith("not-") else {}
    label = {"label": assertion["metric"]} if assertion.get("metric") else {}
    return ScorerSpec(spec.name, {**spec.options, **further, **label})


def _check_plain(assertion: Assertion) -> None:
    text = json.dumps(assertion.get("value"))
    if "{{" in text or '"file://' in text:
        raise ValueError(f"assertion {assertion['type']!r}: its value is a template or a file; write the value out")


def _equals(assertion: Assertion) -> ScorerSpec:
    value = _value(assertion)
    return ScorerSpec("exact" if isinstance(value, str) else "json", {"value": value})


def _contains(**options: Any) -> Callable[[Assertion], ScorerSpec]:
    return lambda assertion: ScorerSpec("contains", {"value": _value(assertion), **options})


def _is_json(assertion: Assertion) -> ScorerSpec:
    value = assertion.get("value")
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise ValueError(f"assertion 'is-json': its schema is not JSON: {error}") from error
    return ScorerSpec("json_schema", {} if value is None else {"value": value})


def _levenshtein(assertion: Assertion) -> ScorerSpec:
    edits = assertion.get("threshold", _LEVENSHTEIN_EDITS)
    return ScorerSpec("levenshtein", {"value": _value(assertion), "max_edits": int(edits)})


def _similar(assertion: Assertion) -> ScorerSpec:
    model = model_of(assertion.get("provider"), "provider")
    threshold = assertion.get("threshold", _SIMILAR)
    return ScorerSpec("semantic", {"value": _value(assertion), **model, "threshold": threshold})


def _rubric(assertion: Assertion) -> ScorerSpec:
    if "threshold" in assertion:
        raise ValueError("assertion 'llm-rubric': a threshold needs a `scale`; write it as `scorers`, with `judge`")
    return ScorerSpec("judge", {"rubric": _value(assertion), **model_of(assertion.get("provider"), "provider")})


def _plain(name: str) -> Callable[[Assertion], ScorerSpec]:
    return lambda assertion: ScorerSpec(name, {"value": _value(assertion)})


def _value(assertion: Assertion) -> Any:
    if "value" not in assertion:
        raise ValueError(f"assertion {assertion['type']!r} has no value")
    return assertion["value"]


_KINDS: Mapping[str, Callable[[Assertion], ScorerSpec]] = {
    "equals": _equals,
    "contains": _contains(),
    "icontains": _contains(ignore_case=True),
    "contains-any": _contains(match="any"),
    "icontains-any": _contains(match="any", ignore_case=True),
    "contains-all": _contains(),
    "icontains-all": _contains(ignore_case=True),
    "starts-with": _plain("starts_with"),
    "regex": _plain("regex"),
    "is-json": _is_json,
    "levenshtein": _levenshtein,
    "similar": _similar,
    "llm-rubric": _rubric,
}
# Types that promptfoo has and we have not: a cell that begins with one is refused, not compared as text.
_WITHOUT = {
    "answer-relevance", "classifier", "contains-html", "contains-json", "contains-sql", "contains-xml",
    "context-faithfulness", "context-recall", "context-relevance", "cost", "factuality", "finish-reason", "fn",
    "eval", "g-eval", "guardrails", "is-html", "is-refusal", "is-sql", "is-xml", "javascript", "latency",
    "model-graded-closedqa", "model-graded-factuality", "moderation", "perplexity", "perplexity-score", "pi",
    "python", "ruby", "rouge-n", "select-best", "webhook", "word-count",
}  # fmt: skip
