"""A real language model, end to end: prompt-only bundles through the `openai` adapter, evaluated, gated, promoted,
rolled back. Run by `make test-model`.

The model has 270 million parameters and was not tuned to follow instructions, so the prompts show it examples: with
four an intent it gets most messages right, with none it gets none right. Those are versions of truly different quality.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent_deploy.telemetry.facts.query import facts_connection
from registry.stores import open_store
from tests.agent_deploy.conftest import AgentDeploy
from tests.agent_deploy.conftest import agent_deploy as agent_deploy
from tests.agent_deploy.conftest import here as here
from tests.builders import write_bundle
from tests.telemetry.served import serving

pytestmark = pytest.mark.slow

WORKFLOW = "intents"
_SHOTS = {
    "lost_card": ["I lost my card", "My card is gone, I think I left it in a taxi", "I can't find my card anywhere",
                  "I have lost my bank card"],
    "exchange_rate": ["What is the exchange rate today?", "How do you set the exchange rates?",
                      "Is the exchange rate for euros good?", "Which exchange rate do I get abroad?"],
    "change_pin": ["How do I change my PIN?", "I want a new PIN", "Where can I change the PIN of my card?",
                   "Can I set another PIN?"],
    "cash_withdrawal": ["The machine gave me no cash", "I withdrew cash and got the wrong amount",
                        "My cash withdrawal is pending", "Why was my cash withdrawal declined?"],
}  # fmt: skip
_CASES = {
    "lost_card": ["I've lost my card, help", "I left my card somewhere and can't find it", "My card got lost yesterday",
                  "My wallet is gone and my card with it"],
    "exchange_rate": ["What exchange rate do I get for dollars?", "Your exchange rate looks wrong",
                      "How often does the exchange rate change?", "Tell me the exchange rate for pounds"],
    "change_pin": ["I would like to change my PIN", "Can I change my PIN at a cash machine?", "How to get a new PIN?",
                   "My PIN is too easy, I want to change it"],
    "cash_withdrawal": ["My cash withdrawal was declined", "The cash machine did not give me all the cash",
                        "A cash withdrawal is still pending", "I tried to get cash and it failed"],
}  # fmt: skip
_MANY = int(os.environ.get("AGENT_DEPLOY_MODEL_CASES", "16"))


def _prompt(shots: int) -> str:
    examples = [
        (text, intent) for number in range(shots) for intent, texts in _SHOTS.items() for text in [texts[number]]
    ]
    blocks = "".join(f"Message: {text}\nIntent: {intent}\n\n" for text, intent in examples)
    return f"Intents: {', '.join(_SHOTS)}\n\n{blocks}Message: {{{{ query }}}}\nIntent:"


def _write(folder: Path, shots: int) -> str:
    model = {"provider": "openai", "name": "gemma-3-270m", "api": "completions", "temperature": 0.0, "max_tokens": 8,
             "stop": ["\n"]}  # fmt: skip
    return str(
        write_bundle(
            folder, WORKFLOW, files={"prompts/user.md": _prompt(shots)}, prompts={"user": "prompts/user.md"},
            models={"default": model},
        )
    )  # fmt: skip


@pytest.fixture
def workflow(here: Path, model_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configured folder whose bundles ask the real model."""
    monkeypatch.setenv("OPENAI_BASE_URL", model_url)
    monkeypatch.setenv("OPENAI_API_KEY", "none-needed")
    by_turns = [(texts[number], intent) for number in range(4) for intent, texts in _CASES.items()]
    cases = [{"input": text, "expected": intent} for text, intent in by_turns[:_MANY]]
    (here / "cases.jsonl").write_text("".join(f"{json.dumps(case)}\n" for case in cases))
    (here / "agent-deploy.toml").write_text(
        f'[workflows.{WORKFLOW}]\ncases = "cases.jsonl"\n'
        f"[workflows.{WORKFLOW}.eval]\nconcurrency = 2\ntimeout_s = 120\n"
        f"[environments.production.gate]\nmax_regression = {0.4 if _MANY < 12 else 0.3}\n"
    )
    return here


