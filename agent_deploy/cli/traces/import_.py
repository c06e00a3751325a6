"""`agent-deploy traces import`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from agent_deploy.cli.options import Settings, example, json_option, pass_settings
from agent_deploy.cli.output import count, emit, facts, progress, say

if TYPE_CHECKING:
    from agent_deploy.operations.traces.import_ import Imported

_TOLD = 10


@click.command(
    "import",
    epilog=example(
        "agent-deploy traces import /var/lib/otelcol/traces/",
        "agent-deploy traces import traces-2026-11-24.json.gz traces.json",
        "zcat old/*.gz | agent-deploy traces import -",
    ),
)
@click.argument("paths", metavar="FILE...", nargs=-1, required=True)
@click.option("--strict", is_flag=True, help="Stop at the first line that cannot be read.")
@json_option
@pass_settings
def command(settings: Settings, paths: tuple[str, ...], strict: bool, as_json: bool) -> None:
    """Take trace files as facts.

    OTLP as the Collector's file exporter writes it: JSON lines or frames, plain, zstd or gzip; a folder stands for its
    trace files, - for stdin. Spans of OpenTelemetry GenAI conventions old and new, OpenInference and OpenLLMetry are
    understood. What was imported before is not counted again.
    """
    from agent_deploy.operations.traces.import_ import find_sources, import_
    from agent_deploy.telemetry.facts.store import open_facts

    sources = find_sources(paths, sys.stdin.buffer)
    kept = open_facts(settings.config())
    seal = partial(kept.seal, everything=True)
    done = import_(sources, kept.spool().append, seal=seal, strict=strict, progress=progress)
    emit(as_json, _document(done), lambda: _text(done))
    if done.bad_lines and not as_json:
        _tell_bad(done)


def _document(done: Imported) -> dict[str, Any]:
    return {
        "files": done.files,
        "lines": done.lines,
        "spans": done.spans,
        "facts": done.facts,
        "skipped": dict(done.skipped),
        "ignored": dict(done.ignored),
        "bad_lines": done.bad_lines,
        "bad": [{"file": bad.file, "line": bad.line, "message": bad.message} for bad in done.bad],
    }


def _text(done: Imported) -> str:
    first = f"{count(done.facts, 'fact')} of {count(done.spans, 'span')}, from {count(done.files, 'file')}"
    told = facts([("skipped", _counts(done.skipped)), ("ignored values", _counts(done.ignored))])
    return f"{first}\n{told}".rstrip()


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {why}" for why, number in counts.items())


def _tell_bad(done: Imported) -> None:
    say(f"{count(done.bad_lines, 'line')} could not be read:")
    for bad in done.bad[:_TOLD]:
        say(f"  {bad.file}:{bad.line}: {bad.message}")
    if done.bad_lines > _TOLD:
        say("  … --json lists the first hundred")
