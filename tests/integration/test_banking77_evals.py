"""Evals and the gate on real input: versions whose prompts hold few, fewer and many labelled examples of BANKING77,
and the example's offline agent, which classifies by them (`agent_deploy/starter/triage/agent.py`; no language model).
"""

from __future__ import annotations

import csv
import json
import shutil
from collections import defaultdict
from pathlib import Path

import pytest

import agent_deploy as package
from tests.agent_deploy.conftest import AgentDeploy
from tests.builders import WORKFLOW, write_bundle
from tests.integration.test_banking77 import folder_of_data

pytestmark = pytest.mark.slow

_INTENTS = 20
_STARTER = Path(package.__file__).parent / "starter"


def _rows(name: str) -> dict[str, list[str]]:
    by_intent: dict[str, list[str]] = defaultdict(list)
    with (folder_of_data() / name).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            by_intent[row["category"]].append(" ".join(row["text"].replace('"', "'").split()))
    return dict(sorted(by_intent.items())[:_INTENTS])


def _bundle(folder: Path, shots: int) -> str:
    examples = "".join(
        f'- "{text}" → {intent}, normal\n' for intent, texts in _rows("train.csv").items() for text in texts[:shots]
    )
    prompt = f"{{% raw %}}{examples}{{% endraw %}}\nMessage: {{{{ query }}}}"
    return str(
        write_bundle(
            folder, files={"prompts/classify.md": prompt}, prompts={"classify": "prompts/classify.md"},
            metadata={"examples_per_intent": str(shots)},
        )
    )  # fmt: skip


@pytest.fixture
def cases(here: Path) -> int:
    """A configured folder, and how many cases its eval set has: every query of the test split, labelled."""
    shutil.copytree(_STARTER / "triage", here / "triage")
    lines = [
        {
            "id": f"{intent}-{number}",
            "input": {"query": text},
            "expected": {"queue": intent, "urgency": "normal"},
            "tags": [intent],
        }
        for intent, texts in _rows("test.csv").items()
        for number, text in enumerate(texts)
    ]
    (here / "cases.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    (here / "agent-deploy.toml").write_text(
        f'[workflows.{WORKFLOW}]\ncases = "cases.jsonl"\nagent = "triage.agent:answer"\n'
        "[environments.production.gate]\nmax_regression = 0.05\n"
    )
    return len(lines)


def test_the_worse_version_is_refused_with_its_changed_cases_and_the_better_one_promoted(
    here: Path, cases: int, agent_deploy: AgentDeploy
) -> None:
    assert cases >= 300
    for number, shots in enumerate((8, 1, 60), start=1):
        assert agent_deploy("register", _bundle(here / str(shots), shots)).code == 0
        run = agent_deploy("eval", f"{WORKFLOW}@{number}", "--json").document
        assert (run["cases"]["total"], run["cases"]["errored"]) == (cases, 0)
        if number == 1:
            assert agent_deploy("promote", WORKFLOW, "--version", "1").code == 0
    refused = agent_deploy("promote", WORKFLOW, "--version", "2", "--json")
    rules = {rule["rule"]: rule for rule in refused.document["gate"]["rules"]}
    assert (refused.code, rules["regression"]["verdict"]) == (4, "failed")
    assert "got worse" in rules["regression"]["why"]

    diff = agent_deploy("evals", "diff", f"{WORKFLOW}@1", f"{WORKFLOW}@2", "--json").document
    lost = [case for case in diff["changes"] if case["kind"] == "pass_to_fail"]
    assert len(lost) == diff["counts"]["pass_to_fail"] > 30
    assert {(case["before"][0]["status"], case["after"][0]["status"]) for case in lost} == {("passed", "failed")}

    better = agent_deploy("promote", WORKFLOW, "--version", "3", "--json")
    assert (better.code, better.document["gate"]["verdict"]) == (0, "passed")
    assert agent_deploy("rollback", WORKFLOW).code == 0
    assert agent_deploy("verify").code == 0
