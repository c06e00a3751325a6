"""`agent-deploy traces show`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from agent_deploy.cli.options import Settings, example, json_option, pass_settings
from agent_deploy.cli.output import emit

if TYPE_CHECKING:
    from agent_deploy.operations.traces.show import ShownCall
    from agent_deploy.telemetry.looking.tree import Step


@click.command(
    "show", epilog=example("agent-deploy traces show 00f067aa0ba902b7", "agent-deploy traces show 4bf92f3577b3 --json")
)
@click.argument("call", metavar="CALL")
@click.option(
    "--since", default=None, metavar="SPAN|DATE", help="How far back to look: 24h, 7d, a date. [default: all]"
)
@json_option
@pass_settings
def command(settings: Settings, call: str, since: str | None, as_json: bool) -> None:
    """Show one call as a tree of its steps.

    When each began, how long it took, its tokens, its cost, and what failed. CALL is the call's id, or its
    trace's, or the first digits of either, or a request id. With 'traces_link' in agent-deploy.toml, it also says where
    your own backend shows the trace.
    """
    from agent_deploy.costs.prices import open_prices
    from agent_deploy.operations.moments import moment_of
    from agent_deploy.operations.traces.show import LINK_KEY, show
    from agent_deploy.telemetry.facts.store import open_facts
    from registry.times import now

    config = settings.config()
    shown = show(
        open_facts(config),
        open_prices(config.prices),
        call,
        since=moment_of(since, "--since", now()) if since else None,
        link_template=config.document.get(LINK_KEY, ""),
    )
    emit(as_json, _document(shown), lambda: _text(shown))


def _text(shown: ShownCall) -> str:
    from agent_deploy.cli.traces.show_text import show_text

    return show_text(shown)


def _document(shown: ShownCall) -> dict[str, Any]:
    from registry.times import to_text

    tree, told = shown.tree, shown.tree.told
    return {
        "call": tree.id,
        "trace_id": tree.trace_id,
        "complete": tree.root is not None,
        "workflow": told.workflow,
        "environment": told.environment,
        "version": told.version or None,
        "tag": told.tag,
        "digest": told.digest,
        "generation": told.generation or None,
        "tenant": told.tenant,
        "user": told.user,
        "request_id": told.request_id,
        "conversation": told.conversation,
        "started_at": to_text(tree.started_at),
        "duration_ms": tree.duration_ms,
        "outcome": told.outcome,
        "confidence": told.confidence,
        "score": told.score,
        "score_passed": told.score_passed,
        "cost_usd": None if tree.unpriced else f"{tree.cost_usd:f}",
        "unpriced": list(tree.unpriced),
        "link": shown.link,
        "steps": [_step_document(step) for step in tree.steps],
    }


def _step_document(step: Step) -> dict[str, Any]:
    fact = step.fact
    return {
        "span_id": fact.span_id,
        "kind": fact.kind,
        "name": fact.name,
        "offset_ms": round(step.offset_ms, 3),
        "duration_ms": fact.duration_ms,
        "failed": fact.failed,
        "failure_mode": fact.failure_mode,
        "error_type": fact.error_type,
        "attempt": fact.attempt or None,
        "provider": fact.provider,
        "model": fact.model,
        "tool": fact.tool,
        "tokens": {
            "input": fact.input_tokens,
            "output": fact.output_tokens,
            "cache_read": fact.cache_read_tokens,
            "cache_write": fact.cache_write_tokens,
            "reasoning": fact.reasoning_tokens,
        },
        "cost_usd": None if step.cost_usd is None else f"{step.cost_usd:f}",
        "reported_cost_usd": fact.reported_cost_usd,
        "parse_ok": fact.parse_ok,
        "steps": [_step_document(inner) for inner in step.steps],
    }
