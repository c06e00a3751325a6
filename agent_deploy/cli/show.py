"""`agent-deploy show`."""

from __future__ import annotations

import click

from agent_deploy.cli.options import Settings, example, json_option, pass_settings
from agent_deploy.cli.output import emit, facts, moment


@click.command(
    "show", epilog=example("agent-deploy show support-triage@production", "agent-deploy show support-triage@1.4.0")
)
@click.argument("ref", metavar="REF")
@json_option
@pass_settings
def command(settings: Settings, ref: str, as_json: bool) -> None:
    """Show one version: what it is and what is in it.

    REF: workflow@42, workflow@1.4.0, workflow@sha256:ab12cd34, or workflow@production for what is live there.
    """
    from agent_deploy.operations.show import show
    from registry.times import to_text

    shown = show(settings.registry(), ref)
    version = shown.version
    document = {
        "workflow": version.workflow,
        "version": version.number,
        "tag": version.tag,
        "digest": version.digest,
        "live_in": list(shown.live_in),
        "registered_at": to_text(version.created_at),
        "actor": version.actor,
        "note": version.note,
        "hash": version.hash,
        "config": dict(shown.config),
        "files": [{"path": path, "bytes": size} for path, size in sorted(shown.files.items())],
    }
    models = [
        (f"model {step}", " ".join([f"{model['provider']}/{model['name']}", *_parameters(model)]))
        for step, model in shown.config["models"].items()
    ]
    pairs = [
        ("digest", version.digest),
        ("live in", ", ".join(shown.live_in) or "nowhere"),
        ("registered", f"{moment(version.created_at)} by {version.actor}"),
        ("note", version.note),
        *models,
        *((f"prompt {name}", path) for name, path in shown.config["prompts"].items()),
        *((f"tool {name}", path) for name, path in shown.config.get("tools", {}).items()),
        ("output", shown.config.get("output", {}).get("schema", "")),
        *((f"input {name}", words) for name, words in shown.config.get("inputs", {}).items()),
        *((name, words) for name, words in shown.config.get("metadata", {}).items()),
    ]
    emit(as_json, document, lambda: f"{version.ref} ({version.tag})\n{facts(pairs)}")


def _parameters(model: dict[str, object]) -> list[str]:
    return [f"{key}={value}" for key, value in model.items() if key not in ("provider", "name")]
