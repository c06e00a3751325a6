"""Large sets are read quickly, and only a YAML file costs the YAML library."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agent_deploy.evals.reading import read_eval_set

pytestmark = pytest.mark.slow

_CASES = 10_000


def test_ten_thousand_cases_take_well_under_two_seconds_of_the_processor(tmp_path: Path) -> None:
    rows = [
        f"- id: case-{n}\n  input:\n    customer: Ann\n    query: {'where is my card ' * 5}{n}\n"
        f"  expected: {{queue: card}}\n  tags: [card, lost]\n  source: {{kind: complaint, ref: T-{n}}}\n"
        for n in range(_CASES)
    ]
    path = tmp_path / "set.yaml"
    path.write_text("".join(rows))
    began = time.process_time()
    assert len(read_eval_set(path).cases) == _CASES
    assert time.process_time() - began < 2


@pytest.mark.parametrize(("name", "text"), [("a.jsonl", '{"input": "a"}'), ("a.csv", "input\na")])
def test_what_is_not_yaml_imports_no_yaml(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    code = (
        "import json, sys; from pathlib import Path; from agent_deploy.evals.reading import read_eval_set\n"
        f"read_eval_set(Path({str(path)!r})); print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    heavy = {"yaml", "click", "sqlmodel", "jsonschema", "httpx", "rapidfuzz", "phonenumbers"}
    assert heavy & set(json.loads(done.stdout)) == set()