def test_three_versions_of_truly_different_quality(workflow: Path, agent_deploy: AgentDeploy) -> None:
    for shots in (4, 0, 3):
        assert agent_deploy("register", _write(workflow / str(shots), shots)).code == 0
    four, none = (agent_deploy("eval", f"{WORKFLOW}@{version}", "--json").document for version in (1, 2))
    assert (four["cases"]["errored"], none["cases"]["errored"]) == (0, 0)
    assert four["pass_rate"] >= 0.5 > 0.2 >= none["pass_rate"]
    assert four["tokens"]["input"] > none["tokens"]["input"] > 0
    assert (four["cost_usd"], four["unpriced"]) == (None, ["openai/gemma-3-270m"])

    assert agent_deploy("promote", WORKFLOW, "--version", "1").code == 0
    refused = agent_deploy("promote", WORKFLOW, "--version", "2", "--json")
    assert refused.code == 4
    assert {rule["rule"]: rule["verdict"] for rule in refused.document["gate"]["rules"]}["regression"] == "failed"

    three = agent_deploy("eval", f"{WORKFLOW}@3", "--json").document
    assert three["pass_rate"] >= 0.5
    assert (
        agent_deploy("promote", WORKFLOW, "--version", "3", "--override-gate", "--reason", "whatever it says").code == 0
    )
    assert agent_deploy("rollback", WORKFLOW, "--json").document["version"] == 1

    again = agent_deploy("eval", f"{WORKFLOW}@1", "--json").document
    assert again["pass_rate"] == four["pass_rate"]  # from the kept responses, in no time
    assert again["latency_ms"] == four["latency_ms"]
    assert agent_deploy("verify").code == 0


def test_a_judge_that_answers_prose_ends_as_an_error_and_not_as_a_verdict(
    workflow: Path, agent_deploy: AgentDeploy
) -> None:
    agent_deploy("register", _write(workflow / "4", 4))
    case = {
        "input": "I lost my card", "expected": "lost_card",
        "scorers": [{"judge": {"rubric": "The intent is right.", "provider": "openai", "model": "gemma-3-270m",
                               "parameters": {"max_tokens": 24}}}],
    }  # fmt: skip
    (workflow / "judged.jsonl").write_text(json.dumps(case))
    answer = agent_deploy("eval", f"{WORKFLOW}@1", "--cases", "judged.jsonl", "--json")
    assert (answer.code, answer.document["cases"]["errored"]) == (1, 1)  # a base model answers prose, not a verdict


@pytest.mark.parametrize("package", ["opentelemetry.instrumentation.openai", "opentelemetry.instrumentation.openai_v2"])
def test_spans_of_somebody_elses_instrumentation_become_facts_of_the_version_that_served(
    workflow: Path, agent_deploy: AgentDeploy, package: str
) -> None:
    assert agent_deploy("register", _write(workflow / "4", 4)).code == 0
    overriding = ("--override-gate", "--reason", "it is traced, not judged")
    assert agent_deploy("promote", WORKFLOW, "--version", "1", *overriding).code == 0
    with serving(workflow, "--no-auth") as served:
        command = [sys.executable, "-m", "tests.model.traced_app", served.url.removesuffix("/v1/traces"), package]
        environ = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
        used = json.loads(subprocess.run(command, env=environ, check=True, capture_output=True).stdout)
        served.stop()
    with facts_connection(open_store(str(workflow / ".agent-deploy")), workflow / ".agent-deploy" / "facts") as facts:
        query = (
            "SELECT count(*), sum(input_tokens), sum(output_tokens), min(version), max(version), min(tenant) FROM calls"
        )
        found = facts.execute(query).fetchone()
    assert found == (used["calls"], used["input"], used["output"], 1, 1, "acme")
