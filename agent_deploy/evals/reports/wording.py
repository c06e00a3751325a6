"""Values and numbers as a person reads them in one line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from agent_deploy.evals.results import Result, Status
from agent_deploy.evals.runs import Run

_LETTERS: dict[str, Status] = {"P": "passed", "F": "failed", "E": "errored"}


def shown(value: Any, width: int = 120) -> str:
    """A JSON value on one line of at most so many letters; text as it is, `-` for nothing."""
    if value is None:
        return "-"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text[: 4 * width]).split())
    if len(line) <= width and len(text) <= 4 * width:
        return line or "(empty)"
    return line[: width - 1] + "…"


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


def percent(rate: float) -> str:
    """`93.3 %`."""
    return f"{100 * rate:.1f} %"


def usd(amount: Decimal | None) -> str:
    """`$0.0312`, to four places or to two digits that say something; `unknown` for None."""
    if amount is None:
        return "unknown"
    places = 4 if amount == 0 or abs(amount) >= Decimal("0.001") else 1 - amount.adjusted()
    return f"${amount:.{places}f}"


def usd_each(run: Run) -> Decimal | None:
    """What one question of a run cost on average; None when unknown."""
    return None if run.cost_usd is None else run.cost_usd / run.total


def milliseconds(value: float | None) -> str:
    """`840 ms`; `unknown` for None."""
    return "unknown" if value is None else f"{value:,.0f} ms" if value >= 10 else f"{value:.2g} ms"


def change(before: float | Decimal | None, after: float | Decimal | None) -> str:
    """`+12 %`, from one figure to another; empty where that cannot be said."""
    if before is None or after is None or not before:
        return ""
    return f"{100 * (float(after) / float(before) - 1):+.0f} %"


def p_value(p: float) -> str:
    """`p = 0.03`, `p < 0.001`."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"
