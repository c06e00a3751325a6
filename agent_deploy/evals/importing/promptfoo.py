"""Results of promptfoo: the JSON that `promptfoo eval -o results.json` writes, `results.version` 3.

Read off promptfoo's types (src/types/index.ts: EvaluateResult, ResultFailureReason) and files that it wrote.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from agent_deploy.costs.usage import ModelCall, Usage
from agent_deploy.evals.cases import Case, Origin
from agent_deploy.evals.importing.arranging import Entry, Imported, arrange, as_id, read_json, uniquely_named
from agent_deploy.evals.reading.fields import derived_id
from agent_deploy.evals.results import Result, Score, Status
from registry.errors import BadInput

_ERROR = 2  # failureReason: 0 none, 1 an assertion, 2 an error
_EXPECTING = ("equals",)

Row = Mapping[str, Any]


def read_promptfoo(path: Path, data: bytes, column: int | None = None) -> Imported:
    """The results of one column: a prompt with a provider. Raises BadInput, when there are several and none is chosen.

    Rows whose tests are alike are repeats (`--repeat`): promptfoo numbers them as if they were different tests.
    """
    results = read_json(path, data).get("results")
    if not isinstance(results, dict) or results.get("version") != 3:
        version = results.get("version") if isinstance(results, dict) else None
        raise BadInput(f"{path}: results.version is {version!r}, and 3 is wanted: written by another promptfoo")
    rows = list(results.get("results") or ())
    wanted = _column(results, rows, column, path)
    entries = []
    for number, row in enumerate(rows):
        try:
            if row["promptIdx"] == wanted:
                entries.append(Entry(_case(row), _result(row)))
        except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            raise BadInput(f"{path}: results.results[{number}] is no result of promptfoo ({error!r})") from error
    return arrange("promptfoo", entries, path)


def _column(results: Row, rows: list[Row], chosen: int | None, path: Path) -> int:
    there = sorted({row["promptIdx"] for row in rows if isinstance(row, dict) and "promptIdx" in row})
    if chosen is not None and chosen - 1 in there:
        return chosen - 1
    if chosen is None and len(there) <= 1:
        return there[0] if there else 0
    prompts = results.get("prompts") or ()
    told = ", ".join(f"{index + 1}: {_label(prompts[index]) if index < len(prompts) else '?'}" for index in there)
    raise BadInput(
        f"{path}: compares {len(there)} columns, and a version is one of them ({told})",
        next_command="the same with --column N",
    )


def _label(prompt: Row) -> str:
    return as_id(f"{prompt.get('provider', '?')} with {str(prompt.get('label', ''))!r}")[:80]


def _case(row: Row) -> Case:
    test = row.get("testCase") or {}
    variables = row.get("vars") or test.get("vars") or {}
    asserts = test.get("assert") or []
    metadata = {key: value for key, value in (test.get("metadata") or {}).items() if not key.startswith("_")}
    if asserts:
        metadata["assert"] = asserts
    description = test.get("description")
    expected = [one.get("value") for one in asserts if one.get("type") in _EXPECTING]
    return Case(
        id=as_id(description or "") or derived_id(variables),
        input=variables,
        expected=expected[0] if len(expected) == 1 else None,
        source=Origin("promptfoo"),
        metadata=metadata,
    )


def _result(row: Row) -> Result:
    response = row.get("response") or {}
    grading = row.get("gradingResult") or {}
    status = _status(row)
    scores = uniquely_named(list(_scores(grading)))
    error = "" if status != "errored" else str(row.get("error") or response.get("error") or "the file names no error")
    if status == "errored" and "success" not in row:
        error = "the file does not say whether it passed"
    return Result(
        case="",
        repeat=0,
        status=status,
        output=response.get("output"),
        scores=scores,
        error=error,
        error_kind="other" if status == "errored" else None,
        latency_ms=float(row.get("latencyMs") or 0),
        calls=tuple(_calls(row, response)),
        cost_usd=_cost(row, response),
        cached=bool(response.get("cached")),
    )


def _status(row: Row) -> Status:
    """Errored where promptfoo had no answer or no judgement, and where the file does not say which."""
    if row.get("failureReason") == _ERROR or not isinstance(row.get("success"), bool):
        return "errored"
    if not row["success"] and not row.get("gradingResult") and row.get("error"):
        return "errored"  # written before there were failure reasons
    return "passed" if row["success"] else "failed"


def _scores(grading: Row) -> Iterator[Score]:
    """A score for each finding, the whole for want of any. promptfoo lists what is inside an assert-set beside it."""
    for found in [found for found in grading.get("componentResults") or () if found] or ([grading] if grading else []):
        yield Score(
            scorer=_scorer(found),
            passed=found.get("pass") is True,  # what is not said to have passed has not
            value=float(found.get("score") or 0),
            reason=str(found.get("reason") or ""),
            calls=tuple(_call("promptfoo", "grader", found.get("tokensUsed") or {})),
        )


def _scorer(found: Row) -> str:
    assertion = found.get("assertion") or (found.get("metadata") or {}).get("assertionSet") or {}
    return str(assertion.get("metric") or assertion.get("type") or "promptfoo")


def _calls(row: Row, response: Row) -> Iterator[ModelCall]:
    provider = row.get("provider") or {}
    id_ = provider if isinstance(provider, str) else str(provider.get("id", ""))
    name, _, model = id_.partition(":")
    yield from _call(name, model or name, response.get("tokenUsage") or row.get("tokenUsage") or {})


def _call(provider: str, model: str, tokens: Row) -> Iterator[ModelCall]:
    """The call behind a count of tokens; none where nothing was counted.

    `cached` counts the tokens of an answer out of promptfoo's own cache, in and out together: they stand as input.
    """
    details = tokens.get("completionDetails") or {}
    usage = Usage(
        input=int(tokens.get("prompt") or 0) or int(tokens.get("cached") or 0),
        output=int(tokens.get("completion") or 0),
        cache_read=int(details.get("cacheReadInputTokens") or 0),
        cache_write=int(details.get("cacheCreationInputTokens") or 0),
        reasoning=int(details.get("reasoning") or 0),
    )
    if usage != Usage():
        yield ModelCall(provider, model, usage)


def _cost(row: Row, response: Row) -> Decimal | None:
    """None where no provider named one: promptfoo then writes 0."""
    cost = response.get("cost")
    if cost is None:
        cost = row.get("cost") or None
    return None if cost is None else Decimal(str(cost))
