"""A workflow's figures as text for people: the window beside the one before, by version, and its trend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from agent_deploy.cli.metrics_trend import trend_text
from agent_deploy.cli.metrics_words import Number, dollars, share, time, whole
from agent_deploy.cli.output import count, moment, table
from agent_deploy.wording import change, milliseconds, percent

if TYPE_CHECKING:
    from agent_deploy.telemetry.looking.metrics import Figures, Latency, Metrics

_MOST_VERSIONS = 5


def metrics_text(found: Metrics, window: str) -> str:
    """All of it. window: as it was asked for."""
    where = f" in {found.environment}" if found.environment else ""
    title = click.style(f"{found.workflow}{where}, {moment(found.since)} to {moment(found.until)}", bold=True)
    if not found.current.counts.calls and not found.before.counts.calls:
        return f"{title}\nno call on record, nor in the {window} before"
    parts = [
        title, _overview(found, window), _steps(found), _tools(found), _failures(found), _outcomes(found),
        trend_text(found), _unpriced(found),
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part)


def _overview(found: Metrics, window: str) -> str:
    """A figure a row; the window, the one before, what changed, and each version, of many the newest."""
    versions = list(found.versions.items())[-_MOST_VERSIONS:] if len(found.versions) > 1 else []
    rows = []
    for name, value, tell in _FIGURES:
        now, before = value(found.current), value(found.before)
        if now is not None or before is not None:
            moved = _points(before, now) if tell is share else _change(before, now)
            rows.append([name, tell(now), tell(before), moved, *(tell(value(figures)) for _, figures in versions)])
    names = [f"v{version}" if version else "no version" for version, _ in versions]
    return table(["", f"LAST {window}", "BEFORE", "CHANGE", *names], rows)


_FIGURES: Sequence[tuple[str, Callable[[Figures], Number], Callable[[Number], str]]] = (
    ("calls", lambda one: one.counts.calls, whole),
    ("failed", lambda one: one.counts.failure_rate, share),
    ("quality", lambda one: one.counts.quality_rate, share),
    ("  scored", lambda one: one.counts.scored or None, whole),
    ("P50", lambda one: one.counts.latency.p50_ms if one.counts.latency else None, time),
    ("P95", lambda one: one.counts.latency.p95_ms if one.counts.latency else None, time),
    ("P99", lambda one: one.counts.latency.p99_ms if one.counts.latency else None, time),
    ("cost", lambda one: one.cost_usd, dollars),
    ("cost per call", lambda one: one.per_call_usd, dollars),
    ("  of unknown cost", lambda one: one.cost.unknown_calls or None, whole),
)


def _change(before: Number, now: Number) -> str:
    return change(before, now) or "-"


def _points(before: Number, now: Number) -> str:
    """How far a share moved, in percentage points."""
    return "-" if before is None or now is None else f"{100 * (float(now) - float(before)):+.1f} points"


def _steps(found: Metrics) -> str:
    rows = [
        [step.name, step.kind, f"{step.count:,}", percent(step.failed / step.count), *_percentiles(step.latency)]
        for step in found.current.steps
    ]
    before = {(step.kind, step.name): step for step in found.before.steps}
    for row, step in zip(rows, found.current.steps, strict=True):
        earlier = before.get((step.kind, step.name))
        row.append(_change(earlier.latency.p95_ms if earlier else None, step.latency.p95_ms))
    return table(["STEP", "KIND", "COUNT", "FAILED", "P50", "P95", "P99", "P95 CHANGE"], rows) if rows else ""


def _percentiles(latency: Latency) -> list[str]:
    return [milliseconds(latency.p50_ms), milliseconds(latency.p95_ms), milliseconds(latency.p99_ms)]


def _tools(found: Metrics) -> str:
    all_of_them = sum(tool.count for tool in found.current.tools)
    before = {tool.tool: tool for tool in found.before.tools}
    rows = [
        [tool.tool or "-", f"{tool.count:,}", percent(tool.count / all_of_them), percent(tool.success_rate),
         percent(before[tool.tool].success_rate) if tool.tool in before else "-"]
        for tool in found.current.tools
    ]  # fmt: skip
    return table(["TOOL", "CALLED", "SHARE", "SUCCEEDED", "BEFORE"], rows) if rows else ""


def _failures(found: Metrics) -> str:
    failed, before = found.current.counts.failed, found.before.failures
    rows = [
        [mode or "-", f"{calls:,}", percent(calls / failed), f"{before.get(mode, 0):,}"]
        for mode, calls in found.current.failures.items()
    ]
    return table(["FAILURE MODE", "CALLS", "SHARE", "BEFORE"], rows) if rows else ""


def _outcomes(found: Metrics) -> str:
    before = {one.outcome: one for one in found.before.outcomes}
    rows = []
    for one in found.current.outcomes:
        earlier = before.get(one.outcome)
        rows.append(
            [one.outcome, f"{one.calls:,}", percent(one.calls / found.current.counts.calls), dollars(one.cost_usd),
             dollars(earlier.cost_usd) if earlier else "-",
             _change(earlier.cost_usd if earlier else None, one.cost_usd)]
        )  # fmt: skip
    return table(["OUTCOME", "CALLS", "SHARE", "COST EACH", "BEFORE", "CHANGE"], rows) if rows else ""


def _unpriced(found: Metrics) -> str:
    if not found.unpriced:
        return ""
    calls = count(found.current.cost.unknown_calls, "call")
    return (
        f"{calls} of unknown cost, in no cost above: no price, or no token counts, of {', '.join(found.unpriced)}\n"
        "  next: put their prices into the file that 'prices' in agent-deploy.toml names"
    )
