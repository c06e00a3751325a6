"""`agent-deploy history`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from agent_deploy.cli.options import Settings, example, json_option, pass_settings
from agent_deploy.cli.output import emit, moment, table
from agent_deploy.cli.releases import gate_of, gate_word

if TYPE_CHECKING:
    from registry.models import Release

_HEADINGS = ["ENVIRONMENT", "GENERATION", "VERSION", "TAG", "KIND", "GATE", "FROM", "AT", "BY", "HASH", "REASON"]


@click.command("history", epilog=example("agent-deploy history support-triage --env production --limit 10"))
@click.argument("workflow", metavar="WORKFLOW")
@click.option("--env", "environment", metavar="ENV", help="One environment only; all if left out.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, metavar="N", help="How many.")
@json_option
@pass_settings
def command(settings: Settings, workflow: str, environment: str | None, limit: int, as_json: bool) -> None:
    """Show a workflow's releases, newest first.

    Write the newest hash down elsewhere, whole, as --json has it: `agent-deploy verify --expect-head HASH` then proves
    that the log was not rebuilt.
    """
    from agent_deploy.operations.history import history

    releases = history(settings.registry(), workflow, environment, limit)
    document = {"workflow": workflow, "releases": [_release(release) for release in releases]}
    cells = [_cells(release) for release in releases]
    emit(as_json, document, lambda: table(_HEADINGS, cells) if cells else f"nothing of {workflow} was ever live")


def _release(release: Release) -> dict[str, Any]:
    from registry.times import to_text

    return {
        "environment": release.environment,
        "generation": release.generation,
        "version": release.version,
        "tag": release.tag,
        "digest": release.digest,
        "kind": release.kind,
        "actor": release.actor,
        "reason": release.reason,
        "released_at": to_text(release.released_at),
        "previous_version": release.previous_version,
        "override_hold": release.override_hold,
        "gate": gate_of(release),
        "hash": release.hash,
    }


def _cells(release: Release) -> list[str]:
    kind = f"{release.kind} (hold overridden)" if release.override_hold else release.kind
    return [
        release.environment, str(release.generation), str(release.version), release.tag, kind, gate_word(release),
        str(release.previous_version or "-"), moment(release.released_at), release.actor, release.hash[:19],
        release.reason,
    ]  # fmt: skip
