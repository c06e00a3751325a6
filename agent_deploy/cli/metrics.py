"""`agent-deploy metrics`."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from agent_deploy.cli.options import Settings, example, json_option, pass_settings
from agent_deploy.cli.output import emit

if TYPE_CHECKING:
    from agent_deploy.telemetry.looking.metrics import Bucket, Cost, Counts, Figures, Latency, Metrics


@click.command(
    "metrics",
    epilog=example(
        "agent-deploy metrics support-triage --window 1h",
        "agent-deploy metrics support-triage --window 7d --env production --json",
    ),
)
@click.argument("workflow", metavar="WORKFLOW")
@click.option(
    "--window", metavar="SPAN", default="24h", show_default=True, help="The time up to now: 30m, 1h, 24h, 7d, 30d.",
)  # fmt: skip
@click.option("--env", "environment", metavar="ENV", default="", help="In this environment only; all if left out.")
@json_option
@pass_settings
def command(settings: Settings, workflow: str, window: str, environment: str, as_json: bool) -> None:
    """Show how well a workflow does, what it takes, and why it fails.

    Calls, quality where it was scored, latency of calls and steps, cost per outcome, tools and failure modes: each
    beside the window of the same length before, and for each version.
    """
    from agent_deploy.costs.prices import open_prices
    from agent_deploy.durations import duration_of
    from agent_deploy.operations.metrics import metrics
    from agent_deploy.operations.workflows import workflows_on_record
    from agent_deploy.telemetry.facts.store import open_facts

    config = settings.config()
    if environment:
        config.check_environment(environment)
    found = metrics(
        open_facts(config),
        open_prices(config.prices),
        workflow,
        duration_of(window, "--window"),
        environment,
        known=lambda: workflows_on_record(config),
    )
    emit(as_json, _document(found), lambda: _text(found, window))


def _text(found: Metrics, window: str) -> str:
    from agent_deploy.cli.metrics_text import metrics_text

    return metrics_text(found, window)


def _document(found: Metrics) -> dict[str, Any]:
    from registry.times import to_text

    return {
        "workflow": found.workflow,
        "environment": found.environment or None,
        "since": to_text(found.since),
        "until": to_text(found.until),
        "prices": found.prices,
        "unpriced": list(found.unpriced),
        "current": _figures(found.current),
        "before": {"since": to_text(found.before_since), **_figures(found.before)},
        "versions": [{"version": version or None, **_figures(figures)} for version, figures in found.versions.items()],
        "trend": {
            "bucket_s": int(found.bucket.total_seconds()),
            "buckets": [_bucket(bucket) for bucket in found.trend],
        },
    }


def _figures(figures: Figures) -> dict[str, Any]:
    return {
        **_counts(figures.counts),
        **_cost(figures.cost, figures.counts.calls),
        "failure_modes": dict(figures.failures),
        "outcomes": [
            {"outcome": one.outcome, "calls": one.calls, "cost_usd": _usd(one.cost_usd)} for one in figures.outcomes
        ],
        "steps": [
            {
                "kind": step.kind,
                "name": step.name,
                "count": step.count,
                "failed": step.failed,
                "latency": _latency(step.latency),
            }
            for step in figures.steps
        ],
        "tools": [
            {"tool": tool.tool, "count": tool.count, "failed": tool.failed, "success_rate": tool.success_rate}
            for tool in figures.tools
        ],
    }


def _bucket(bucket: Bucket) -> dict[str, Any]:
    from registry.times import to_text

    return {"since": to_text(bucket.since), **_counts(bucket.counts), **_cost(bucket.cost, bucket.counts.calls)}


def _counts(counts: Counts) -> dict[str, Any]:
    interval = counts.quality_interval
    return {
        "calls": counts.calls,
        "failed": counts.failed,
        "failure_rate": counts.failure_rate,
        "quality": {
            "scored": counts.scored,
            "passed": counts.passed,
            "rate": counts.quality_rate,
            "interval": list(interval) if interval else None,
        },
        "latency": _latency(counts.latency),
    }


def _latency(latency: Latency | None) -> dict[str, float | None]:
    if latency is None:
        return {"p50_ms": None, "p95_ms": None, "p99_ms": None}
    return {"p50_ms": latency.p50_ms, "p95_ms": latency.p95_ms, "p99_ms": latency.p99_ms}


def _cost(cost: Cost, calls: int) -> dict[str, Any]:
    return {
        "cost_usd": _usd(cost.usd(calls)),
        "per_call_usd": _usd(cost.per_call_usd(calls)),
        "calls_of_unknown_cost": cost.unknown_calls,
    }


def _usd(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"
