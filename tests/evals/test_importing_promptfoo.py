"""promptfoo's results, as promptfoo wrote them: counted on both sides, and nothing lost in between."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from agent_deploy.costs.usage import ModelCall, Usage
from agent_deploy.evals.cases import Case, Origin
from agent_deploy.evals.importing import read_results_file
from agent_deploy.evals.importing.arranging import Imported
from agent_deploy.evals.results import Result, Score
from registry.errors import BadInput

_DATA = Path(__file__).parent / "data"
_CALL = ModelCall("acme", "triage", Usage(input=21, output=3, reasoning=2))


def _rows(name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((_DATA / name).read_bytes())["results"]["results"]
    return rows


def _file(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text(json.dumps({"results": {"version": 3, "results": [{"promptIdx": 0, **row} for row in rows]}}))
    return path


def _of(imported: Imported, case: str) -> list[Result]:
    return [result for result in imported.results if result.case == case]


def test_every_row_of_the_file_is_a_result_with_its_figures() -> None:
    rows, imported = _rows("promptfoo.json"), read_results_file(_DATA / "promptfoo.json")
    assert (imported.tool, len(imported.cases), imported.repeats, len(imported.results)) == ("promptfoo", 8, 2, 16)
    stats = json.loads((_DATA / "promptfoo.json").read_bytes())["results"]["stats"]
    assert Counter(result.status for result in imported.results) == {
        "passed": stats["successes"], "failed": stats["failures"], "errored": stats["errors"],
    }  # fmt: skip
    tokens = sum((result.usage or Usage() for result in imported.results), Usage())
    assert (tokens.input, tokens.output, tokens.reasoning) == (
        stats["tokenUsage"]["prompt"], stats["tokenUsage"]["completion"],
        stats["tokenUsage"]["completionDetails"]["reasoning"],
    )  # fmt: skip
    told = Counter((result.output, result.latency_ms) for result in imported.results)
    assert told == Counter((row.get("response", {}).get("output"), row["latencyMs"]) for row in rows)
    costs = [result.cost_usd for result in imported.results if result.cost_usd is not None]
    assert sum(costs) == sum(Decimal(str(row["cost"])) for row in rows)
    components = [found for row in rows for found in (row["gradingResult"] or {}).get("componentResults", ())]
    scores = [score for result in imported.results for score in result.scores if score.scorer != "promptfoo"]
    assert Counter((s.passed, s.value, s.reason) for s in scores) == Counter(
        (found["pass"], found["score"], found["reason"]) for found in components
    )


def test_rows_of_one_test_are_repeats_of_one_case() -> None:
    imported = read_results_file(_DATA / "promptfoo.json")
    first = imported.cases[0]
    assert first == Case(
        "stolen card", {"query": "My card was stolen"}, expected="card", source=Origin("promptfoo"),
        metadata={
            "source": "TICKET-1", "assert": [{"type": "equals", "value": "card"}, {"type": "contains", "value": "car"}],
        },
    )  # fmt: skip
    right = Score("equals", True, 1.0, "Assertion passed"), Score("contains", True, 1.0, "Assertion passed")
    latencies = [row["latencyMs"] for row in _rows("promptfoo.json")[:2]]
    assert _of(imported, "stolen card") == [
        Result("stolen card", n, "passed", "card", right, latency_ms=latencies[n], calls=(_CALL,),
               cost_usd=Decimal("0.00012"))
        for n in (0, 1)
    ]  # fmt: skip


def test_an_error_of_the_provider_is_errored_and_what_fails_an_assertion_failed() -> None:
    imported = read_results_file(_DATA / "promptfoo.json")
    (away, _), (wrong, _) = _of(imported, "provider says error"), _of(imported, "parcel")
    assert away == Result(
        "provider says error", 0, "errored", error="API error: 503 Service Unavailable", error_kind="other",
        latency_ms=12.0,
    )  # fmt: skip
    assert (wrong.status, wrong.error, [(score.scorer, score.passed) for score in wrong.scores]) == (
        "failed", "", [("equals", True), ("regex", False)],
    )  # fmt: skip


def test_a_test_without_description_is_named_as_an_eval_set_would_name_it(tmp_path: Path) -> None:
    from agent_deploy.evals.reading import read_eval_set

    variables = _rows("promptfoo.json")[4]["vars"]
    (tmp_path / "set.json").write_text(json.dumps([{"vars": variables, "assert": [{"type": "equals", "value": "x"}]}]))
    assert read_eval_set(tmp_path / "set.json").cases[0].id == read_results_file(_DATA / "promptfoo.json").cases[2].id


def test_of_a_file_that_compares_columns_one_has_to_be_chosen() -> None:
    path = _DATA / "promptfoo-columns.json"
    with pytest.raises(BadInput) as caught:
        read_results_file(path)
    assert caught.value.message == (
        f"{path}: compares 4 columns, and a version is one of them (1: echo with '{{{{query}}}}', "
        "2: echo with 'Sort: {{query}}', 3: acme:triage with '{{query}}', 4: acme:triage with 'Sort: {{query}}')"
    )
    outputs = [[result.output for result in read_results_file(path, column=n).results] for n in (1, 2, 3, 4)]
    assert outputs == [
        ["Where is my parcel?", "My card was stolen"], ["Sort: Where is my parcel?", "Sort: My card was stolen"],
        ["delivery", "card"], ["delivery", "card"],
    ]  # fmt: skip
    with pytest.raises(BadInput, match="compares 4 columns"):
        read_results_file(path, column=5)


def test_an_assert_set_is_kept_with_all_that_is_in_it() -> None:
    imported = read_results_file(_DATA / "promptfoo-columns.json", column=1)
    scores = imported.results[1].scores
    assert [(score.scorer, score.passed, score.value) for score in scores] == [
        ("assert-set", True, 0.5), ("contains", True, 1.0), ("equals", False, 0.0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "status", "passed"),
    [
        ({"success": True, "failureReason": 0, "gradingResult": {"score": 1}}, "passed", False),
        ({"gradingResult": {"pass": True, "score": 1}}, "errored", True),
        ({"success": None, "gradingResult": {"pass": "yes"}}, "errored", False),
        ({"success": False, "failureReason": 2, "gradingResult": {"pass": True}}, "errored", True),
        ({"success": False, "failureReason": 1, "gradingResult": {"componentResults": [{}]}}, "failed", False),
    ],
)
def test_what_the_file_does_not_say_has_passed_has_not(
    tmp_path: Path, row: dict[str, Any], status: str, passed: bool
) -> None:
    (result,) = read_results_file(_file(tmp_path / "x.json", {"vars": {"q": "x"}, **row})).results
    assert (result.status, [score.passed for score in result.scores]) == (status, [passed])


def test_tokens_of_an_answer_kept_by_promptfoo_and_of_a_grader_are_told_apart(tmp_path: Path) -> None:
    row = {
        "vars": {"q": "x"}, "success": True, "provider": "openai:chat:gpt-5-mini", "latencyMs": 1, "cost": 0,
        "response": {"output": {"a": 1}, "cached": True, "tokenUsage": {"cached": 24, "total": 24}},
        "gradingResult": {
            "pass": True, "score": 0.8, "reason": "good", "assertion": {"type": "llm-rubric"},
            "tokensUsed": {"prompt": 50, "completion": 5},
        },
    }  # fmt: skip
    (result,) = read_results_file(_file(tmp_path / "x.json", row)).results
    grader = ModelCall("promptfoo", "grader", Usage(input=50, output=5))
    assert result == Result(
        result.case, 0, "passed", {"a": 1}, (Score("llm-rubric", True, 0.8, "good", (grader,)),), latency_ms=1.0,
        calls=(ModelCall("openai", "chat:gpt-5-mini", Usage(input=24)),), cost_usd=None, cached=True,
    )  # fmt: skip


def test_tests_that_are_twice_in_a_file_are_two_cases(tmp_path: Path) -> None:
    row = {"vars": {"q": "x"}, "success": True, "testCase": {"description": "x"}}
    other = {"vars": {"q": "y"}, "success": True, "testCase": {"description": "x"}}
    once = read_results_file(_file(tmp_path / "x.json", row, row, other))
    assert ([case.id for case in once.cases], once.repeats) == (["x", "x#2", "x#3"], 1)
    twice = read_results_file(_file(tmp_path / "x.json", row, row, row, row, other, other))
    assert ([case.id for case in twice.cases], twice.repeats, len(twice.results)) == (["x", "x#2", "x#3"], 2, 6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"results": {"promptIdx": 1,\n]}', "x.json:2: not JSON: "),
        ('{"results": {"version": 2}, "promptIdx": 0}', "x.json: results.version is 2, and 3 is wanted: "),
        ('{"results": {"version": 3, "results": []}, "promptIdx": 0}', "x.json: holds no results"),
        ('{"results": {"version": 3, "results": [{"promptIdx": 0}, 7]}}', r"x.json: results.results\[1\] is no result"),
        ('{"results": {"version": 3, "results": [{"promptIdx": 0, "vars": 7}]}}', ""),
        ("[]", "x.json: neither JSON of promptfoo or Inspect"),
    ],
)
def test_what_cannot_be_read_is_refused_naming_the_place(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "x.json").write_text(text)
    if message:
        with pytest.raises(BadInput, match=message):
            read_results_file(tmp_path / "x.json")
    else:
        assert read_results_file(tmp_path / "x.json").results[0].status == "errored"


def test_half_a_character_and_numbers_that_json_lacks_are_no_hindrance(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(
        '{"results": {"version": 3, "results": [{"promptIdx": 0, "vars": {"q": "\\ud83d\\ude00"}, "success": true,'
        '"response": {"output": "half \\ud83d"}, "gradingResult": {"pass": true, "score": NaN}}]}}'
    )
    imported = read_results_file(path)
    assert (imported.cases[0].input, imported.results[0].output) == ({"q": "😀"}, "half �")
    assert imported.results[0].scores[0].value == 0.0
