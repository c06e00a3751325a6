"""What a release changed in cost: in `status` once there are calls, and expected from eval runs before a promotion."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from agent_deploy.operations import live_cost
from agent_deploy.operations.promote import promote
from agent_deploy.operations.rollback import rollback
from agent_deploy.telemetry.facts.fact import Fact
from agent_deploy.telemetry.facts.store import FOLDER, FactStore
from registry.catalog import version_numbered
from registry.registry import Registry
from registry.times import now
from tests.agent_deploy.conftest import AgentDeploy
from tests.builders import WORKFLOW, add_version
from tests.evidence import NOON, add_run

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


def test_after_a_rollback_status_tells_the_delta_to_what_was_left(
    live: Registry, here: Path, agent_deploy: AgentDeploy
) -> None:
    _keep(live, here, [*_calls(1, 1000, "gpt-5-mini"), *_calls(2, 2000, "gpt-5-mini")])
    rollback(live, WORKFLOW, "production", actor="ann")
    delta = agent_deploy("status", "--json").document["workflows"][0]["environments"][0]["cost_delta"]
    assert (delta["from"], delta["to"], delta["verdict"]) == (2, 1, "cheaper")


def test_the_alarm_is_the_same_by_the_sums_of_whole_hours(
    live: Registry, here: Path, agent_deploy: AgentDeploy
) -> None:
    facts = FactStore(live.store, here / ".agent-deploy" / FOLDER)
    facts.spool().append([*_calls(2, 1000, "unheard-of", 10), *_calls(1, 1000, "gpt-5-mini", 10)])
    facts.seal(everything=True)
    environment = agent_deploy("status", "--json").document["workflows"][0]["environments"][0]
    assert environment["unpriced"] == ["openai/unheard-of"]


def test_of_many_releases_the_newest_are_told_of_and_the_others_counted(
    live: Registry, here: Path, agent_deploy: AgentDeploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_cost, "_WITHIN_S", -1.0)
    promote(live, WORKFLOW, "1", "staging", actor="ann")
    promote(live, WORKFLOW, "2", "staging", actor="ann")
    calls = [*_calls(1, 1000, "gpt-5-mini"), *_calls(2, 2000, "gpt-5-mini")]
    staged = [replace(one, environment="staging", trace_id=f"f{one.trace_id[1:]}") for one in calls]
    _keep(live, here, [*calls, *staged])
    document = agent_deploy("status", "--json").document
    deltas = {one["environment"]: one["cost_delta"] for one in document["workflows"][0]["environments"]}
    assert (deltas["production"], deltas["staging"]["verdict"], document["cost_deltas_untold"]) == (None, "dearer", 1)
    assert "what 1 more release changed in cost: agent-deploy status WORKFLOW" in agent_deploy("status").out
    assert "cost_deltas_untold" not in agent_deploy("status", WORKFLOW, "--env", "staging", "--json").document


def test_costs_that_cannot_be_told_are_an_error_beside_the_answer(
    live: Registry, here: Path, agent_deploy: AgentDeploy
) -> None:
    _keep(live, here, _calls(2, 1000, "unheard-of", 10))
    (here / "agent-deploy.toml").write_text('prices = "prices.toml"\n')
    (here / "prices.toml").write_text("= 3\n")
    answer = agent_deploy("status")
    assert (answer.code, f"{WORKFLOW}  production   2 " in answer.out) == (0, True)
    assert answer.err.startswith(f"error: costs could not be told: {here / 'prices.toml'}: not TOML: ")
    document = agent_deploy("status", "--json").document
    assert document["costs_error"].startswith(f"{here / 'prices.toml'}: not TOML: ")
    assert document["workflows"][0]["environments"][0]["cost_delta"] is None


def _run(registry: Registry, number: int, cost_usd: float, *, minutes: int = 0, on_record: bool = True) -> None:
    """A run of the version, on record so many minutes after the others."""
    with registry.database.read() as connection:
        version = version_numbered(connection, WORKFLOW, number)
    add_run(registry, version, cost_usd=cost_usd, at=NOON + timedelta(minutes=minutes), on_record=on_record)


def _dry_run(number: int) -> tuple[str, ...]:
    return ("promote", WORKFLOW, "--version", str(number), "--dry-run")


def test_a_dry_run_tells_what_the_eval_runs_let_expect(live: Registry, agent_deploy: AgentDeploy) -> None:
    add_version(live, 3)
    assert "expected_cost" not in agent_deploy(*_dry_run(3), "--json").document
    _run(live, 2, 0.002)
    _run(live, 3, 0.003)
    expected = agent_deploy(*_dry_run(3), "--json").document["expected_cost"]
    assert (expected["cases"], round(expected["ratio"], 6)) == (60, 1.5)
    assert "+50 % a case is to be expected" in agent_deploy(*_dry_run(3)).out


def test_what_is_to_be_expected_goes_by_the_runs_that_the_gate_goes_by(
    live: Registry, agent_deploy: AgentDeploy
) -> None:
    """Newer ones with another agent than the workflow's own say nothing of it."""
    add_version(live, 3)
    _run(live, 2, 0.002)
    _run(live, 3, 0.003)
    _run(live, 3, 0.02, minutes=1, on_record=False)
    expected = agent_deploy(*_dry_run(3), "--json").document["expected_cost"]
    assert round(expected["ratio"], 6) == 1.5


def test_in_the_middle_of_a_drill_a_dry_run_compares_with_what_comes_back_at_its_end(
    live: Registry, agent_deploy: AgentDeploy
) -> None:
    add_version(live, 3)
    for number, cost_usd in ((1, 0.001), (2, 0.002), (3, 0.003)):
        _run(live, number, cost_usd)
    until = now() + timedelta(hours=1)
    rollback(live, WORKFLOW, "production", actor="drill", to_version="1", revert_to=2, revert_at=until)
    expected = agent_deploy(*_dry_run(3), "--json").document["expected_cost"]
    assert round(expected["ratio"], 6) == 1.5
    assert "expected_cost" not in agent_deploy(*_dry_run(2), "--json").document
