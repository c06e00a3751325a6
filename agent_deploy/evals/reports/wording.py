"""Results and runs as a person reads them in one line; figures of any kind are in `agent_deploy.wording`."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from agent_deploy.evals.results import Result, Status
from agent_deploy.evals.runs import Run

_LETTERS: dict[str, Status] = {"P": "passed", "F": "failed", "E": "errored"}


def reason_of(result: Result) -> str:
    """Why it did not pass: what each scorer said, or the error; empty where it passed."""
    if result.status == "passed":
        return ""
    told = [f"{score.scorer}: {score.reason or 'failed'}" for score in result.scores if not score.passed]
    return "; ".join([result.error, *told] if result.error else told)


def telling(results: Sequence[Result]) -> Result:
    """Of one case's repeats, the one to show: the first that did not pass, else the first."""
    return next((result for result in results if result.status != "passed"), results[0])


def answered(result: Result) -> Any:
    """What to show as its output: the tools that it asked for where it said nothing else."""
    if result.output is None and result.tool_calls:
        return [{"name": call.name, "arguments": call.arguments} for call in result.tool_calls]
    return result.output


def statuses(letters: str) -> str:
    """`passed`, or with repeats that disagree `2 of 3 passed, 1 errored`."""
    if len(set(letters)) == 1:
        return _LETTERS[letters[0]]
    errors = f", {letters.count('E')} errored" if "E" in letters else ""
    return f"{letters.count('P')} of {len(letters)} passed{errors}"


def usd_each(run: Run) -> Decimal | None:
    """What one question of a run cost on average; None when unknown."""
    return None if run.cost_usd is None else run.cost_usd / run.total
