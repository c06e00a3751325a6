"""cost, as typed: the report, the comparison, and alarms on stderr."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest

from agent_deploy.cli import main as entry
from agent_deploy.config import load_config
from agent_deploy.evals.outcomes import Outcomes
from agent_deploy.operations.cost_delta import EvalCostDelta, cost_delta, eval_cost_delta
from agent_deploy.telemetry.facts.fact import Fact
from agent_deploy.telemetry.facts.store import open_facts
from registry.registry import Registry
from registry.times import now, to_text
from tests.agent_deploy.conftest import AgentDeploy
from tests.builders import WORKFLOW, add_version
from tests.costs.traffic import PRICE_FILE, call, step

_HOUR_AGO = now() - timedelta(hours=1)


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(entry._MODULES, "cost", "cost")


@pytest.fixture
def priced(here: Path, registry: Registry) -> Path:
    """The configuration names a file of prices."""
    (here / "prices.toml").write_text(PRICE_FILE)
    file = here / "agent-deploy.toml"
    file.write_text(f'prices = "prices.toml"\n{file.read_text()}')
    return here


def _record(*calls: list[Fact]) -> None:
    facts = open_facts(load_config())
    facts.spool().append([fact for each in calls for fact in each])
    facts.close()


def _two_versions() -> list[list[Fact]]:
    return [
        call(step(1000, 100 * version), at=_HOUR_AGO, version=version, tenant=f"t{number % 6}", outcome="resolved")
        for version in (1, 2)
        for number in range(120)
    ]


def test_people_read_a_table_with_its_total_and_outcomes(priced: Path, agent_deploy: AgentDeploy) -> None:
    _record(*_two_versions(), call(step(1000, 100), at=_HOUR_AGO, failed=True))
    answer = agent_deploy("cost", WORKFLOW, "--by", "version")
    assert (answer.code, answer.err) == (0, "")
    title, _, report = answer.out.partition("\n\n")
    assert re.fullmatch(rf"{WORKFLOW}, \S+ \S+Z to now", title)
    assert report == (
        "VERSION  CALLS  FAILED  RETRIES  MODEL CALLS  TOOLS  INPUT    CACHED  OUTPUT  COST     PER CALL  PER 1,000\n"
        "1        121    1       0        121          0      121,000  0 %     12,100  $0.2420  $0.0020   $2.0000\n"
        "2        120    0       0        120          0      120,000  0 %     24,000  $0.3600  $0.0030   $3.0000\n"
        "total    241    1       0        241          0      241,000  0 %     36,100  $0.6020  $0.0025   $2.4979\n"
        "\n"
        "VERSION  OUTCOME   CALLS  COST PER OUTCOME\n"
        "1        resolved  120    $0.0020\n"
        "2        resolved  120    $0.0030\n"
        "total    resolved  240    $0.0025\n"
    )


def test_json_is_exact(priced: Path, agent_deploy: AgentDeploy) -> None:
    _record(call(step(1000, 100, cache_read_tokens=500, reported_cost_usd=0.0031), at=_HOUR_AGO, version=7, tools=1))
    document = agent_deploy("cost", WORKFLOW, "--by", "version", "--since", "2h", "--json").document
    line = {
        "calls": 1, "unknown_calls": 0, "failed": 0, "retries": 0, "model_calls": 1, "tool_calls": 1,
        "tokens": {"input": 1000, "output": 100, "cache_read": 500, "cache_write": 0, "reasoning": 0},
        "cost_usd": "0.00155", "cost_per_call_usd": "0.00155", "cost_per_1000_calls_usd": "1.55", "outcomes": [],
        "reported": {"model_calls": 1, "reported_usd": "0.0031", "computed_usd": "0.00155", "differs": True},
    }  # fmt: skip
    since, prices = document.pop("since"), document.pop("prices")
    assert document == {
        "workflow": WORKFLOW, "environment": None, "until": None, "by": "version",
        "lines": [{"version": 7, **line}], "total": line, "unpriced": [],
    }  # fmt: skip
    assert since < to_text(_HOUR_AGO)
    assert "prices.toml sha256:" in prices


def test_a_model_without_a_price_is_an_alarm_with_what_to_do(priced: Path, agent_deploy: AgentDeploy) -> None:
    _record(call(step(model="nobody"), at=_HOUR_AGO), call(step(1000, 0), at=_HOUR_AGO))
    answer = agent_deploy("cost", WORKFLOW)
    assert "the cost of 1 call is unknown, and in no figure of money" in answer.out
    assert answer.err == (
        "error: no price is known for acme/nobody (1 model call)\n"
        f"  next: add a [[price]] to {priced}/prices.toml   # docs/prices.md\n"
    )
    document = agent_deploy("cost", WORKFLOW, "--json").document
    assert document["unpriced"] == [
        {"provider": "acme", "model": "nobody", "tier": "", "why": "no price", "model_calls": 1}
    ]
    assert (document["total"]["unknown_calls"], document["total"]["cost_usd"]) == (1, "0.001")


def test_spans_that_say_another_cost_are_told(priced: Path, agent_deploy: AgentDeploy) -> None:
    _record(call(step(1000, 0, reported_cost_usd=0.0012), at=_HOUR_AGO))
    said = "the spans of 1 model call say $0.0012, their tokens come to $0.0010 (+20.0 %)"
    assert said in agent_deploy("cost", WORKFLOW).out


def test_one_outcome_alone_is_shown_when_asked_for(priced: Path, agent_deploy: AgentDeploy) -> None:
    _record(*(call(step(1000, 0), at=_HOUR_AGO, outcome=name) for name in ("resolved", "escalated")))
    document = agent_deploy("cost", WORKFLOW, "--outcome", "resolved", "--json").document
    assert document["total"]["outcomes"] == [{"outcome": "resolved", "calls": 1, "cost_per_outcome_usd": "0.002"}]
    assert "no call ended with outcome 'lost'" in agent_deploy("cost", WORKFLOW, "--outcome", "lost").out


def test_a_comparison_is_a_sentence_and_what_it_stands_on(priced: Path, agent_deploy: AgentDeploy) -> None:
    _record(*_two_versions())
    answer = agent_deploy("cost", WORKFLOW, "--compare", "1", "2")
    assert (answer.code, answer.out) == (
        0,
        "version 2 costs 50 % more per call than 1 (95 % CI 50 to 50 %): longer outputs +50 %\n"
        "  per call   $0.0020 → $0.0030, same prices and mix of calls\n"
        "  as it was  $0.0020 → $0.0030 (+50 %), any mix\n"
        "  calls      120 → 120\n"
        "  matched    120 and 120 calls have their like with the other version, by tenant, input size and model\n",
    )


def test_a_comparison_in_json_has_the_keys_of_the_contract(priced: Path, agent_deploy: AgentDeploy) -> None:
    _record(*_two_versions())
    document = agent_deploy("cost", WORKFLOW, "--compare", "1", "2", "--json").document
    assert {name: document[name] for name in ("from", "to", "verdict", "calls", "needed", "tenants")} == {
        "from": 1, "to": 2, "verdict": "dearer", "calls": {"from": 120, "to": 120}, "needed": None, "tenants": 6,
    }  # fmt: skip
    per_call = {"from": 0.002, "to": 0.003, "ratio": 1.5, "low": 1.5, "high": 1.5}
    assert document["cost_per_call"] == pytest.approx(per_call)
    assert document["raw_ratio"] == pytest.approx(1.5)
    assert [each["driver"] for each in document["drivers"]] == [
        "input_length", "output_length", "model_calls", "cache", "price",
    ]  # fmt: skip


def test_versions_are_named_by_any_ref(priced: Path, registry: Registry, agent_deploy: AgentDeploy) -> None:
    add_version(registry, 1)
    add_version(registry, 2)
    agent_deploy("promote", WORKFLOW, "--version", "2")
    _record(*_two_versions())
    document = agent_deploy("cost", WORKFLOW, "--compare", "1.0.0", "production", "--json").document
    assert (document["from"], document["to"], document["verdict"]) == (1, 2, "dearer")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["nobody"], 3, "there is no workflow 'nobody' (there: support-triage)"),
        ([WORKFLOW, "--since", "soon"], 2, "--since: must be a time span ago, as 24h or 7d, or a date, not 'soon'"),
        ([WORKFLOW, "--since", "1h", "--until", "2h"], 2, "--since 1h is not before --until 2h"),
        ([WORKFLOW, "--compare", "1", "1"], 2, "support-triage@1 is no other version than itself: name two to compare"),
        ([WORKFLOW, "--compare", "1", "2", "--by", "day"], 2, "--compare does not go with --by"),
        ([WORKFLOW, "--compare", "1", "9.9.9"], 3, "support-triage has no version 9.9.9; its newest is 1 (1.0.0)"),
    ],
)
def test_what_cannot_be_answered_is_refused(
    priced: Path, registry: Registry, agent_deploy: AgentDeploy, words: list[str], code: int, message: str
) -> None:
    add_version(registry, 1)
    _record(call(step(), at=_HOUR_AGO))
    answer = agent_deploy("cost", *words, "--json")
    assert (answer.code, json.loads(answer.out)["error"]["message"]) == (code, message)


def test_a_workflow_without_calls_is_told_what_to_do(registry: Registry, agent_deploy: AgentDeploy) -> None:
    add_version(registry, 1)
    answer = agent_deploy("cost", WORKFLOW, "--since", "2026-01-01")
    assert (answer.code, answer.out) == (
        0,
        "support-triage, 2026-01-01 00:00:00Z to now\nno call on record\n"
        "  next: agent-deploy traces import FILE   # --since looks back further\n",
    )


def test_a_release_has_its_delta_once_there_are_calls(priced: Path, registry: Registry) -> None:
    def verdict() -> str:
        delta = cost_delta(registry, load_config(), WORKFLOW, 1, 2, "production", now() - timedelta(days=1))
        return delta.verdict

    assert verdict() == "not_enough_data"
    _record(*_two_versions())
    assert verdict() == "dearer"


def _outcomes(*costs: float | None) -> Outcomes:
    count = len(costs)
    return Outcomes(
        cases=tuple(f"c{number}" for number in range(count)), repeats=1, status=("P",) * count,
        critical=(False,) * count, clusters=("",) * count, tags=((),) * count,
        cost_usd=tuple((usd,) for usd in costs), latency_ms=((1.0,),) * count,
    )  # fmt: skip


def test_eval_runs_let_expect_a_delta_by_the_cases_of_known_cost() -> None:
    found = eval_cost_delta(_outcomes(0.03, 0.06, None), _outcomes(0.02, 0.04, 0.01))
    assert found is not None
    assert (found.cases, found) == (2, EvalCostDelta(2, 0.03, found.to_usd, found.ratio, found.low, found.high))
    assert [found.to_usd, found.ratio, found.low, found.high] == [pytest.approx(x) for x in (0.045, 1.5, 1.5, 1.5)]
    assert eval_cost_delta(_outcomes(None), _outcomes(0.01)) is None
    assert eval_cost_delta(_outcomes(0.01), _outcomes(0.0)) is None
