"""What a release changed in cost: in `status` once there are calls, and expected from eval runs before a promotion."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import pytest

from agent_deploy.operations.promote import promote
from agent_deploy.telemetry.facts.fact import Fact
from agent_deploy.telemetry.facts.store import FOLDER, FactStore
from registry.registry import Registry
from registry.times import now
from tests.agent_deploy.conftest import AgentDeploy
from tests.builders import WORKFLOW, add_version
from tests.evidence import add_run

pytestmark = pytest.mark.slow


def _calls(version: int, tokens: int, model: str, count: int = 400) -> list[Fact]:
    """Calls of one version, each with one model call, from twenty tenants."""
    chance, at, facts = random.Random(version), now() - timedelta(hours=2), []
    for number in range(count):
        trace = f"{version:04x}{number:028x}"
        common = {
            "trace_id": trace, "call_id": trace[-16:], "started_at": at + timedelta(seconds=number), "duration_ms": 9.0,
            "workflow": WORKFLOW, "environment": "production", "version": version, "tenant": f"tenant-{number % 20}",
        }  # fmt: skip
        facts.append(Fact(span_id=trace[-16:], parent_span_id="", kind="call", name="call", **common))  # type: ignore[arg-type]
        facts.append(
            Fact(
                span_id=f"f{trace[-15:]}", parent_span_id=trace[-16:], kind="model", name="chat", provider="openai",
                model=model, input_tokens=tokens + chance.randrange(20), output_tokens=20, **common,  # type: ignore[arg-type]
            )
        )  # fmt: skip
    return facts


@pytest.fixture
def live(registry: Registry) -> Registry:
    """Version 2 is live, and 1 was before it."""
    for number in (1, 2):
        add_version(registry, number)
        promote(registry, WORKFLOW, str(number), "production", actor="ann")
    return registry


def _keep(registry: Registry, here: Path, facts: list[Fact]) -> None:
    FactStore(registry.store, here / ".agent-deploy" / FOLDER).spool().append(facts)


def test_status_tells_the_delta_as_soon_as_there_is_data(live: Registry, here: Path, agent_deploy: AgentDeploy) -> None:
    assert agent_deploy("status", "--json").document["workflows"][0]["environments"][0]["cost_delta"] is None
    _keep(live, here, [*_calls(1, 1000, "gpt-5-mini"), *_calls(2, 2000, "gpt-5-mini")])
    delta = agent_deploy("status", "--json").document["workflows"][0]["environments"][0]["cost_delta"]
    assert (delta["from"], delta["to"], delta["verdict"]) == (1, 2, "dearer")
    assert delta["low"] < delta["ratio"] < delta["high"]
    assert f"{WORKFLOW} in production: version 2 costs " in agent_deploy("status").out


def test_a_model_without_a_price_is_an_alarm(live: Registry, here: Path, agent_deploy: AgentDeploy) -> None:
    _keep(live, here, _calls(2, 1000, "unheard-of", 10))
    answer = agent_deploy("status")
    assert f"{WORKFLOW} in production: no price is known for openai/unheard-of" in answer.out
    environment = agent_deploy("status", "--json").document["workflows"][0]["environments"][0]
    assert (environment["unpriced"], environment["cost_delta"]["verdict"]) == (
        ["openai/unheard-of"], "not_enough_data",
    )  # fmt: skip


def test_a_dry_run_tells_what_the_eval_runs_let_expect(live: Registry, here: Path, agent_deploy: AgentDeploy) -> None:
    third = add_version(live, 3)
    with live.database.read() as connection:
        from registry.catalog import version_numbered

        second = version_numbered(connection, WORKFLOW, 2)
    words = ("promote", WORKFLOW, "--version", "3", "--dry-run")
    assert "expected_cost" not in agent_deploy(*words, "--json").document
    add_run(live, second, cost_usd=0.002)
    add_run(live, third, cost_usd=0.003)
    expected = agent_deploy(*words, "--json").document["expected_cost"]
    assert (expected["cases"], round(expected["ratio"], 6)) == (60, 1.5)
    assert "+50 % a case is to be expected" in agent_deploy(*words).out
