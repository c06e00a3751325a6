"""`agent-deploy evals check`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent_deploy.cli.options import Settings, example, json_option, pass_settings
from agent_deploy.cli.output import count, emit, facts

if TYPE_CHECKING:
    from agent_deploy.operations.evals.check import Checked

_MOST_TOLD = 12


@click.command(
    "check",
    epilog=example(
        "agent-deploy evals check evals/support-triage.yaml",
        "agent-deploy evals check --print-schema > evals/eval-set.schema.json",
    ),
)
@click.argument("path", metavar="[PATH]", required=False)
@click.option("--print-schema", is_flag=True, help="Print the JSON Schema of eval sets, for editors, and do no more.")
@json_option
@pass_settings
def command(settings: Settings, path: str | None, print_schema: bool, as_json: bool) -> None:
    """Lint an eval set's file.

    Says what the set holds and what is doubtful about it. Exits 2 naming every fault by line, up to fifty.
    """
    from agent_deploy.operations.evals.check import check, schema

    if print_schema:
        emit(False, {}, lambda: schema().rstrip("\n"))
        return
    if path is None:
        raise click.MissingParameter(param_hint="'PATH'", param_type="argument")
    config = settings.config()
    checked = check(Path(path), path, modules=config.file.parent if config.file else Path.cwd())
    emit(as_json, _document(checked), lambda: _text(checked))
    if checked.faults and not as_json:
        import shlex

        from registry.errors import BadInput

        raise BadInput(
            f"{path} is no eval set: {count(len(checked.faults), 'fault')}",
            unchanged="Nothing was run.",
            next_command=f"agent-deploy evals check {shlex.quote(path)}   # once they are mended",
        )
    if checked.faults:
        click.get_current_context().exit(2)


def _document(checked: Checked) -> dict[str, Any]:
    return {
        "path": checked.path,
        "digest": checked.digest or None,
        "cases": checked.cases,
        "tags": dict(checked.tags),
        "critical": checked.critical,
        "clusters": checked.clusters,
        "scorers": dict(checked.scorers),
        "sources": dict(checked.sources),
        "warnings": [{"line": warning.line, "message": warning.message} for warning in checked.warnings],
        "faults": [{"line": fault.line, "message": fault.message} for fault in checked.faults],
    }


def _text(checked: Checked) -> str:
    if checked.faults:
        return "\n".join(f"{checked.path}:{fault.line}: {fault.message}" for fault in checked.faults)
    told = facts(
        [
            ("digest", checked.digest),
            ("tags", _counts(checked.tags)),
            ("critical", str(checked.critical or "")),
            ("clusters", str(checked.clusters or "")),
            ("scorers", _counts(checked.scorers)),
            ("sources", _counts(checked.sources)),
        ]
    )
    warnings = [f"{checked.path}:{warning.line}: warning: {warning.message}" for warning in checked.warnings]
    return "\n".join([f"{checked.path}: {count(checked.cases, 'case')}", told, *warnings])


def _counts(counts: Mapping[str, int]) -> str:
    told = [f"{name} {number}" for name, number in counts.items()]
    further = [f"{len(told) - _MOST_TOLD} more"] if len(told) > _MOST_TOLD else []
    return ", ".join([*told[:_MOST_TOLD], *further])
