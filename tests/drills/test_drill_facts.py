"""What production's own calls say during a drill: guards that hold or trip, and what each version costs."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent_deploy.operations.drill.facts import ask_facts, measure_cost
from agent_deploy.telemetry.facts.fact import Fact
from agent_deploy.telemetry.facts.store import FOLDER, FactStore
from drills.models import Check, DrillPlan, PhaseName, Side
from drills.policy import DrillPolicy
from registry.catalog import version_numbered
from registry.models import Version
from registry.times import now
from tests.builders import WORKFLOW
from tests.costs.traffic import PRICE_FILE, call, step
from tests.drills.scenes import PLACE, Scene
from tests.evidence import NOON, add_run

pytestmark = pytest.mark.slow

BASELINE, TARGET = 3, 2
_GUARDED = DrillPolicy(max_error_rate=0.1, max_latency_increase=0.5)


@pytest.fixture
def priced(scene: Scene, tmp_path: Path) -> Scene:
    """A scene with prices for the models that its calls name."""
    (tmp_path / "prices.toml").write_text(PRICE_FILE)
    return replace(scene, config=replace(scene.config, prices=tmp_path / "prices.toml"))


def _add(scene: Scene, calls: list[list[Fact]]) -> None:
    facts = FactStore(scene.registry.store, scene.config.state / FOLDER)
    facts.spool().append([fact for each in calls for fact in each])
    facts.close()


def _calls(version: int, count: int, at: datetime, *, output: int = 10, failed: int = 0) -> list[list[Fact]]:
    made = []
    for number in range(count):
        moment = at + timedelta(milliseconds=number)
        tenant = f"tenant-{number % 10}"
        made.append(call(step(output=output), at=moment, version=version, tenant=tenant, failed=number < failed))
    return made


def _version(scene: Scene, number: int) -> Version:
    version: Version = scene.read(lambda connection: version_numbered(connection, WORKFLOW, number))
    return version


def _plan(scene: Scene) -> DrillPlan:
    versions = (_version(scene, number) for number in (BASELINE, TARGET))
    baseline, target = (Side(one.number, one.tag, one.digest, 3) for one in versions)
    at = now()
    return DrillPlan("d", WORKFLOW, PLACE, "live", baseline, target, timedelta(), at, at, "ann", "operator", "")


def _ask(scene: Scene, policy: DrillPolicy, phase: PhaseName, since: datetime) -> list[Check]:
    return ask_facts(scene.registry, scene.config, policy, _plan(scene), phase, since)


def test_without_a_guard_nothing_is_asked(scene: Scene) -> None:
    assert _ask(scene, DrillPolicy(), "hold", now()) == []


def test_without_facts_guards_hold_and_say_that_they_know_nothing(scene: Scene) -> None:
    checks = _ask(scene, _GUARDED, "hold", now())
    assert [(check.name, check.ok, check.detail) for check in checks] == [
        ("error rate", True, "not enough data: 0 calls, 20 wanted"),
        ("latency", True, "not enough data: 0 calls, 20 wanted"),
    ]


@pytest.mark.parametrize(("failed", "ok"), [(2, True), (20, False)])
def test_the_targets_error_rate_since_it_went_live_is_held_against_the_guard(
    priced: Scene, failed: int, ok: bool
) -> None:
    went_live = now() - timedelta(seconds=5)
    _add(priced, _calls(TARGET, 30, went_live - timedelta(hours=1), failed=30))  # of an earlier time, and not counted
    _add(priced, _calls(BASELINE, 30, went_live - timedelta(hours=1)))
    _add(priced, _calls(TARGET, 40, went_live + timedelta(seconds=1), failed=failed))
    error_rate, latency = _ask(priced, _GUARDED, "hold", went_live)
    assert (error_rate.name, error_rate.ok, error_rate.sample) == ("error rate", ok, {"calls": 40, "failed": failed})
    assert (latency.name, latency.ok) == ("latency", True)
    assert latency.sample == {"p95_ms": 900.0, "baseline_p95_ms": 900.0}


def test_before_anything_is_touched_it_is_the_baseline_that_is_looked_at(priced: Scene) -> None:
    _add(priced, _calls(BASELINE, 40, now() - timedelta(hours=1), failed=10))
    (check,) = _ask(priced, _GUARDED, "steady_before", now())
    assert (check.ok, check.detail) == (False, "25.0 % of 40 calls failed, at most 10.0 %")


def _cost(scene: Scene, since: datetime) -> dict[str, Any]:
    return measure_cost(scene.registry, scene.config, _plan(scene), since, now())


def test_the_cost_of_each_version_is_told_with_its_calls_and_tokens(priced: Scene) -> None:
    went_live = now() - timedelta(seconds=5)
    _add(priced, _calls(BASELINE, 200, went_live - timedelta(hours=1), output=20))
    _add(priced, _calls(TARGET, 200, went_live + timedelta(seconds=1), output=10))
    calls = _cost(priced, went_live)["calls"]
    assert (calls["baseline"]["calls"], calls["target"]["calls"]) == (200, 200)
    assert calls["baseline"]["cost_per_1000_calls_usd"] == "0.300000"
    assert calls["target"]["cost_per_1000_calls_usd"] == "0.200000"
    assert (calls["target"]["tokens"]["input"], calls["target"]["tokens"]["output"]) == (20_000, 2_000)
    assert "note" not in calls
    assert calls["low"] <= calls["ratio"] <= calls["high"]
    assert calls["ratio"] == pytest.approx(2 / 3)


def test_too_few_calls_say_so_in_place_of_a_ratio(priced: Scene) -> None:
    went_live = now() - timedelta(seconds=5)
    _add(priced, _calls(BASELINE, 3, went_live - timedelta(hours=1)))
    calls = _cost(priced, went_live)["calls"]
    assert calls["target"] == {"version": 2, "calls": 0, "tokens": None, "cost_per_1000_calls_usd": None}
    assert calls["note"].startswith("not enough data: ")
    assert "ratio" not in calls


def test_the_cost_by_eval_runs_is_always_told_where_there_are_any(scene: Scene) -> None:
    assert _cost(scene, now())["eval"] == {"note": "not enough data: no eval set is on record"}
    add_run(scene.registry, _version(scene, BASELINE), cost_usd=0.002)
    assert _cost(scene, now())["eval"] == {"note": "not enough data: no eval run of version 2"}
    add_run(scene.registry, _version(scene, TARGET), cost_usd=0.001)
    told = _cost(scene, now())["eval"]
    assert (told["cases"], told["ratio"]) == (60, pytest.approx(0.5))
    assert (told["baseline_cost_per_1000_calls_usd"], told["target_cost_per_1000_calls_usd"]) == (2.0, 1.0)
    later = NOON + timedelta(minutes=1)
    add_run(scene.registry, _version(scene, TARGET), cost_usd=0.009, at=later, on_record=False)
    assert _cost(scene, now())["eval"] == told  # another agent says nothing of the workflow's own
