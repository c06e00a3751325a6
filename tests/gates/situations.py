"""Facts to decide on, each made in one call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from agent_deploy.evals.outcomes import Outcomes
from agent_deploy.evals.runs import Run, RunStarted
from agent_deploy.gates.facts import Baseline, Candidate, Evidence, Facts
from agent_deploy.gates.policy import Policy
from agent_deploy.gates.rules import decide
from agent_deploy.gates.verdict import RuleResult
from agent_deploy.statistics.clusters import rate_interval

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
NEW, OLD, SET = "sha256:new", "sha256:old", "sha256:set"
CANDIDATE = Candidate("support-triage", 42, NEW, "ann")
LIVE = Baseline(41, OLD)


def outcomes_of(
    status: Sequence[str],
    *,
    critical: int = 0,
    clusters: Sequence[str] = (),
    cost: Sequence[float | None] = (),
    latency: Sequence[float | None] = (),
) -> Outcomes:
    """A run in columns: one text of letters a case. critical: how many of the first cases are. cost, latency: one a
    case, the same in each repeat; 0.01 USD and 100 ms when left out.
    """
    count, repeats = len(status), len(status[0])
    return Outcomes(
        cases=tuple(f"case-{place:05d}" for place in range(count)), repeats=repeats, status=tuple(status),
        critical=tuple(place < critical for place in range(count)), clusters=tuple(clusters) or ("",) * count,
        tags=((),) * count, cost_usd=tuple((value,) * repeats for value in cost or [0.01] * count),
        latency_ms=tuple((value,) * repeats for value in latency or [100.0] * count),
    )  # fmt: skip


def evidence_of(outcomes: Outcomes, digest: str = NEW, **changes: Any) -> Evidence:
    """The run with these outcomes, finished an hour ago. changes: to the run, or to its start."""
    letters = "".join(outcomes.status)
    rates = [status.count("P") / outcomes.repeats for status in outcomes.status]
    started = RunStarted(
        id="run-new" if digest == NEW else "run-old", workflow="support-triage", version=42 if digest == NEW else 41,
        digest=digest, environment="staging", set_path="cases.yaml", set_digest=SET, cases=len(outcomes.cases),
        repeats=outcomes.repeats, agent="triage:answer", origin="eval", tag="", actor="ann",
        started_at=NOW - timedelta(hours=2),
    )  # fmt: skip
    started = replace(started, **{name: changes.pop(name) for name in list(changes) if hasattr(started, name)})
    run = Run(
        started=started, finished_at=NOW - timedelta(hours=1), passed=letters.count("P"), failed=letters.count("F"),
        errored=letters.count("E"), interval=rate_interval(rates, outcomes.clusters, repeats=outcomes.repeats),
        cost_usd=Decimal("0.60"), judge_cost_usd=None, unpriced=(), usage=None, p50_ms=100.0, p95_ms=100.0,
        outcomes="sha256:outcomes", results="sha256:results", resumed=0, prices="",
    )  # fmt: skip
    return Evidence(replace(run, **changes), outcomes)


def facts_of(new: Evidence | Outcomes | None, old: Evidence | Outcomes | None = None, **changes: Any) -> Facts:
    """Facts with these two runs; version 41 is live when there is an old one."""
    new = evidence_of(new) if isinstance(new, Outcomes) else new
    old = evidence_of(old, OLD) if isinstance(old, Outcomes) else old
    facts = Facts(CANDIDATE, "production", NOW, SET, new, baseline=LIVE if old else None, baseline_evidence=old)
    return replace(facts, **changes)


def table(both: int = 0, lost: int = 0, gained: int = 0, neither: int = 0) -> tuple[Outcomes, Outcomes]:
    """A new and an old run, one try a case, with so many cases passed by both, lost, gained, passed by neither."""
    new = "P" * both + "F" * lost + "P" * gained + "F" * neither
    old = "P" * both + "P" * lost + "F" * gained + "F" * neither
    return outcomes_of(list(new)), outcomes_of(list(old))


def rule_of(name: str, facts: Facts, **policy: Any) -> RuleResult:
    """What one rule says under a policy."""
    rules = {rule.rule: rule for rule in decide(Policy(**policy), facts).rules}
    return rules[name]
