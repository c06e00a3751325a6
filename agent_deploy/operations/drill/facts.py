"""What production's own calls say during a drill: errors and latency as guards, and what each version costs."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from agent_deploy.config import Config
from agent_deploy.operations.live_cost import facts_at_hand
from drills.models import Check, DrillPlan, PhaseName
from drills.policy import DrillPolicy
from registry.registry import Registry
from registry.times import now

if TYPE_CHECKING:
    from agent_deploy.costs.report import Line
    from agent_deploy.telemetry.facts.store import FactStore
    from agent_deploy.telemetry.looking.versions import Seen

_LEAST_CALLS = 20  # fewer prove nothing about a rate
_BASELINE_FROM = timedelta(days=7)
_NOT_ENOUGH = "not enough data"


def ask_facts(
    registry: Registry, config: Config, policy: DrillPolicy, plan: DrillPlan, phase: PhaseName, since: datetime
) -> list[Check]:
    """A check for each of `max_error_rate` and `max_latency_increase` that is set; without enough calls it holds."""
    if policy.max_error_rate is None and policy.max_latency_increase is None:
        return []
    away = phase == "hold"
    live, other = (plan.target, plan.baseline) if away else (plan.baseline, plan.target)
    facts = facts_at_hand(registry, config)
    week = _seen(facts, plan, now() - _BASELINE_FROM) if facts else {}
    recent = week if facts is None or phase == "steady_before" else _seen(facts, plan, since)
    here = recent.get(live.version)
    checks = []
    if policy.max_error_rate is not None:
        checks.append(_error_rate(phase, here, policy.max_error_rate))
    if policy.max_latency_increase is not None and away:
        checks.append(_latency(phase, here, week.get(other.version), policy.max_latency_increase))
    return checks


def _error_rate(phase: PhaseName, here: Seen | None, most: float) -> Check:
    if here is None or here.calls < _LEAST_CALLS:
        return Check("error rate", phase, ok=True, detail=_too_few(here))
    rate = here.failed / here.calls
    told = f"{100 * rate:.1f} % of {here.calls:,} calls failed, at most {100 * most:.1f} %"
    return Check("error rate", phase, rate <= most, told, {"calls": here.calls, "failed": here.failed})


def _latency(phase: PhaseName, here: Seen | None, before: Seen | None, most: float) -> Check:
    if here is None or here.calls < _LEAST_CALLS or here.p95_ms is None or before is None or before.p95_ms is None:
        return Check("latency", phase, ok=True, detail=_too_few(here))
    p95_ms, was_ms = here.p95_ms, before.p95_ms
    told = f"95 % within {p95_ms:,.0f} ms, baseline {was_ms:,.0f} ms, at most {100 * most:+.0f} %"
    return Check("latency", phase, p95_ms <= was_ms * (1 + most), told, {"p95_ms": p95_ms, "baseline_p95_ms": was_ms})


def _too_few(here: Seen | None) -> str:
    return f"{_NOT_ENOUGH}: {here.calls if here else 0} calls, {_LEAST_CALLS} wanted"


def measure_cost(
    registry: Registry, config: Config, plan: DrillPlan, since: datetime, until: datetime
) -> dict[str, Any]:
    """What each of the two versions costs: by production's calls while the target was live, and by their eval runs.

    `calls` and `eval`, each with `ratio`, `low` and `high` (target over baseline), or with a note of what is lacking.
    """
    return {"calls": _of_calls(registry, config, plan, since, until), "eval": _of_evals(registry, plan)}


def _of_calls(registry: Registry, config: Config, plan: DrillPlan, since: datetime, until: datetime) -> dict[str, Any]:
    facts = facts_at_hand(registry, config)
    if facts is None:
        return {"note": f"{_NOT_ENOUGH}: there are no facts of calls"}
    from agent_deploy.costs.prices import open_prices
    from agent_deploy.operations.cost import cost
    from agent_deploy.operations.cost_delta import fair_delta

    prices, before = open_prices(config.prices), since - _BASELINE_FROM
    known = (plan.workflow,)
    held = cost(
        facts, prices, plan.workflow, since=since, until=until, environment=plan.place, by="version",
        known=lambda: known,
    )  # fmt: skip
    usual = cost(
        facts, prices, plan.workflow, since=before, until=since, environment=plan.place, by="version",
        known=lambda: known,
    )  # fmt: skip
    delta = fair_delta(
        facts, prices, plan.workflow, plan.baseline.version, plan.target.version, since=before, until=until,
        environment=plan.place,
    )  # fmt: skip
    sides = {
        "baseline": _line(usual.lines, plan.baseline.version),
        "target": _line(held.lines, plan.target.version),
    }
    if delta.ratio is None or delta.low is None or delta.high is None or delta.verdict == "not_enough_data":
        return {**sides, "note": f"{_NOT_ENOUGH}: {delta.why}"}
    return {**sides, "ratio": delta.ratio, "low": delta.low, "high": delta.high}


def _line(lines: tuple[Line, ...], version: int) -> Mapping[str, Any]:
    """Calls, tokens, and cost of a thousand calls of one version."""
    line = next((line for line in lines if line.group == str(version)), None)
    if line is None:
        return {"version": version, "calls": 0, "tokens": None, "cost_per_1000_calls_usd": None}
    thousand = None if line.per_call_usd is None else f"{1000 * line.per_call_usd:.6f}"
    tokens = {name: getattr(line.usage, name) for name in type(line.usage).__slots__}
    return {"version": version, "calls": line.calls, "tokens": tokens, "cost_per_1000_calls_usd": thousand}


def _of_evals(registry: Registry, plan: DrillPlan) -> dict[str, Any]:
    """By the run of each that the gate would go by."""
    from agent_deploy.evals.recording import newest_that_counts, read_outcomes, set_on_record
    from agent_deploy.operations.cost_delta import eval_cost_delta

    with registry.database.read() as connection:
        on_record = set_on_record(connection, plan.workflow)
        if on_record is None:
            return {"note": f"{_NOT_ENOUGH}: no eval set is on record"}
        target, baseline = (
            newest_that_counts(connection, plan.workflow, side.digest, on_record.set_digest)
            for side in (plan.target, plan.baseline)
        )
    if target is None or baseline is None:
        lacking = [side for side, run in ((plan.target, target), (plan.baseline, baseline)) if run is None]
        return {"note": f"{_NOT_ENOUGH}: no eval run of version {' and '.join(str(one.version) for one in lacking)}"}
    delta = eval_cost_delta(read_outcomes(registry, target), read_outcomes(registry, baseline))
    runs = {"target_run": target.started.id, "baseline_run": baseline.started.id}
    if delta is None:
        return {**runs, "note": f"{_NOT_ENOUGH}: the runs have no case whose cost is known in both"}
    return {
        **runs,
        "cases": delta.cases,
        "baseline_cost_per_1000_calls_usd": round(1000 * delta.from_usd, 6),
        "target_cost_per_1000_calls_usd": round(1000 * delta.to_usd, 6),
        "ratio": delta.ratio,
        "low": delta.low,
        "high": delta.high,
    }


def _seen(facts: FactStore, plan: DrillPlan, since: datetime) -> dict[int, Seen]:
    """The calls of each version since a moment."""
    from agent_deploy.telemetry.looking.versions import seen_by_version

    with closing(facts.connection(since=since, until=now())) as connection:
        return seen_by_version(connection, plan.workflow, plan.place)
