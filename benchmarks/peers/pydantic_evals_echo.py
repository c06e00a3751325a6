"""pydantic-evals: the cases of the file named, answered at once by a Python function, and compared."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from pydantic_evals import Case, Dataset  # type: ignore[import-not-found]
from pydantic_evals.evaluators import EqualsExpected  # type: ignore[import-not-found]


def answer(said: str) -> str:
    """What was said."""
    return said


def main() -> None:
    """Evaluate, and leave out the printing of a table with a row a case."""
    rows = [json.loads(line) for line in Path(sys.argv[1]).read_text().splitlines()]
    cases = [Case(name=row["id"], inputs=row["input"], expected_output=row["expected"]) for row in rows]
    dataset = Dataset(name="letters", cases=cases, evaluators=[EqualsExpected()])
    report = dataset.evaluate_sync(answer, progress=False)
    assert len(report.cases) == len(rows)
    assert report.averages().assertions == 1.0


if __name__ == "__main__":
    main()
