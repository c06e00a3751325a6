"""The gate by what calls cost in staging: real facts on record, as commands show it and as a release keeps it."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from agent_deploy.config import Config, load_config
from agent_deploy.costs.prices import open_prices
from agent_deploy.gates.policy import Policy, policy_from
from agent_deploy.operations import call_costs
from agent_deploy.operations.approve import Approved, approve
from agent_deploy.operations.gate import gate
from agent_deploy.operations.live_cost import facts_at_hand
from agent_deploy.operations.promote import promote
from agent_deploy.operations.verify import verify
from agent_deploy.telemetry.facts.fact import Fact
from agent_deploy.telemetry.facts.store import FOLDER, FactStore
from registry.registry import Registry
from registry.releases import find_head
from registry.times import now
from tests.agent_deploy.conftest import AgentDeploy
from tests.builders import WORKFLOW, add_version, open_registry
from tests.costs.traffic import PRICE_FILE, call, step
from tests.evidence import add_run

pytestmark = pytest.mark.slow

_CONFIG = """\
prices = "prices.toml"
[environments.staging.gate]
required = false
[environments.production.gate]
max_cost_increase = 0.2
cost_from = {name = "staging", within = "7d"}
"""
_GATE = ("gate", WORKFLOW, "--version", "2")
_PROMOTE = ("promote", WORKFLOW, "--version", "2")


@pytest.fixture
def live(here: Path) -> Registry:
    """Version 1 is live in production, version 2 was evaluated; both cost the same by their eval runs."""
    (here / "agent-deploy.toml").write_text(_CONFIG)
    (here / "prices.toml").write_text(PRICE_FILE)
    registry = open_registry(here)
    for number in (1, 2):
        add_run(registry, add_version(registry, number), at=now() - timedelta(hours=1))
    promote(registry, WORKFLOW, "1", "production", actor="ann")
    return registry


def _calls(
    version: int, tokens: int, count: int = 200, environment: str = "staging", ago: timedelta = timedelta(hours=2)
) -> Iterable[list[Fact]]:
    """Calls of one version from ten tenants, each with one model call of about so many tokens of input."""
    chance, at = random.Random(7), now() - ago
    for number in range(count):
        asked = step(tokens + chance.randrange(20), 10)
        yield call(asked, at=at, version=version, tenant=f"tenant-{number % 10}", environment=environment)


def _keep(registry: Registry, here: Path, *calls: Iterable[list[Fact]]) -> None:
    spool = FactStore(registry.store, here / ".agent-deploy" / FOLDER).spool()
    spool.append([fact for some in calls for each in some for fact in each])


def _head(registry: Registry) -> int | None:
    with registry.database.read() as connection:
        head = find_head(connection, WORKFLOW, "production")
    return head.version if head else None


def test_a_version_whose_calls_cost_more_is_refused_whatever_its_eval_run_cost(
    live: Registry, here: Path, agent_deploy: AgentDeploy
) -> None:
    _keep(live, here, _calls(1, 1000), _calls(2, 2000))
    answer = agent_deploy(*_GATE, "--json")
    cost = next(rule for rule in answer.document["rules"] if rule["rule"] == "cost")
    costs = answer.document["call_costs"]
    assert (answer.code, cost["verdict"], cost["why"]) == (4, "failed", "clearly above the limit")
    assert cost["needed"] == "≤ +20.0 % a call in staging"
    assert cost["next_command"] == f"agent-deploy cost {WORKFLOW} --compare 1 2 --env staging --since 7d"
    assert (costs["from"], costs["to"], costs["calls"], costs["verdict"], costs["prices"]) == (
        1, 2, {"from": 200, "to": 200}, "dearer", open_prices(load_config().prices).version,
    )  # fmt: skip
    assert 1.8 < costs["low"] <= costs["ratio"] <= costs["high"] < 2.0
    refused = agent_deploy(*_PROMOTE)
    assert (refused.code, _head(live)) == (4, 1)
    assert refused.err.splitlines()[0] == f"error: the gate of production failed for {WORKFLOW}@2: cost"


def test_one_whose_calls_cost_the_same_goes_live_and_its_release_keeps_the_evidence(
    live: Registry, here: Path, agent_deploy: AgentDeploy
) -> None:
    _keep(live, here, _calls(1, 1000), _calls(2, 1010))
    words = "+1 % a call (95 % CI +1 % to +1 %), by 200 calls of version 2 and 200 of 1 in staging"
    assert f"  calls     {words}" in agent_deploy(*_GATE).out
    dry = agent_deploy(*_PROMOTE, "--dry-run")
    assert (dry.code, _head(live)) == (0, 1)
    assert f"  calls   {words}" in dry.out
    promoted = agent_deploy(*_PROMOTE, "--json").document["gate"]["call_costs"]
    with live.database.read() as connection:
        head = find_head(connection, WORKFLOW, "production")
    assert head is not None
    assert head.gate is not None
    assert (head.version, json.loads(head.gate)["call_costs"]) == (2, promoted)
    released = agent_deploy("history", WORKFLOW, "--json").document["releases"][0]
    assert released["gate"]["call_costs"] == promoted
    assert promoted["verdict"] == "same"
    assert verify(live).faults == []


def test_too_few_calls_do_not_let_it_through_but_an_override_does(
    live: Registry, here: Path, agent_deploy: AgentDeploy
) -> None:
    _keep(live, here, _calls(1, 1000), _calls(2, 1000, 20))
    answer = agent_deploy(*_PROMOTE)
    assert (answer.code, answer.err.splitlines()[-1]) == (
        4, f"  next: agent-deploy cost {WORKFLOW} --compare 1 2 --env staging --since 7d",
    )  # fmt: skip
    assert "20 calls against 200" in answer.out
    assert "200 and 20 calls, and 100 of each are needed" in answer.out
    answer = agent_deploy(*_PROMOTE, "--override-gate", "--reason", "the load test is down")
    assert (answer.code, _head(live)) == (0, 2)
    assert "  gate       OVERRIDDEN: inconclusive (cost)" in answer.out
    assert "  calls      20 calls of version 2 and 200 of 1 in staging" in answer.out


def test_without_any_facts_there_are_no_calls(live: Registry, agent_deploy: AgentDeploy) -> None:
    answer = agent_deploy(*_GATE)
    assert (answer.code, answer.err.splitlines()[-1]) == (
        4, f"  next: agent-deploy promote {WORKFLOW} --version 2 --env staging",
    )  # fmt: skip
    assert "0 calls against 0" in answer.out


def test_calls_elsewhere_or_too_long_ago_or_of_another_bundle_do_not_count(
    live: Registry, here: Path, agent_deploy: AgentDeploy
) -> None:
    strange = [[replace(fact, digest="sha256:strange") for fact in each] for each in _calls(2, 1000, 7)]
    _keep(
        live, here, _calls(1, 1000, 3), _calls(1, 1000, 200, "production"), _calls(2, 1000, 200, ago=timedelta(days=8)),
        strange,
    )  # fmt: skip
    assert agent_deploy(*_GATE, "--json").document["call_costs"]["calls"] == {"from": 3, "to": 0}


def test_facts_that_cannot_be_read_stop_no_override(live: Registry, here: Path, agent_deploy: AgentDeploy) -> None:
    facts = FactStore(live.store, here / ".agent-deploy" / FOLDER)
    facts.spool().append([fact for each in _calls(1, 1000, 3) for fact in each])
    facts.seal(everything=True)
    for segment in (here / ".agent-deploy" / "facts").rglob("*.parquet"):
        segment.write_bytes(b"x" * segment.stat().st_size)
    rules = {rule["rule"]: rule for rule in agent_deploy(*_GATE, "--json").document["rules"]}
    assert (rules["cost"]["verdict"], rules["cost"]["seen"]) == ("inconclusive", "unknown")
    assert rules["cost"]["why"].startswith("the facts of calls cannot be read: ")
    assert agent_deploy(*_PROMOTE, "--override-gate", "--reason", "read by hand").code == 0
    assert _head(live) == 2


def test_an_environment_that_the_file_does_not_name_is_refused_by_file_and_key(
    live: Registry, here: Path, agent_deploy: AgentDeploy
) -> None:
    (here / "agent-deploy.toml").write_text(_CONFIG.replace('"staging"', '"stagng"'))
    answer = agent_deploy(*_GATE)
    file = here / "agent-deploy.toml"
    assert (answer.code, answer.err.splitlines()[0]) == (
        2,
        f"error: {file}: the gate of {WORKFLOW} in production.cost_from: environment 'stagng' is not in {file}; did "
        "you mean 'staging'? (there: production, staging)",
    )


def test_calls_are_read_while_nothing_is_locked(live: Registry, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody approves another version meanwhile: within a transaction of ours, that would wait for it in vain."""
    _keep(live, here, _calls(1, 1000), _calls(2, 1000))
    looks: list[Approved] = []

    def found(registry: Registry, config: Config) -> FactStore | None:
        looks.append(approve(registry, WORKFLOW, "1", "production", actor="bea"))
        return facts_at_hand(registry, config)

    monkeypatch.setattr(call_costs, "facts_at_hand", found)
    promote(live, WORKFLOW, "2", "production", actor="ann", policy=_policy(), config=load_config())
    assert (len(looks), _head(live)) == (1, 2)


def _policy() -> Policy:
    return policy_from({"max_cost_increase": 0.2, "cost_from": "staging"}, "here")


def test_without_settings_to_find_facts_by_nothing_is_known(live: Registry) -> None:
    found = gate(live, _policy(), WORKFLOW, "2", "production").gate
    assert found is not None
    assert {rule.rule: rule.verdict for rule in found.rules}["cost"] == "inconclusive"
