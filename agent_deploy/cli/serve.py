"""`agent-deploy serve`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from agent_deploy.cli.options import Settings, example, json_option, pass_settings
from agent_deploy.cli.output import count, emit, facts

if TYPE_CHECKING:
    from agent_deploy.operations.serve import Serving, Wanted


@click.command(
    "serve",
    epilog=example(
        "agent-deploy token create --scope ingest",
        "agent-deploy serve",
        "agent-deploy serve --host 0.0.0.0 --forward http://collector:4318/v1/traces",
    ),
)
@click.option("--host", metavar="HOST", help="Address to listen on; else the configuration's, else 127.0.0.1.")
@click.option(
    "--port", type=click.IntRange(0, 65535), metavar="PORT",
    help="0 takes a free one; else the configuration's, else 4319.",
)  # fmt: skip
@click.option("--forward", metavar="URL", help="Pass exports on, as they came, to another OTLP/HTTP endpoint.")
@click.option("--no-auth", is_flag=True, help="Ask senders for no token; on a loopback address alone.")
@json_option
@pass_settings
def command(
    settings: Settings, host: str | None, port: int | None, forward: str | None, no_auth: bool, as_json: bool
) -> None:
    """Receive traces over OTLP/HTTP, and keep their facts.

    Exporters post to /v1/traces with a bearer token; what is answered 200 is on disk. /healthz and /metrics tell how
    it is. Stop it with Ctrl-C or SIGTERM: it finishes what is under way and exits 0. Logs go to stderr.
    """
    from agent_deploy.costs.prices import open_prices
    from agent_deploy.log import configure
    from agent_deploy.operations.drill.status import drilled
    from agent_deploy.operations.serve import serve
    from agent_deploy.telemetry.facts.store import open_facts
    from agent_deploy.wiring import open_registry

    config = settings.config()
    wanted = _wanted(config.document.get("serve", {}), host, port, forward, no_auth)
    registry = open_registry(config)
    configure()
    serve(
        registry, open_facts(config), open_prices(config.prices), wanted,
        lambda serving: emit(as_json, _document(serving), lambda: _text(serving)),
        drilled=lambda: drilled(registry, config),
    )  # fmt: skip


def _wanted(table: Any, host: str | None, port: int | None, forward: str | None, no_auth: bool) -> Wanted:
    """What the flags say, then the configuration's `[serve]`."""
    from agent_deploy.operations.serve import DEFAULT_HOST, DEFAULT_PORT, Wanted

    return Wanted(
        host=host if host is not None else table.get("host", DEFAULT_HOST),
        port=port if port is not None else table.get("port", DEFAULT_PORT),
        forward=forward if forward is not None else table.get("forward"),
        with_tokens=not no_auth,
    )


def _document(serving: Serving) -> dict[str, Any]:
    return {
        "url": serving.traces_url,
        "health": f"{serving.url}/healthz",
        "metrics": f"{serving.url}/metrics",
        "spool": serving.spool,
        "store": serving.store,
        "auth": serving.tokens is not None,
        "tokens": serving.tokens,
        "forward": serving.forward,
    }


def _text(serving: Serving) -> str:
    tokens = "none needed (--no-auth)"
    if serving.tokens is not None:
        tokens = count(serving.tokens, "token") if serving.tokens else "none yet: agent-deploy token create"
    told = facts(
        [
            ("spool", serving.spool),
            ("store", serving.store),
            ("tokens", tokens),
            ("forward", serving.forward or ""),
        ]
    )
    return f"receiving traces on {serving.traces_url}\n{told}"
