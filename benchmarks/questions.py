"""Questions about a month of ten million calls, each asked once by a fresh process; imports are not counted."""

from __future__ import annotations

import json
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.children import environment, python
from benchmarks.context import Context
from benchmarks.figures import Figure, at_most, mebibytes, no_more_than, seconds, size_in_bytes, told
from benchmarks.history import History, disk_bytes, kept_history
from benchmarks.timing import typical
from registry.times import to_text

_CALLS, _DAYS, _QUICK_CALLS = 10_000_000, 30, 300_000
_SHARE = 10  # of the history, the part that the small one is
_COST_S, _METRICS_S, _GROWTH, _ROW_BYTES = 2.0, 0.5, 1.3, 60.0
_MOST_KIB = 1024.0 * 1024.0
_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class _Answer:
    seconds: float
    peak_kib: float | None
    calls: int


def measure(context: Context) -> Iterator[Figure]:
    """The large history is made once and kept; the small one is its last days, at the same calls an hour."""
    calls = _QUICK_CALLS if context.quick else _CALLS
    large = kept_history(context.cache, calls, _DAYS)
    small = kept_history(context.cache, calls // _SHARE, _DAYS // _SHARE)
    rounds = context.repeats(10)
    month = _in_turns(large, ("cost_month", "plain_sql", "metrics_day", "status", "metrics_month"), rounds)
    _check(calls, month)
    of = f"{calls:,} calls, {large.facts:,} rows"
    yield at_most(_ROW_BYTES, f"disk a row, of {of}", disk_bytes(large.store) / large.facts, size_in_bytes)
    yield at_most(
        _COST_S, f"cost --by version --since 30d, of {of}", _typical(month["cost_month"]), seconds,
        against=f"{seconds(_typical(month['plain_sql']))} for DuckDB to sum the tokens of all rows",
    )  # fmt: skip
    yield at_most(_METRICS_S, f"metrics --window 24h, of {of}", _typical(month["metrics_day"]), seconds)
    yield told("metrics --window 30d, of the same", _typical(month["metrics_month"]), seconds)
    yield told("the cost of a release, as status shows it, of the same", _typical(month["status"]), seconds)
    yield from _memory(month)
    yield from _growth(large, small, rounds)


def _growth(large: History, small: History, rounds: int) -> Iterator[Figure]:
    """What a day's questions take beside a month of history, against three days of it."""
    questions = {"cost_day": "cost --by version --since 24h", "metrics_day": "metrics --window 24h"}
    for question, what in questions.items():
        ours, theirs = _alternating(question, large, small, rounds)
        yield no_more_than(
            _GROWTH, f"{what}, in {_DAYS} days of history", ours, seconds, against=f"in {_DAYS // _SHARE} days",
            baseline=theirs,
        )  # fmt: skip


def _memory(answers: dict[str, list[_Answer]]) -> Iterator[Figure]:
    peaks = {
        question: max(answer.peak_kib for answer in answers[question] if answer.peak_kib is not None)
        for question in ("cost_month", "metrics_day")
        if all(answer.peak_kib is not None for answer in answers[question])
    }
    for question, peak in peaks.items():
        yield at_most(_MOST_KIB, f"peak memory of {question.replace('_', ', ')}", peak, mebibytes)


def _in_turns(history: History, questions: Sequence[str], rounds: int) -> dict[str, list[_Answer]]:
    """Every answer; the first round, in which files come into memory, does not count."""
    found: dict[str, list[_Answer]] = defaultdict(list)
    for number in range(rounds + 1):
        for question in questions:
            answer = _ask(question, history)
            if number:
                found[question].append(answer)
    return found


def _alternating(question: str, one: History, other: History, rounds: int) -> tuple[float, float]:
    pairs = [(_ask(question, one), _ask(question, other)) for _ in range(rounds + 1)][1:]
    return _typical([first for first, _ in pairs]), _typical([second for _, second in pairs])


def _ask(question: str, history: History) -> _Answer:
    command = python("-m", "benchmarks.asking", question, str(history.folder), to_text(history.until))
    ran = subprocess.run(command, capture_output=True, text=True, check=True, cwd=_ROOT, env=environment())
    return _Answer(**json.loads(ran.stdout))


def _typical(answers: Sequence[_Answer]) -> float:
    return typical([answer.seconds for answer in answers])


def _check(calls: int, answers: dict[str, list[_Answer]]) -> None:
    """Both ways to count the month have to come to the same calls, which are all but the division's rest."""
    counted = {answer.calls for question in ("cost_month", "plain_sql") for answer in answers[question]}
    if len(counted) != 1 or not calls - 720 < next(iter(counted)) <= calls:
        raise RuntimeError(f"{calls:,} calls were made, and told are {counted}")
