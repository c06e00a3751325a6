"""`agent-deploy gc`."""

from __future__ import annotations

import click

from agent_deploy.cli.options import Settings, example, json_option, pass_settings
from agent_deploy.cli.output import count, emit


@click.command("gc", epilog=example("agent-deploy gc --dry-run", "agent-deploy gc"))
@click.option("--dry-run", is_flag=True, help="Name the blobs; remove none.")
@json_option
@pass_settings
def command(settings: Settings, dry_run: bool, as_json: bool) -> None:
    """Remove blobs that no version refers to.

    Versions, releases, pointers and reader records are never touched. Safe beside a running register.
    """
    from agent_deploy.operations.gc import gc

    done = gc(settings.registry(), dry_run=dry_run)
    document = {
        "dry_run": dry_run,
        "removed": list(done.removed),
        "freed_bytes": done.freed_bytes,
        "kept": done.kept,
    }
    verb = "would remove" if dry_run else "removed"
    total = f"{verb} {count(len(done.removed), 'blob')} ({done.freed_bytes:,} bytes), kept {done.kept:,}"
    emit(as_json, document, lambda: "\n".join([*(f"{verb} {digest}" for digest in done.removed), total]))
