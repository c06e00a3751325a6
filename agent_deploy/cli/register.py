"""`agent-deploy register`."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent_deploy.cli.options import Settings, actor_option, example, json_option, pass_settings
from agent_deploy.cli.output import emit, facts, short

if TYPE_CHECKING:
    from agent_deploy.config import Config
    from agent_deploy.operations.register import Registered


@click.command(
    "register",
    epilog=example(
        "agent-deploy register workflows/support-triage",
        'agent-deploy register support-triage --tag 2.0.0-rc.1 --note "new schema"',
    ),
)
@click.argument("source", metavar="SOURCE")
@click.option("--tag", metavar="X.Y.Z", help="Semver tag; bumped from the latest by what changed if left out.")
@click.option("--note", metavar="TEXT", default="", help="A note for the record.")
@click.option("--allow-invisible", is_flag=True, help="Accept invisible and bidirectional characters.")
@click.option("--allow-secret", is_flag=True, help="Accept what looks like a secret.")
@actor_option
@json_option
@pass_settings
def command(
    settings: Settings, source: str, tag: str | None, note: str, allow_invisible: bool, allow_secret: bool,
    actor: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Turn a bundle folder into an immutable version.

    SOURCE is a bundle folder, or a workflow whose source agent-deploy.toml names. The same content registered again
    is the same version.
    """
    from agent_deploy.actor import find_actor
    from agent_deploy.operations.register import register
    from agent_deploy.operations.workflows import find_source
    from agent_deploy.wiring import open_registry
    from registry.source import read_source

    config = settings.config()
    folder = find_source(config, source)
    with _told_which(folder, source):
        bundle = read_source(folder, allow_invisible=allow_invisible, allow_secret=allow_secret)
    done = register(open_registry(config, create=True), bundle, actor=find_actor(actor), tag=tag, note=note)
    emit(as_json, document(done), lambda: text(done, next_command(config, done)))


@contextmanager
def _told_which(folder: Path, source: str) -> Iterator[None]:
    """A fault is told by file and line within the folder; of several bundles in one job, this tells which."""
    from registry.errors import BadInput

    try:
        yield
    except BadInput as error:
        raise BadInput(
            error.message,
            unchanged=error.unchanged or f"Nothing was registered from {folder}.",
            next_command=error.next_command or f"agent-deploy register {shlex.quote(source)}   # once it is mended",
        ) from error


def next_command(config: Config, done: Registered) -> str:
    """What a new version needs next: evidence where a gate asks for it, else it can go live."""
    from agent_deploy.wiring import gate_policy

    version = done.version
    if gate_policy(config, version.workflow, config.default_environment):
        return f"agent-deploy eval {version.ref}"
    return f"agent-deploy promote {version.workflow} --version {version.number}"


def document(done: Registered) -> dict[str, Any]:
    """The JSON of register and import."""
    version = done.version
    return {
        "workflow": version.workflow,
        "version": version.number,
        "tag": version.tag,
        "digest": version.digest,
        "created": done.created,
        "changes": [{"level": change.level, "what": change.what} for change in done.changes],
    }


def text(done: Registered, next_command: str) -> str:
    """The words of register and import; next_command: what to type next."""
    version = done.version
    if not done.created:
        return f"{version.ref} ({version.tag}) has this very content already; nothing new was registered"
    return "\n".join(
        [
            f"registered {version.ref} ({version.tag})",
            facts(
                [
                    ("digest", short(version.digest)),
                    *((change.level, change.what) for change in done.changes),
                    ("next", next_command),
                ]
            ),
        ]
    )
