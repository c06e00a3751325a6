"""Functions of the team's own: what they may return, and what becomes of a case whose scorer misbehaves."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent_deploy.evals.errors import ScorerFailed
from agent_deploy.evals.results import Reply, Score
from agent_deploy.evals.scorers.findings import BuiltScorer
from registry.errors import BadInput
from tests.evals.judging import built, case_of, score_by

_MODULE = "scorers_of_ours"
_RELEASED = threading.Event()
_CODE = """\
import asyncio
from tests.evals.test_scorers_callables import released

def returns(output, case):
    return case.metadata["returns"]

def same(output, case):
    return output == case.expected

async def slowly(output, case):
    await asyncio.sleep(0)
    return {"passed": False, "reason": f"{output} is late"}

def raises(output, case):
    raise KeyError("intent")

def exits(output, case):
    raise SystemExit(3)

def times_out(output, case):
    raise TimeoutError("the database")

def hangs(output, case):
    released().wait(60)
"""


def released() -> threading.Event:
    """What the function that hangs waits for."""
    return _RELEASED


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with the functions in it; nothing of it stays imported."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / f"{_MODULE}.py").write_text(_CODE)
    yield tmp_path
    sys.modules.pop(_MODULE, None)


def _function(folder: Path, name: str, **options: Any) -> BuiltScorer:
    return built({"python": {"function": f"{_MODULE}:{name}", **options}}, folder=folder)


def _scored(folder: Path, returned: Any, **options: Any) -> Score:
    case = case_of(metadata={"returns": returned})
    return score_by(_function(folder, "returns", **options), Reply("x"), case)


@pytest.mark.parametrize(
    ("returned", "score"),
    [
        (True, Score("python", True, 1.0)),
        (False, Score("python", False, 0.0)),
        (0.5, Score("python", True, 0.5)),
        (0.49, Score("python", False, 0.49)),
        (1, Score("python", True, 1.0)),
        ({"passed": True}, Score("python", True, 1.0)),
        ({"value": 0.2}, Score("python", False, 0.2)),
        ({"passed": True, "value": 0.2, "reason": "short"}, Score("python", True, 0.2, "short")),
    ],
)
def test_what_a_function_may_return(folder: Path, returned: Any, score: Score) -> None:
    assert _scored(folder, returned) == score


def test_the_threshold_is_the_caller_s(folder: Path) -> None:
    assert _scored(folder, 0.5, threshold=0.6) == Score("python", False, 0.5)


def test_it_sees_output_and_case_and_may_be_async_or_negated(folder: Path) -> None:
    case = case_of("card")
    assert score_by(_function(folder, "same"), Reply("card"), case) == Score("python", True, 1.0)
    assert score_by(_function(folder, "slowly"), Reply("card")) == Score("python", False, 0.0, "card is late")
    negated = _function(folder, "same", **{"not": True})
    assert score_by(negated, Reply("refund"), case) == Score("not_python", True, 1.0)


@pytest.mark.parametrize(
    ("returned", "what"),
    [
        (None, "NoneType 'None'"),
        ("pass", "str \"'pass'\""),
        (1.5, "1.5"),
        (float("nan"), "float 'nan'"),
        ({}, "'{}'"),
        ({"reason": "a missing verdict is no pass"}, "\"{'reason': 'a missing verdict is no pass'}\""),
        ({"pass": True}, "\"{'pass': True}\""),
        ({"passed": 1}, "\"{'passed': 1}\""),
        ({"passed": True, "value": 2}, "2"),
    ],
)
def test_anything_else_is_no_score(folder: Path, returned: Any, what: str) -> None:
    with pytest.raises(ScorerFailed) as failed:
        _scored(folder, returned)
    expected = "a bool, a number from 0 to 1, or a dict of 'passed' or 'value', and 'reason'"
    assert failed.value.message == f"scorer 'python' returned {what}, not {expected}"
    assert failed.value.kind == "parse_error"


@pytest.mark.parametrize(
    ("name", "message", "kind"),
    [
        ("raises", "scorer 'python' failed: KeyError: 'intent'", "other"),
        ("exits", "scorer 'python' failed: SystemExit: 3", "other"),
        ("times_out", "scorer 'python' failed: TimeoutError: the database", "other"),
        ("hangs", "scorer 'python' gave no answer within 0.05 s", "timeout"),
    ],
)
def test_a_function_that_misbehaves_fails_as_a_scorer_and_the_run_goes_on(
    folder: Path, name: str, message: str, kind: str
) -> None:
    _RELEASED.clear()
    try:
        with pytest.raises(ScorerFailed) as failed:
            score_by(_function(folder, name, timeout_s=0.05), Reply("x"))
    finally:
        _RELEASED.set()
    assert (failed.value.message, failed.value.kind) == (message, kind)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("nowhere:f", "nowhere cannot be imported: ModuleNotFoundError: No module named 'nowhere'"),
        (f"{_MODULE}:sam", f"{_MODULE} has no function 'sam'"),
        (f"{_MODULE}:asyncio", f"{_MODULE} has no function 'asyncio'"),
        (_MODULE, f"'{_MODULE}' is not module:function"),
        (3, "its value must be module:function, not 3"),
    ],
)
def test_a_function_that_is_not_there_is_refused_before_any_case(folder: Path, function: Any, message: str) -> None:
    with pytest.raises(BadInput) as refused:
        built({"python": function}, folder=folder)
    assert refused.value.message == f"scorer 'python': {message}"


def test_a_module_that_cannot_be_imported_is_named_with_its_error(folder: Path) -> None:
    (folder / "broken_scorers.py").write_text("raise SystemExit('no licence')")
    with pytest.raises(BadInput) as refused:
        built({"python": "broken_scorers:f"}, folder=folder)
    assert refused.value.message == "scorer 'python': broken_scorers cannot be imported: SystemExit: no licence"
