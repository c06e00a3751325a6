"""`agent-deploy diff`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from agent_deploy.cli.options import Settings, example, json_option, pass_settings
from agent_deploy.cli.output import emit, facts

if TYPE_CHECKING:
    from agent_deploy.operations.diff import Diff

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


@click.command(
    "diff",
    epilog=example(
        "agent-deploy diff support-triage@1 support-triage@2",
        "agent-deploy diff support-triage@production support-triage@staging",
    ),
)
@click.argument("old", metavar="REF")
@click.argument("new", metavar="REF")
@json_option
@pass_settings
def command(settings: Settings, old: str, new: str, as_json: bool) -> None:
    """Show what changed from one version to another.

    Model, parameters, tools, schemas and variables in words, prompts as a unified diff.
    """
    from agent_deploy.operations.diff import diff

    found = diff(settings.registry(), old, new)
    document = {
        "old": {"workflow": found.old.workflow, "version": found.old.number, "digest": found.old.digest},
        "new": {"workflow": found.new.workflow, "version": found.new.number, "digest": found.new.digest},
        "changes": [{"level": change.level, "what": change.what} for change in found.changes],
        "texts": found.texts,
    }
    emit(as_json, document, lambda: _text(found))


def _text(found: Diff) -> str:
    heading = f"{found.old.ref} ({found.old.tag}) → {found.new.ref} ({found.new.tag})"
    if not found.changes and not found.texts:
        return f"{heading}: no difference"
    changes = facts([(change.level, change.what) for change in found.changes])
    return "\n".join([heading, changes, *("\n" + _coloured(text) for text in found.texts.values())]).rstrip()


def _coloured(text: str) -> str:
    return "\n".join(click.style(line, fg=_COLOURS.get(line[:1])) for line in text.splitlines())
