"""`agent-deploy traces prune`."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import click

from agent_deploy.cli.options import Settings, example, json_option, pass_settings
from agent_deploy.cli.output import count, emit, moment

if TYPE_CHECKING:
    from agent_deploy.telemetry.facts.pruning import Pruned


@click.command(
    "prune",
    epilog=example(
        "agent-deploy traces prune --older-than 90d --dry-run", "agent-deploy traces prune --older-than 90d"
    ),
)
@click.option("--older-than", metavar="SPAN", required=True, help="Hours that ended longer ago go: 90d, 52w.")
@click.option("--dry-run", is_flag=True, help="Say what would go; remove nothing.")
@json_option
@pass_settings
def command(settings: Settings, older_than: str, dry_run: bool, as_json: bool) -> None:
    """Remove facts that are older than a span of time.

    Whole hours go, of every workflow and environment. Versions, releases and evidence are never touched.
    """
    from agent_deploy.durations import duration_of
    from agent_deploy.operations.traces.prune import prune
    from agent_deploy.telemetry.facts.store import open_facts
    from registry.times import to_text

    span = duration_of(older_than, "--older-than")
    done = prune(open_facts(settings.config()), span, dry_run=dry_run)
    document = {
        "dry_run": dry_run,
        "before": to_text(done.before),
        "removed": [segment.key for segment in done.segments],
        "freed_bytes": done.freed_bytes,
    }
    emit(as_json, document, lambda: _text(done, "would remove" if dry_run else "removed"))


def _text(done: Pruned, verb: str) -> str:
    """A line a day, and the sum."""
    lines = []
    for day, segments in groupby(done.segments, lambda segment: f"{segment.hour:%Y-%m-%d}"):
        sizes = [segment.size for segment in segments]
        lines.append(f"{verb} {day}: {count(len(sizes), 'segment')} ({sum(sizes):,} bytes)")
    total = f"{count(len(done.segments), 'segment')} ({done.freed_bytes:,} bytes)"
    return "\n".join([*lines, f"{verb} {total} from before {moment(done.before)}"])
