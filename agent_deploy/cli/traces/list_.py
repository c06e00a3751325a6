"""`agent-deploy traces list`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from agent_deploy.cli.options import Settings, example, json_option, pass_settings
from agent_deploy.cli.output import emit, moment, table

if TYPE_CHECKING:
    from agent_deploy.operations.traces.list_ import Calls
    from agent_deploy.telemetry.looking.calls import Call

_SLOWEST = 0.0
_HEADINGS = [
    "CALL", "STARTED", "TOOK", "ENDED", "VERSION", "ENVIRONMENT", "TENANT", "TOKENS", "COST", "TOOLS", "RETRIES",
]  # fmt: skip


@click.command(
    "list",
    epilog=example(
        "agent-deploy traces list --workflow support-triage --failed",
        "agent-deploy traces list --tenant acme --since 7d --slow 2000",
    ),
)
@click.option("--workflow", metavar="NAME", default="", help="Of this workflow only.")
@click.option("--tenant", metavar="ID", default="", help="Of this tenant only.")
@click.option("--version", "version", type=click.IntRange(min=1), metavar="N", help="Served by this version only.")
@click.option("--env", "environment", metavar="ENV", default="", help="In this environment only; all if left out.")
@click.option("--failed", is_flag=True, help="Only those that failed.")
@click.option(
    "--slow", "slow_ms", type=click.FloatRange(min=0), is_flag=False, flag_value=_SLOWEST, metavar="[MS]",
    help="Slowest first: those that took MS milliseconds or more; without MS, the slowest twentieth.",
)  # fmt: skip
@click.option("--since", default="24h", show_default=True, metavar="SPAN|DATE", help="How far back: 24h, 7d, a date.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, metavar="N", help="How many.")
@json_option
@pass_settings
def command(
    settings: Settings, workflow: str, tenant: str, version: int | None, environment: str, failed: bool,
    slow_ms: float | None, since: str, limit: int, as_json: bool,
) -> None:  # fmt: skip
    """List calls, newest first."""
    from agent_deploy.costs.prices import open_prices
    from agent_deploy.operations.moments import moment_of
    from agent_deploy.operations.traces.list_ import list_
    from agent_deploy.operations.workflows import workflows_on_record
    from agent_deploy.telemetry.facts.store import open_facts
    from agent_deploy.telemetry.looking.calls import Wanted
    from registry.times import now

    config = settings.config()
    if environment:
        config.check_environment(environment)
    found = list_(
        open_facts(config),
        open_prices(config.prices),
        Wanted(workflow, tenant, version, environment, failed, None if slow_ms == _SLOWEST else slow_ms),
        moment_of(since, "--since", now()),
        limit,
        slow=slow_ms is not None,
        known=lambda: workflows_on_record(config),
    )
    emit(as_json, _document(found), lambda: _text(found))


def _document(found: Calls) -> dict[str, Any]:
    from registry.times import to_text

    return {
        "since": to_text(found.since),
        "slow_ms": found.slow_ms,
        "more": found.more,
        "calls": [_call_document(call) for call in found.calls],
    }


def _call_document(call: Call) -> dict[str, Any]:
    from registry.times import to_text

    return {
        "call": call.key,
        "trace_id": call.trace_id,
        "workflow": call.workflow,
        "environment": call.environment,
        "version": call.version or None,
        "tag": call.tag,
        "tenant": call.tenant,
        "request_id": call.request_id,
        "started_at": to_text(call.started_at),
        "duration_ms": call.duration_ms,
        "complete": call.rooted,
        "failed": call.failed,
        "failure_mode": call.failure_mode,
        "error_type": call.error_type,
        "outcome": call.outcome,
        "confidence": call.confidence,
        "score_passed": call.score_passed,
        "model": call.model,
        "model_calls": call.model_calls,
        "tool_calls": call.tool_calls,
        "retries": call.retries,
        "tokens": {"input": call.input_tokens, "output": call.output_tokens},
        "cost_usd": None if call.cost_usd is None else f"{call.cost_usd:f}",
        "unpriced": list(call.unpriced),
    }


def _text(found: Calls) -> str:
    if not found.calls:
        return f"no such call on record since {moment(found.since)}; --since looks back further"
    lines = [table(_HEADINGS, [_cells(call) for call in found.calls])]
    if found.more:
        lines.append("there are more; --limit shows them")
    return "\n".join(lines)


def _cells(call: Call) -> list[str]:
    from agent_deploy.cli.traces.words import cost_word, ended, tokens_word
    from agent_deploy.wording import milliseconds

    return [
        call.key, moment(call.started_at), "-" if call.duration_ms is None else milliseconds(call.duration_ms),
        ended(call), _version(call), call.environment or "-", call.tenant or "-",
        tokens_word(call.input_tokens, call.output_tokens), cost_word(call.cost_usd, call.model_calls, call.unpriced),
        f"{call.tool_calls:,}", f"{call.retries:,}",
    ]  # fmt: skip


def _version(call: Call) -> str:
    """`support-triage@42`."""
    return f"{call.workflow or '-'}{f'@{call.version}' if call.version else ''}"
