"""`agent-deploy traces compact`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from agent_deploy.cli.options import Settings, example, json_option, pass_settings
from agent_deploy.cli.output import count, emit

if TYPE_CHECKING:
    from agent_deploy.operations.traces.compact import Tidied


@click.command("compact", epilog=example("agent-deploy traces compact", "agent-deploy traces compact --set-aside"))
@click.option("--set-aside", is_flag=True, help="Move damaged segments to facts-damaged/, so that the others are read.")
@json_option
@pass_settings
def command(settings: Settings, set_aside: bool, as_json: bool) -> None:
    """Seal what was received, and merge each hour into a segment.

    `serve` does this by itself. Safe beside it, beside queries, and beside another of its kind: one works, the others
    exit 5. No fact is removed but the copies of one delivered twice.
    """
    from agent_deploy.operations.traces.compact import compact
    from agent_deploy.telemetry.facts.store import open_facts

    done = compact(open_facts(settings.config()), set_aside=set_aside)
    emit(as_json, _document(done), lambda: _text(done))


def _document(done: Tidied) -> dict[str, Any]:
    return {
        "sealed": {"files": done.sealed.files, "facts": done.sealed.facts, "segments": len(done.sealed.segments)},
        "damaged_lines_kept": [str(path) for path in done.sealed.damaged],
        "compacted": {
            "hours": done.compacted.hours,
            "merged": done.compacted.merged,
            "written": done.compacted.written,
            "bytes_before": done.compacted.bytes_before,
            "bytes_after": done.compacted.bytes_after,
        },
        "set_aside": [segment.key for segment in done.aside],
    }


def _text(done: Tidied) -> str:
    sealed, compacted = done.sealed, done.compacted
    lines = [
        *(f"set aside {segment.key}" for segment in done.aside),
        *(f"kept {path}: it also has lines that are no facts" for path in sealed.damaged),
        f"sealed {count(sealed.facts, 'fact')} in {count(len(sealed.segments), 'segment')}",
        f"merged {count(compacted.merged, 'segment')} of {count(compacted.hours, 'hour')} into {compacted.written:,} "
        f"({compacted.bytes_before:,} bytes, now {compacted.bytes_after:,})",
    ]
    return "\n".join(lines)
